#pragma once

#include "control/message_bus.hpp"
#include "control/psrpc.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace livekit {
class EgressInfo;
class UpdateStreamRequest;
}  // namespace livekit
namespace rpc {
class StartEgressRequest;
}

namespace aircheck::control {

/// Who does the jobs that the bus hands out. All calls are on the worker's thread; `on_info` is
/// called once, on the same thread, inside the call or later.
class JobHost {
public:
    using OnInfo = std::function<void(RpcAnswer<livekit::EgressInfo> answer)>;

    virtual ~JobHost() = default;
    /// The bid for a job: below 0 leaves it to others, 0 never wins, the highest wins after half a
    /// second, 1 at once. A host that is full bids very little and refuses in start(): the caller
    /// hears `resource_exhausted` when nobody else bids more.
    virtual float affinity(const rpc::StartEgressRequest& request) = 0;
    /// Answers once the job is on disk (status STARTING), or why not; a refused job leaves no
    /// trace. Jobs that this worker has already do not come here.
    virtual void start(const rpc::StartEgressRequest& request, OnInfo on_info) = 0;
    /// Begins to end a job and answers its state without waiting; again and again the same.
    virtual void stop(const std::string& egress_id, OnInfo on_info) = 0;
    virtual void update_stream(const livekit::UpdateStreamRequest& request, OnInfo on_info) = 0;
    /// The jobs that are not over.
    [[nodiscard]] virtual std::vector<std::string> active() const = 0;
    enum class TakenOver {
        Yes,      ///< It goes on here, and its next states are told from here.
        Not,      ///< Nobody can: it is lost.
        NotGone,  ///< Its worker is not gone after all, or cannot be asked about: later, perhaps.
    };
    /// Goes on with a job whose worker is gone, if it can.
    virtual void take_over(
        const std::string& egress_id, std::function<void(TakenOver taken)> on_done
    ) = 0;
};

/// A worker on LiveKit's bus (livekit-wire 7.4): bids for jobs and hands them to `host`, serves
/// Stop and UpdateStream of each, tells livekit-server every state through IOInfo.
///
/// A job's states are kept on disk and on Redis until its last one was taken, so that it is told
/// whatever breaks: this process (the next one with the same folder tells it), Redis (told again
/// when it is back), the machine (another worker sees the lease run out and goes on with the job,
/// or ends it as FAILED). A job that comes twice is answered with what became of the first. On one
/// thread.
class BusWorker {
public:
    struct Options {
        std::string worker_id;               ///< The same after a restart with the same folder.
        std::string cluster_id;              ///< Topic of StartEgress; "" with livekit-server.
        std::filesystem::path folder;        ///< For states not yet taken; made if missing.
        Nanoseconds create_timeout = 15s;    ///< io_create_timeout
        Nanoseconds update_timeout = 30s;    ///< io_update_timeout
        Nanoseconds selection_timeout = 1s;  ///< io_selection_timeout
        /// A worker not heard of for this long is gone; each tells three times as often.
        Nanoseconds lease = 20s;
    };
    struct Counters {
        std::uint64_t started = 0, refused = 0, repeated = 0;  ///< StartEgress that came here.
        std::uint64_t stopped = 0, streams_updated = 0;
        std::uint64_t reports = 0, report_retries = 0;       ///< Calls of IOInfo.
        std::uint64_t taken_over = 0, ended_for_others = 0;  ///< Jobs of workers that are gone.
    };

    /// References outlive the worker.
    BusWorker(MessageBus& bus, BusClock& clock, JobHost& host, Options options);
    ~BusWorker();

    /// Reads what a former process left. Errors: the folder.
    [[nodiscard]] Result<> open();
    /// Takes that up, by what the host goes on with (JobHost::active), and begins to bid; once.
    /// Errors: the folder, where open() was not called.
    [[nodiscard]] Result<> start();
    /// To be called at each change of a job that came from the bus: the whole state. The last one
    /// has a final status, and `ended_at`.
    void report(const livekit::EgressInfo& info);
    /// No more jobs; those that run are served and told to their end.
    void drain();
    /// Nothing is left to be told.
    [[nodiscard]] bool is_settled() const;
    /// In contact with livekit-server: connected, and no report has waited for ten minutes.
    [[nodiscard]] bool is_healthy() const;
    [[nodiscard]] Counters counters() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::control
