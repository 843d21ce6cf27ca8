#pragma once

#include "core/time.hpp"
#include "net/loop.hpp"
#include "records/store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::control {

/// This process among others that share the records: says every few seconds that it lives, takes
/// over what others left that do not, and hears of what others have taken from it.
///
/// A lease is told by the database's clock. A process that cannot reach the database for longer is
/// taken for dead while it lives; it lets go of what it finds to be another's. Jobs of the bus have
/// leases of their own there (BusLeases). On home; SQL runs on `records_pool`.
class WorkerLeases {
public:
    struct Options {
        std::string worker;
        Nanoseconds lease = 20s;
    };
    struct Handlers {
        std::function<std::vector<std::string>()> running;  ///< What this process works with.
        /// It is ours from now on.
        std::function<void(records::Recording recording)> taken_over;
        std::function<void(const std::string& egress_id)> lost;  ///< It is another's.
    };

    WorkerLeases(
        net::Loop& home,
        net::Pool& records_pool,
        records::Store& store,
        Options options,
        Handlers handlers
    );
    ~WorkerLeases();
    /// From now on, until stop().
    void start() { beat(); }
    /// Takes over nothing any more; lives on while what runs comes to its end.
    void drain() { is_draining_ = true; }

private:
    struct Look {
        std::vector<records::Recording> taken;
        std::vector<std::string> lost;
    };
    void beat();
    [[nodiscard]] Result<Look> look(const std::vector<std::string>& running, bool is_draining);

    net::Loop& home_;
    net::Pool& records_pool_;
    records::Store& store_;
    Options options_;
    Handlers handlers_;
    net::Timer timer_;
    bool is_draining_ = false;
    bool is_away_ = false;  ///< The database, which was said.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::control
