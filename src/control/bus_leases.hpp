#pragma once

#include "control/message_bus.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace livekit {
class EgressInfo;
}

namespace aircheck::control {

/// Which worker has which job, on Redis, for all workers to see: a key for each worker, which it
/// renews and which expires without it, and two hashes, from job to worker and from job to state.
///
///     {aircheck}:worker:<worker id>   "1", expires after `lease`
///     {aircheck}:owners               egress id → worker id
///     {aircheck}:jobs                 egress id → EgressInfo, serialised
///     {aircheck}:ending:<egress id>   worker id, a minute: who ends a dead worker's job
///
/// A worker is taken for dead when its key was missing in two looks in a row, and only after this
/// one has been connected for a whole lease: after a restart of Redis all have time to come back.
/// What Redis forgot is put there again. On one thread.
class BusLeases {
public:
    struct Options {
        std::string worker_id;
        Nanoseconds lease = 20s;
    };
    enum class Owner {
        This,     ///< The job is this worker's from now on, or was before.
        Another,  ///< Another worker has it, which is alive.
        Unknown,  ///< Redis does not answer.
    };
    using OnState = std::function<void(std::optional<livekit::EgressInfo> state)>;
    /// A job whose worker is gone is this worker's to end now.
    using OnOrphan = std::function<void(
        const std::string& egress_id,
        const std::string& worker_id,
        std::optional<livekit::EgressInfo> state
    )>;

    struct Handlers {
        OnOrphan orphan;
        /// Redis has lost what was put there of a job of this worker (it is there again now).
        std::function<void(const std::string& egress_id)> forgotten;
    };

    BusLeases(MessageBus& bus, BusClock& clock, Options options, Handlers handlers);
    ~BusLeases();

    void start();
    /// Takes a job that nobody has, or whose worker is gone.
    void claim(const std::string& egress_id, std::function<void(Owner owner)> done);
    /// The newest state of a job of this worker.
    void put(const livekit::EgressInfo& info);
    /// The job is over, or never was.
    void release(const std::string& egress_id);
    /// The state that any worker has put; empty when there is none.
    void read(const std::string& egress_id, OnState done);
    /// An orphan could not be ended now: some worker tries again later.
    void leave(const std::string& egress_id, const std::string& worker_id);
    /// Redis is there again.
    void reconnected();

private:
    using Owners = std::vector<std::pair<std::string, std::string>>;

    void beat();
    void renew();
    void look();
    void judge(const Owners& owners, const std::string& worker_id, bool is_alive);
    void end_for(const std::string& egress_id, const std::string& worker_id);
    /// Not after destruction.
    [[nodiscard]] MessageBus::OnReply guarded(MessageBus::OnReply done) const;

    MessageBus& bus_;
    BusClock& clock_;
    Options options_;
    Handlers handlers_;
    std::map<std::string, std::string> own_;  ///< Jobs of this worker, and their states.
    std::set<std::string> missing_;           ///< Workers not seen at the last look.
    std::optional<Instant> connected_at_;
    std::set<std::string> released_;  ///< Since the last look was sent.
    bool is_refused_ = false;         ///< Redis lets us keep nothing, which was said.
    BusClock::TimerId beat_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::control
