#pragma once

#include "net/loop.hpp"
#include "recorder/recording.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

namespace aircheck::recorder {

/// One thread with its loop and the recordings that live on it; ticks them all together, as often
/// as the one most in a hurry wants (Pace); without recordings it sleeps. All members but those
/// said otherwise are called from the recorder's home thread.
class MediaThread {
public:
    struct Shared {
        net::Pool& uploads;
        net::Pool& disk;
        net::Pool& catching_up;
        net::HttpClient& http;
        const storage::Spool& spool;
        const transport::Certificate& certificate;
        Nanoseconds upload_patience;
        Nanoseconds journal_segment;
        std::string srtp_profiles;
        transport::IceTransport ice_transport;
        streams::Threads& stream_threads;
    };
    /// Totals of the recordings that are over and of those that run, refreshed every second.
    struct Totals {
        std::atomic<std::uint64_t> packets{0}, lost{0}, late{0}, concealed{0};
        std::atomic<std::uint64_t> bytes_written{0}, bytes_uploaded{0};
        std::atomic<std::uint64_t> cpu_nanoseconds{0};
        std::atomic<std::uint64_t> longest_stall_nanoseconds{0};  ///< A tick's lateness, at worst.
    };

    MediaThread(Shared shared, std::string name);
    /// As halt(); nothing may post to its loop any more.
    ~MediaThread();

    /// Stops the loop and frees its recordings: those that still run are abandoned. What pools post
    /// afterwards is never run.
    void halt();

    void start(Job job, Recording::OnChange on_change);
    /// Recording::resume(), rejoin() and end_with_past().
    void resume(Job job, Recording::OnChange on_change);
    void rejoin(const std::string& egress_id);
    void end_with_past(
        const std::string& egress_id, EndReason reason, std::string error, int error_code
    );
    void stop(const std::string& egress_id, EndReason reason);
    void stop_all(EndReason reason);
    /// `on_done` on this thread, once; Errc::NotFound: there is no such recording (any more).
    void update_streams(
        const std::string& egress_id,
        StreamUpdate update,
        std::function<void(Result<> result)> on_done
    );
    /// Frees a recording that is over.
    void forget(const std::string& egress_id);
    [[nodiscard]] const Totals& totals() const { return totals_; }

private:
    void begin(Job job, Recording::OnChange on_change, void (Recording::*how)());
    void tick();
    void note_lateness(Instant now);
    void refresh_totals();
    [[nodiscard]] RecordingContext context();

    Shared shared_;
    net::Loop loop_;
    std::map<std::string, std::unique_ptr<Recording>> recordings_;  ///< On the thread only.
    Totals totals_;
    Totals finished_;
    Instant next_totals_;
    Instant last_tick_;
    Nanoseconds until_tick_{0};  ///< From the last tick to the next.
    std::unique_ptr<net::Timer> timer_;
    bool is_ticking_ = false;
    std::thread thread_;
};

}  // namespace aircheck::recorder
