#pragma once

#include "streams/sink_maker.hpp"

#include "core/home.hpp"
#include "core/log.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "recorder/capture.hpp"
#include "recorder/catch_up.hpp"
#include "recorder/job.hpp"
#include "recorder/late_journal.hpp"
#include "recorder/manifest.hpp"
#include "recorder/output.hpp"
#include "recorder/pace.hpp"
#include "recorder/participants.hpp"
#include "recorder/room_link.hpp"
#include "recorder/rtcp_feedback.hpp"
#include "recorder/segment_sink.hpp"
#include "recorder/source.hpp"
#include "recorder/spool_files.hpp"
#include "recorder/stream_set.hpp"
#include "recorder/track_file_sink.hpp"
#include "recorder/upload_task.hpp"
#include "storage/spool.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// What all recordings of one thread share.
struct RecordingContext {
    net::Loop& loop;
    net::Pool& uploads;
    net::Pool& disk;         ///< For what waits for the spool's disk; never for a remote.
    net::Pool& catching_up;  ///< For making outputs of journals again, after a restart.
    net::HttpClient& http;
    const storage::Spool& spool;
    const transport::Certificate& certificate;
    Nanoseconds upload_patience;
    Nanoseconds journal_segment;  ///< How long one is; zero: there is one.
    std::string srtp_profiles;    ///< "": transport's own.
    transport::IceTransport ice_transport;
    streams::Threads& stream_threads;
};

/// One recording's life, on one thread from socket to muxer: joins, captures, writes, uploads,
/// ends.
///
/// State only moves forward: Starting → Active → Ending → a final status. Every change is told by
/// `on_change`, with the whole state; after the one with a final status nothing follows and the
/// object may be destroyed (not from inside).
///
/// Making files, removing and copying them waits for the disk, so the pool `disk` does it. The room
/// is joined meanwhile: what comes before the files are there is kept in memory (LateJournal). Who
/// ends before that waits for them, and ends as any other.
///
/// A recording that another process began goes on with its journal: resume() in place of start().
/// Its outputs are made anew of the journal while the room is joined again; what happens in between
/// is journalled, and in them once they have caught up.
class Recording : public RoomLink::Listener {
public:
    using OnChange = std::function<void(const Snapshot& snapshot)>;

    Recording(RecordingContext context, Job job, OnChange on_change);
    ~Recording() override;

    /// Has the spool files made and starts to join. What fails is told as a final snapshot.
    void start();
    /// Goes on with what the spool's folder holds of it: its outputs are made again. Who knows
    /// whether its room lives calls rejoin() or end_with_past() next. What fails is told as a final
    /// snapshot.
    void resume();
    /// The room lives: joins it again, once.
    void rejoin();
    /// The call is over: ends where the journal does. With EndReason::Failure, `error` says why.
    void end_with_past(EndReason reason, std::string error, int error_code);
    void stop(EndReason reason);
    /// As StreamSet::update(); Errc::InvalidArgument: no stream was asked for, or all is over.
    [[nodiscard]] Result<> update_streams(const StreamUpdate& update);
    /// The thread's tick, as often as pace() says or oftener.
    void tick(Instant now);
    [[nodiscard]] const Pace& pace() const { return pace_; }

    [[nodiscard]] bool is_over() const { return is_final(status_); }
    [[nodiscard]] Snapshot snapshot() const;
    /// Totals of this recording so far, for /metrics.
    struct Totals {
        std::uint64_t packets = 0, packets_lost = 0, packets_late = 0, samples_concealed = 0;
        std::uint64_t bytes_written = 0, bytes_uploaded = 0;
    };
    [[nodiscard]] Totals totals() const;

private:
    void on_stage(std::string_view stage, Nanoseconds took) override;
    void on_room(const signal::Room& room) override;
    void on_participant(const signal::Participant& participant) override;
    void on_participant_left(const std::string& sid, const std::string& identity) override;
    void on_track(const std::string& participant_sid, const signal::Track& track) override;
    void on_track_gone(const std::string& track_sid) override;
    void on_mapping(const std::vector<signal::TrackMapping>& tracks) override;
    void on_rtp(BytesView packet, Instant arrival) override;
    void on_rtcp(BytesView packet, Instant arrival) override;
    void on_interrupted(std::string_view reason, std::string_view words) override;
    void on_connected() override;
    void on_ended(signal::EndReason reason, std::string words) override;

