#pragma once

#include "control/message_bus.hpp"
#include "control/psrpc_client.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace livekit {
class EgressInfo;
}

namespace aircheck::control {

/// Tells livekit-server (its IOInfo service) of each job: first that it exists, then its states,
/// one call at a time for a job, until each is taken; a newer state replaces one that waits, except
/// that nothing replaces the last. Failed calls are repeated after 250 ms doubling to a minute. On
/// one thread.
class BusReporter {
public:
    struct Options {
        Nanoseconds create_timeout = 15s;
        Nanoseconds update_timeout = 30s;
        Nanoseconds selection_timeout = 1s;
    };
    struct Counters {
        std::uint64_t calls = 0, retries = 0, given_up = 0;
    };

    BusReporter(PsrpcClient& io, BusClock& clock, Options options);
    ~BusReporter();

    /// The job exists; `on_taken` (may be empty) runs when livekit-server knows it. What it knows
    /// already changes nothing there.
    void create(const livekit::EgressInfo& info, std::function<void()> on_taken);
    void update(const livekit::EgressInfo& info);
    /// Runs when a job's last state was taken, or was refused too often.
    void on_finished(std::function<void(const std::string& egress_id)> handler);
    /// The bus is back: what waits for a retry is tried now.
    void hurry();
    /// Since when no call has succeeded; empty when the last one did.
    [[nodiscard]] std::optional<Instant> failing_since() const { return failing_since_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    struct Job;

    void advance(const std::string& egress_id);
    void send_create(const std::string& egress_id, Job& job);
    void send_update(const std::string& egress_id, Job& job);
    /// True: taken, or to be given up.
    [[nodiscard]] bool is_settled(
        const std::string& egress_id, Job& job, const RpcAnswer<std::string>& answer
    );

    PsrpcClient& io_;
    BusClock& clock_;
    Options options_;
    std::map<std::string, std::unique_ptr<Job>> jobs_;
    std::function<void(const std::string& egress_id)> on_finished_;
    std::optional<Instant> failing_since_;
    Counters counters_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// COMPLETE, FAILED, ABORTED or LIMIT_REACHED.
[[nodiscard]] bool is_over(const livekit::EgressInfo& info);

}  // namespace aircheck::control
