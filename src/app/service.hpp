#pragma once

#include "app/config.hpp"
#include "control/egress_service.hpp"
#include "core/result.hpp"
#include "net/loop.hpp"
#include "net/socket.hpp"

#include <functional>
#include <memory>
#include <string>

namespace aircheck::app {

/// The whole service on one loop: records, recorder, control, API, outbox. `serve` and `demo` run
/// it.
class Service {
public:
    /// Opens all there is to open; nothing runs before start(). Errors name the setting or the
    /// thing that cannot be opened.
    [[nodiscard]] static Result<std::unique_ptr<Service>> create(
        net::Loop& loop, const Config& config
    );
    ~Service();

    /// Listens, closes what a former process left unfinished, begins to watch rooms.
    [[nodiscard]] Result<> start();
    /// In place of start(), for one purpose: finishes recordings whose machine is gone, as
    /// EgressService::recover(). drain() waits for them.
    void recover(
        control::EgressService::Recovery wanted, control::EgressService::OnRecovered on_recovered
    );
    /// No new recordings; those that run go on to their own end, however long. `on_done` on the
    /// loop when all files are finished and sent, and what was to be told of them is.
    void drain(std::function<void()> on_done);
    /// The same, also in the middle of a drain, but those that run are ended now.
    void shut_down(std::function<void()> on_done);
    [[nodiscard]] std::size_t recordings() const;
    [[nodiscard]] net::Endpoint address() const;
    [[nodiscard]] const std::string& public_url() const;

private:
    struct Impl;
    explicit Service(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::app
