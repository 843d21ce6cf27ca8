#pragma once

#include "control/admission.hpp"
#include "control/recording_links.hpp"
#include "control/recording_request.hpp"
#include "control/room_claims.hpp"
#include "control/room_service.hpp"
#include "control/stream_news.hpp"
#include "control/twirp_error.hpp"
#include "control/unheard_starts.hpp"
#include "net/loop.hpp"
#include "notify/outbox.hpp"
#include "recorder/recorder.hpp"
#include "records/store.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace livekit {
class EgressInfo;
class ListEgressRequest;
class ListEgressResponse;
class ListRoomsResponse;
class UpdateStreamRequest;
class WebhookEvent;
}  // namespace livekit

namespace aircheck::control {

struct Dossier;

/// Starts, stops and lists recordings, whoever asks, and keeps records and receivers up to date
/// with what the recorder tells.
///
/// A job is on disk before it is acknowledged; each change is one transaction with the
/// notifications that announce it. Calls and callbacks are on `home`'s thread; SQL runs in order on
/// one pool thread.
class EgressService {
public:
    struct Options {
        RecordingDefaults defaults;
        RecordingLinks links;       ///< Its key seals what is kept of requests, too.
        std::string worker;         ///< This process, in records.
        std::string former_worker;  ///< Its name from before workers had ids; "": it had none.
        /// Nobody else works with these records: whatever is unfinished at the start is ours.
        bool owns_records = false;
        Nanoseconds rejoin_window = 60s;
        /// storage.generate_presigned_url: `location` of a finished file in the configured store is
        /// a link signed for seven days.
        bool presigned_locations = false;
        /// Whether one more fits; outlives the service. None: all do.
        Admission* admission = nullptr;
    };
    using OnInfo = std::function<void(Answer<records::Recording> recording)>;

    /// All references outlive the service. `records_pool` must have one thread; calls to remotes
    /// run on `remote_pool`.
    EgressService(
        net::Loop& home,
        net::Pool& records_pool,
        net::Pool& remote_pool,
        records::Store& store,
        recorder::Recorder& recorder,
        notify::Outbox& outbox,
        RoomService& rooms,
        Options options
    );
    ~EgressService();

