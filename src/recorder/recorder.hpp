#pragma once

#include "core/result.hpp"
#include "net/loop.hpp"
#include "recorder/job.hpp"
#include "recorder/journal_copies.hpp"
#include "transport/ice_transport.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace aircheck::recorder {

/// Totals since the start, for /metrics.
struct Counters {
    std::uint64_t packets_received = 0;
    std::uint64_t packets_lost = 0;
    std::uint64_t packets_late = 0;
    std::uint64_t samples_concealed = 0;
    std::uint64_t bytes_written = 0;  ///< To the spool: journals and outputs.
    std::uint64_t bytes_uploaded = 0;
    double media_cpu_seconds = 0;  ///< Of the recording threads.
    double recorded_seconds = 0;   ///< Of media in outputs that are finished.
    /// How late a recording thread's tick was, at worst: for so long its recordings waited.
    double longest_stall_seconds = 0;
};

/// Time that joining spent in one stage, over all recordings.
struct StageSum {
    std::uint64_t count = 0;
    double seconds = 0;
};

/// Runs recordings: each lives on one of its threads from socket to muxer; uploads run on a pool,
/// and what waits for the spool's disk on another.
///
/// All calls and all callbacks are on `home`'s thread. Call shutdown() and wait for `active() == 0`
/// before the end. The destructor abandons what still runs and tells nothing of it: requests under
/// way to stores are broken off (within about a second), journals and outputs stay in the spool as
/// they are, so that it waits for the local disk at most.
class Recorder {
public:
    struct Options {
        std::string data_dir;        ///< The spool lies in it: data_dir/spool/EG_…/
        unsigned media_threads = 0;  ///< 0: one a core.
        unsigned upload_threads = 8;
        unsigned disk_threads = 4;
        unsigned catch_up_threads = 0;  ///< Behind all others in priority. 0: one a core.
        Nanoseconds journal_keep = std::chrono::hours(24);  ///< Journals of finished recordings.
        Nanoseconds upload_patience =
            std::chrono::hours(1);  ///< Failing longer than this is for good.
        std::uint64_t min_free_bytes =
            256 * 1024 * 1024;  ///< Less on the spool's disk: no new recordings.
        std::optional<JournalCopies::Options> journal_copies;  ///< None: journals stay here.
        std::string srtp_profiles;  ///< OpenSSL's names, in order; "": AES-GCM first, then AES-CM.
        transport::IceTransport ice_transport = transport::IceTransport::All;
    };
    using OnUpdate = std::function<void(const Snapshot& snapshot)>;

    /// Errors: the spool folder cannot be made or written.
    [[nodiscard]] static Result<std::unique_ptr<Recorder>> create(net::Loop& home, Options options);
    ~Recorder();

    /// Starts `job`; `on_update` gets a snapshot at once and at every change, the last one with a
    /// final status. Errors: the egress id runs already (Errc::AlreadyExists), the disk is too full
    /// (Errc::NoSpace), the spool folder cannot be made.
    [[nodiscard]] Result<> start(Job job, OnUpdate on_update);
    /// Goes on with a recording that a former process began, from what the spool holds of it; as
    /// start(), but the disk may be full. Its outputs are made again at once, while the caller asks
    /// whether the call goes on, and says so by rejoin() or end_with_past(). Nothing is recorded
    /// before.
    [[nodiscard]] Result<> resume(Job job, OnUpdate on_update);
    void rejoin(const std::string& egress_id);
    /// Brings the journal of a recording that does not run from the store of copies into the spool.
    /// Returns when the last of it was written. Waits for the remote; from any thread. Errors:
    /// NotFound also where there is no such store; fetch_journal()'s.
    [[nodiscard]] Result<WallTime> fetch(const std::string& egress_id);
    /// Its outputs are complete: the copies of its journal go.
    void forget_copies(const std::string& egress_id);
    /// Takes a fetched journal, with which nothing was begun, out of the spool again.
    [[nodiscard]] Result<> drop_fetched(const std::string& egress_id);
    /// The copies' objects, for who looks for recordings whose machine is gone; none: there is no
    /// such store.
    [[nodiscard]] std::optional<storage::SmallObjects> copies();
    /// When the journal of a recording that does not run was written last. Waits for the disk; from
    /// any thread. Errors: NotFound when the spool has none.
    [[nodiscard]] Result<WallTime> last_written(const std::string& egress_id) const;
    /// Ends a resumed recording where its journal does. `error` is told with EndReason::Failure.
    void end_with_past(
        const std::string& egress_id, EndReason reason, std::string error, int error_code
    );
    /// Another worker has the recording now: it ends (EndReason::Failure, 409), sends nothing, and
    /// leaves what is in the spool.
    void abandon(const std::string& egress_id);
    /// Ends a recording; false when none of that id runs. Repeating it is harmless.
    bool stop(const std::string& egress_id, EndReason reason);
    /// Adds and removes streams: StreamSet::update(). `on_done` once, after the snapshot that shows
    /// it; Errc::NotFound also when no such recording runs.
    void update_streams(
        const std::string& egress_id,
        StreamUpdate update,
        std::function<void(Result<> result)> on_done
    );
    /// Ends all recordings (EndReason::Shutdown); files are finished and uploaded.
    void shutdown();

    [[nodiscard]] std::size_t active() const;
    [[nodiscard]] Counters counters() const;
    [[nodiscard]] const std::map<std::string, StageSum>& stage_sums() const;

private:
    struct Impl;
    explicit Recorder(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::recorder