    [[nodiscard]] Result<> prepare();
    [[nodiscard]] Capture::Options capture_options();
    void begin_streams();
    void make_link();
    [[nodiscard]] NameParts name_parts() const;
    [[nodiscard]] bool name_file();  ///< False while the name needs what is not known yet.
    void open_files();
    void on_opened(Result<SpoolFiles> files);
    void on_reopened(Result<std::shared_ptr<ReopenedFiles>> files);
    [[nodiscard]] Result<> recall(const ReopenedFiles& files);
    void recall_people(const JournalPast& past);
    void end_where_past_did();
    void call_the_roll(Instant now);
    void close_the_roll();
    void join_again();
    void catch_up();
    void on_caught_up(CatchUp::Piece piece);
    void on_whole(std::optional<Error> error);
    template <typename Outcome>
    void on_disk(std::function<Outcome()> work, std::function<void(Outcome)> then);
    [[nodiscard]] Result<> begin_upload();
    void check(const Result<>& result);  ///< An error ends the recording, with what it has.
    [[nodiscard]] static int code_of(const Error& error);
    void bear_full_journal(const Error& error);
    void write_output();
    [[nodiscard]] Result<> write_segments(std::vector<mux::TsSegment> segments);
    void make_streams();
    void write_stream();
    void tell_mutes(Nanoseconds until);
    void tick_streams(Instant now);
    void finish_streams();
    [[nodiscard]] std::string segments_folder() const { return folder_ + "/segments"; }
    [[nodiscard]] std::string tracks_folder() const { return folder_ + "/tracks"; }
    [[nodiscard]] SinkContext sink_context(std::string folder) const;
    void write_track_files(std::vector<TrackPiece> pieces);
    void check_limits(Instant now);
    [[nodiscard]] bool is_in_a_hurry(Instant now) const;
    void check_source(Instant now);
    void end(EndReason reason, std::string error, int error_code);
    void end_with_files();
    void end_without_media();
    void note_left_out(const std::string& participant_sid, const signal::Track& track);
    [[nodiscard]] Result<> note_gap(Instant now);
    void finish_outputs();
    void finish_segments();
    void finish_track_files();
    void finish_file();
    void add_error(const std::string& words, int error_code);
    void file_over(Status status);
    void segments_over();
    void output_over();
    /// It belongs to another worker, which sends it.
    [[nodiscard]] bool is_anothers() const {
        return recorder::is_anothers(end_reason_, error_code_);
    }
    [[nodiscard]] bool has_sent_tracks() const;  ///< All there were.
    [[nodiscard]] std::vector<ManifestPlace> manifest_places() const;
    void finish_manifest();
    void keep_manifest(std::string text, std::vector<ManifestPlace> places);
    void close_capture();
    void on_stored(Result<storage::StoredObject> stored);
    void keep_in_spool(const Error& why);
    void tell_kept();
    void conclude(Status status);
    void announce_end();
    [[nodiscard]] std::string describe_no_media(Instant now) const;
    void changed();

    RecordingContext context_;
    Job job_;
    OnChange on_change_;
    log::RecordingLog log_;
    Home home_;
    std::string folder_;
    LateJournal journal_;
    std::unique_ptr<Capture> capture_;
    std::unique_ptr<Output> output_;  ///< None before on_opened().
    std::unique_ptr<UploadTask> upload_;
    std::unique_ptr<SegmentSink> segments_;       ///< None before the first one.
    std::unique_ptr<StreamSet> streams_;          ///< Of a job that has a stream.
    std::deque<Pipeline::Mute> mutes_;            ///< To which the stream has not come yet.
    std::unique_ptr<TrackFileSink> track_files_;  ///< None before the first one.
    std::unique_ptr<ManifestSink> manifest_;
    std::unique_ptr<RoomLink> link_;
    RtcpFeedback feedback_;
    ParticipantList participants_;
    SourceWatch source_watch_;
    Pace pace_;
    std::string publisher_;  ///< Of the track that the job is about, once seen.
    std::string track_source_;
    Bytes rtcp_;

    Status status_ = Status::Starting;
    EndReason end_reason_ = EndReason::None;
    Status final_status_ = Status::Complete;
    bool is_file_over_ = false;
    bool are_segments_over_ = false;
    bool are_streams_over_ = false;
    bool are_track_files_over_ = false;
    bool is_opening_ = false;  ///< The disk makes the files, or outputs are being caught up.
    enum class Return { None, Wanted, Begun } return_ = Return::None;  ///< To the room: rejoin().
    std::shared_ptr<CatchUp> catch_up_;  ///< Its pieces run on a pool, which may outlive this.
    std::string checkpoint_;
    std::optional<Instant> past_end_;  ///< Of a resumed one: where the journal ended.
    /// By sid, who and what was there then, and was not seen again so far.
    std::map<std::string, std::string> unseen_people_;  ///< With their identities.
    std::set<std::string> unseen_tracks_;
    journal::GapReason interrupted_by_ = journal::GapReason::Media;
    std::optional<Error> not_opened_;
    bool was_journal_full_ = false;  ///< It has been told.
    std::string error_;
    int error_code_ = 0;
    std::string room_sid_;
    std::string room_metadata_;
    FileResult file_;
    std::string file_key_;  ///< As the upload was given it.
    std::string manifest_location_;
    std::string manifest_spool_path_;
    Bytes head_;
    Bytes rest_;
    std::string leftover_;             ///< A file that is not needed once the recording is over.
    std::set<std::string> encrypted_;  ///< Tracks that are left out for that.
    std::map<std::string, std::string> unknown_codecs_;  ///< Likewise: by track.
    std::optional<TrackSummary> missed_picture_;         ///< The first that is_missed_picture().
    std::vector<Gap> gaps_;
    std::vector<StageTiming> stages_;
    Instant started_;
    Instant end_called_;  ///< Nothing after it is recorded.
    WallTime updated_at_;
    std::optional<WallTime> ended_at_;
    std::optional<Instant> media_since_;
    std::optional<Instant> joined_at_;
    std::optional<Instant> connected_at_;
    std::optional<Instant> interrupted_at_;
    Instant last_packet_at_;
    std::optional<Instant> no_human_since_;
    bool had_human_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< For what comes back late.
};

}  // namespace aircheck::recorder