    /// Makes an egress of `request`: `not_found` when the room does not exist, `resource_exhausted`
    /// when the disk or this machine is full, `unavailable` while shutting down or when the room's
    /// server cannot be asked. Answers once the job is on disk. A request id that was seen before
    /// gets what it got then. After `answer_by` nothing begins (`deadline_exceeded`); what had
    /// begun is ended, as UnheardStarts has it.
    void start(RecordingRequest request, OnInfo on_info);
    /// The same for a rule: `egress_id` was claimed for the session `room_sid`.
    void start_claimed(RecordingRequest request, std::string egress_id, std::string room_sid);
    /// Why nothing like this would be started now: `resource_exhausted` where it does not fit,
    /// `unavailable` while shutting down. Empty: nothing is against it.
    [[nodiscard]] std::optional<TwirpError> refusal_of(const RecordingRequest& request) const;
    struct FreedRoom {
        std::string egress_id;  ///< Holds the claim, which is over.
        std::string room_sid;
        Claim claim = Claim::Stays;  ///< Why: FreesForHuman or FreesForRetry.
    };
    using OnFreedRoom = std::function<void(FreedRoom room)>;
    /// Who gives claims back: told on home, once what a recording came to is on its way to the
    /// records pool. Before anything starts.
    void set_on_freed_room(OnFreedRoom on_freed_room) { on_freed_room_ = std::move(on_freed_room); }
    /// The same for a job from livekit-server's bus, which comes with its id and its room:
    /// `request.origin` is kOriginBus. A refused one leaves no record.
    void start_handed_out(
        RecordingRequest request, std::string egress_id, std::string room_sid, OnInfo on_info
    ) {
        if (shutting_down_) return on_info(refuse("unavailable", "this recorder is shutting down"));
        admit(std::move(request), std::move(egress_id), std::move(room_sid), std::move(on_info));
    }
    /// `event` as webhooks name it, "" when the status is as before.
    using OnStored =
        std::function<void(const std::string& event, const records::Recording& recording)>;
    /// Hears of each change on home, once it is on disk. Before anything starts.
    void set_on_stored(OnStored on_stored) { on_stored_ = std::move(on_stored); }
    /// Ends a recording; answers its state without waiting for the file (livekit-wire 6.3).
    void stop(const std::string& egress_id, OnInfo on_info);
    /// What livekit-server's UpdateLayout does: `layout` becomes metadata of the recorder in the
    /// room. There is no picture to change. `not_found` when the egress is unknown, or not in its
    /// room (any more).
    void update_layout(const std::string& egress_id, const std::string& layout, OnInfo on_info);
    /// Adds streams to an egress, then removes some: `invalid_argument` where it has none or a URL
    /// is wrong, `not_found` names the stream that is not there. All of it or nothing.
    void update_streams(const livekit::UpdateStreamRequest& request, OnInfo on_info);
    /// At startup: recordings that a former process left unfinished go on. Where the room lives (or
    /// is back within `rejoin_window`) it is joined again, in the same file; else the file is
    /// finished from the journal. What cannot be gone on with is told to have failed, to the global
    /// receivers and to its own. Rooms that a former process was cut off in and nobody records now
    /// are free again: what is left of a live call is recorded anew. Before rules are looked at and
    /// the bus is heard; `on_done` on home.
    void take_up(std::function<void()> on_done);
    /// Goes on with a recording whose process is gone and which the records name as ours: from its
    /// journal in the spool, or that in the store of copies. Where there is none, what is left of
    /// the call is recorded, and told to be all there is.
    void adopt(records::Recording recording);
    enum class Adoption {
        Ours,      ///< It goes on here.
        Anothers,  ///< Its process lives.
        Never      ///< It is over, or nothing is known of it.
    };
    /// The same for one whose process the bus takes for gone; `on_done` on home.
    void adopt_from_bus(
        const std::string& egress_id, std::function<void(Adoption adoption)> on_done
    );
    /// What `aircheck recover` is asked for.
    struct Recovery {
        std::vector<std::string> egress_ids;  ///< None: all that have copies.
        /// Whether one is taken whose journal was written a moment ago: who writes it may live.
        enum class Warm { Refused, Taken } warm = Warm::Refused;
    };
    struct Recovered {
        std::string egress_id;
        enum class What { Begun, NothingToDo, Refused } what = What::Refused;
        std::string words;  ///< For people.
    };
    using OnRecovered = std::function<void(Result<std::vector<Recovered>> all)>;
    /// Finishes (or goes on with) recordings whose machine is gone, from the copies of their
    /// journals, also those that our records know nothing of; answers once it is known what becomes
    /// of each. NotFound: there is no store of copies; else its errors.
    void recover(Recovery wanted, OnRecovered on_recovered);
    /// Another process goes on with it: it ends here, sends nothing and is not told of.
    void abandon(const std::string& egress_id);
    /// The ids of all that are not over.
    [[nodiscard]] std::vector<std::string> running() const;
    /// No new recordings from now on; those that run go on to their own end.
    void drain() { shutting_down_ = true; }
    /// drain(), and those that run are ended.
    void shut_down();
    /// From any thread.
    [[nodiscard]] bool is_shutting_down() const { return shutting_down_; }
    [[nodiscard]] std::size_t active() const { return recorder_.active(); }
    /// The ids of those that are not over, of one origin.
    [[nodiscard]] std::vector<std::string> running(std::string_view origin) const;
    /// What the recorder has counted, for /metrics.
    struct Metrics {
        recorder::Counters counters;
        std::map<std::string, recorder::StageSum> stages;
        std::size_t active = 0;
        std::uint64_t refused = 0;  ///< For want of room, or while shutting down.
        bool is_shutting_down = false;
        std::optional<Admission::Status> admission;
    };
    [[nodiscard]] Metrics metrics() const;

    [[nodiscard]] const Options& options() const { return options_; }
    /// Known only once the server listens, when its port is any free one. Before anything starts.
    void set_public_url(std::string url) { options_.links.public_url = std::move(url); }
    /// As RecordingLinks::url_of().
    [[nodiscard]] std::string url_of(const records::PlayableMix& mix) const {
        return options_.links.url_of(mix);
    }
    /// As RecordingLinks::signed_url_of().
    [[nodiscard]] Result<std::string> signed_url_of(
        const records::StoredFile& file,
        std::chrono::seconds ttl,
        storage::LinkMethod method = storage::LinkMethod::Get
    ) const {
        return options_.links.signed_url_of(file, ttl, method);
    }

private:
    struct Running {
        RecordingRequest request;
        records::Recording recording;
        bool is_claim_over = false;  ///< And was told to be.
        StreamNews stream_news;
        std::vector<records::StoredStream> streams_before;  ///< That were over in a former process.
        std::optional<records::Gap> gap_before;             ///< Before what this process has of it.
    };
    /// One step of a recording, to be stored with what announces it.
    struct Change {
        records::Recording recording;
        std::string event;  ///< "" announces nothing.
        std::vector<notify::Receiver> receivers;
        std::vector<records::Participant> participants;
        std::string room_metadata;
        bool room_is_over = false;  ///< The recorder saw it close: no webhook may come to say so.
        std::vector<records::Delivery> announcements;  ///< Of `event`, once they are made.
    };

    [[nodiscard]] static Workload workload_of(const RecordingRequest& request);
    /// Why an egress that does not run cannot be "stopped" or "updated".
    void refuse_idle(const std::string& egress_id, std::string_view what, OnInfo on_info);
    [[nodiscard]] OnInfo answer_all(const std::string& request_id, OnInfo on_info);
    [[nodiscard]] OnInfo heed_deadline(const RecordingRequest& request, OnInfo on_info);
    [[nodiscard]] bool is_too_late(const RecordingRequest& request) const;
    void end_unheard();
    void with_record(
        const std::string& egress_id, std::function<void(Answer<records::Recording> found)> then
    );
    void admit(
        RecordingRequest request, std::string egress_id, std::string room_sid, OnInfo on_info
    );
    [[nodiscard]] Result<> launch(
        RecordingRequest request, recorder::Job job, const records::Recording& recording
    );
    void on_update(const recorder::Snapshot& snapshot);
    void tell_freed_room(const std::string& egress_id, const std::string& room_sid, Claim claim) {
        if (on_freed_room_) on_freed_room_({egress_id, room_sid, claim});
    }
    void keep_streams(Running& running, const recorder::StreamUpdate& update, OnInfo on_info);
    /// Stores on the records pool, in order; `done` on home with the recording as it is now. While
    /// the database is away, what is not a start is kept and stored once it is back; `done` hears
    /// at once that it is not stored yet.
    void store(Change change, std::function<void(Result<records::Recording>)> done);
    [[nodiscard]] Result<records::Recording> store_now(Change& change);
    void keep_unstored(Change change);
    void store_kept();
    [[nodiscard]] records::Recording first_record(
        const RecordingRequest& request, const std::string& egress_id, const std::string& room_sid
    ) const;
    [[nodiscard]] bool is_ours(const records::Recording& recording) const;
    /// A recording that a former process left, and what it takes to go on with it.
    struct Unfinished {
        recorder::Job job;
        records::Recording recording;
        WallTime last_written;  ///< Its journal: for so long the process is gone.
    };
    [[nodiscard]] Result<> release_claims(const std::vector<Unfinished>& resumed);
    struct Left {
        std::vector<Unfinished> to_resume;
        std::vector<std::pair<records::Recording, Error>> lost;
    };
    [[nodiscard]] Result<> find_left(Left& left);
    [[nodiscard]] Result<bool> make_ours(records::Recording& recording);
    void fetch_past(records::Recording recording, Instant since);
    void on_past(records::Recording recording, Instant since, const Result<WallTime>& fetched);
    [[nodiscard]] Result<std::vector<Recovered>> recover_now(const Recovery& wanted);
    [[nodiscard]] Recovered recover_one(
        storage::SmallObjects& copies, const std::string& egress_id, Recovery::Warm warm
    );
    [[nodiscard]] Result<std::string> recover_begun(Dossier dossier, Recovery::Warm warm);
    [[nodiscard]] Result<> own(records::Recording& recording, const recorder::Job& job);
    void begin_anew(Unfinished one);
    void run_again(Unfinished one);
    [[nodiscard]] Result<Unfinished> open_unfinished(const records::Recording& recording) const;
    void apply_reach(storage::Destination& destination) const;
    void fail_unfinished(records::Recording recording, const Error& why);
    void resume(Unfinished one);
    void ask_for_room(Unfinished one);
    void judge_room(const Unfinished& one, const Result<livekit::ListRoomsResponse>& rooms);

    net::Loop& home_;
    net::Pool& records_pool_;
    net::Pool& remote_pool_;
    records::Store& store_;
    recorder::Recorder& recorder_;
    notify::Outbox& outbox_;
    RoomService& rooms_;
    Options options_;
    OnFreedRoom on_freed_room_;
    std::map<std::string, Running> running_;
    std::map<std::string, std::unique_ptr<net::Timer>> asking_;  ///< For rooms that may come back.
    std::map<std::string, std::vector<OnInfo>> starting_;        ///< By request id.
    UnheardStarts unheard_;
    net::Timer unheard_timer_;
    OnStored on_stored_;
    /// By egress; of each at most its events and one more, while the database is away.
    std::map<std::string, std::deque<Change>> unstored_;
    net::Timer unstored_timer_;
    std::set<std::string> behind_;  ///< Egresses with a step that was not stored. Records' thread.
    std::uint64_t refused_ = 0;
    std::atomic<bool> shutting_down_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// "begun", "nothing_to_do", "refused".
[[nodiscard]] std::string_view to_string(EgressService::Recovered::What what);

}  // namespace aircheck::control
