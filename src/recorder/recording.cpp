#include "recorder/recording.hpp"

#include "recorder/file_name.hpp"
#include "rtp/packet.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

/// A loss of media is noticed within this time (transport's interrupted_after is 8 s).
constexpr Nanoseconds kNoticedAfter = 10s;
constexpr Nanoseconds kShortestGap = 100ms;
constexpr Nanoseconds kNoPause = 500ms;  ///< Who is silent sends a packet each 400 ms (DTX).

RoomLink::Options link_options(const Job& job, const RecordingContext& context) {
    RoomLink::Options options;
    options.access = job.access;
    options.room_name = job.room_name;
    options.identity = job.egress_id;
    options.srtp_profiles = context.srtp_profiles;
    options.ice_transport = context.ice_transport;
    options.wants = [source = job.source](const auto& participant, const auto& track) {
        return is_wanted(source, participant, track);
    };
    return options;
}

}  // namespace

Recording::Recording(RecordingContext context, Job job, OnChange on_change)
    : context_(std::move(context)),
      job_(std::move(job)),
      on_change_(std::move(on_change)),
      log_(job_.egress_id, job_.room_name),
      feedback_(job_.egress_id),
      source_watch_(job_.source),
      room_sid_(job_.room_sid),
      started_(monotonic_now()),
      updated_at_(wall_now()) {}

Recording::~Recording() = default;

void Recording::start() {
    AC_ON_HOME(home_);
    if (auto prepared = prepare(); !prepared) {
        end(EndReason::Failure, prepared.error().to_string(), 500);
        return;
    }
    log_.info("recording.starting", {{"to", storage::describe(job_.destination)}});
    changed();
    open_files();
    make_link();
}

void Recording::make_link() {
    link_ = std::make_unique<RoomLink>(
        context_.loop, context_.certificate, link_options(job_, context_), log_, *this
    );
    link_->start();
}

Result<> Recording::prepare() {
    const Instant now = monotonic_now();
    AC_TRY(capture_, Capture::create(capture_options(), now));
    AC_CHECK_OK(capture_->on_event(clock_event(boot_id(), now), now));
    make_streams();
    static_cast<void>(name_file());  // Else before the upload, when all is known.
    return {};
}

Capture::Options Recording::capture_options() {
    Capture::Options options;
    options.store = journal_.store();
    options.header.egress_id = job_.egress_id;
    options.header.room_name = job_.room_name;
    options.header.room_sid = job_.room_sid;
    options.header.recorder_version = "aircheck " AIRCHECK_VERSION;
    options.header.wall_start = wall_now();
    if (!job_.dossier.empty()) options.segment_every = context_.journal_segment;
    options.settings.mixing = job_.mixing;
    options.settings.routes = job_.source.routes;
    options.settings.encoding = job_.encoding;
    options.settings.makes_file = job_.makes_file;
    options.settings.keeps_tracks = job_.track_files.has_value();
    if (job_.segments) {
        options.settings.segments = Segmenting{job_.segments->duration, job_.segments->encoding};
    }
    if (job_.stream) options.settings.stream = job_.stream->encoding;
    return options;
}

NameParts Recording::name_parts() const {
    NameParts parts{job_.room_name, room_sid_, job_.requested_at, {}, {}, {}};
    if (job_.source.kind == Source::Kind::Participant) {
        parts.publisher_identity = job_.source.identity;
    } else if (job_.source.kind == Source::Kind::Track) {
        parts.publisher_identity = publisher_;
        parts.track_sid = job_.source.track_sid;
        parts.track_source = track_source_;
        const bool kept = job_.encoding.codec == AudioCodec::OpusPassthrough;
        if (kept) parts.default_name = "{track_id}-{time}";
    }
    return parts;
}

bool Recording::name_file() {
    const NameParts parts = name_parts();
    if (!job_.makes_file || !can_expand(job_.filepath, parts)) return false;
    file_.filename = expand_file_name(job_.filepath, parts, extension_of(job_.encoding.container));
    return true;
}

void Recording::tick(Instant now) {
    AC_ON_HOME(home_);
    if (is_over() || !capture_) return;
    tick_streams(now);
    if (is_over() || status_ == Status::Ending) return;
    const bool is_waiting_for_word = past_end_ && return_ != Return::Begun;
    if (is_waiting_for_word) return;
    if (is_in_a_hurry(now)) pace_.hurry(now);
    if (link_) link_->tick(now);
    call_the_roll(now);
    if (is_over() || status_ == Status::Ending) return;
    feedback_.collect(now, rtcp_);
    if (feedback_.has_missing()) pace_.hurry(now);
    if (!rtcp_.empty()) link_->send_rtcp(rtcp_);
    const auto written = capture_->tick(now);
    if (!written && written.error().code == Errc::NoSpace) {
        bear_full_journal(written.error());
    } else {
        check(written);
    }
    write_output();
    check_limits(now);
}

// --- What the room tells -------------------------------------------------------------------------

// What still comes after the end was called for (by one of these methods, say) is not recorded.

void Recording::on_stage(std::string_view stage, Nanoseconds took) {
    if (status_ >= Status::Ending) return;
    stages_.push_back({std::string(stage), took});
    log_.debug("stage.done", {{"stage", stage}, {"ms", to_seconds(took) * 1000}});
}

void Recording::on_room(const signal::Room& room) {
    if (status_ >= Status::Ending) return;
    if (!joined_at_) joined_at_ = monotonic_now();
    const bool news = room_sid_ != room.sid || room_metadata_ != room.metadata;
    if (!room.sid.empty()) room_sid_ = room.sid;
    room_metadata_ = room.metadata;
    if (news) changed();
}

void Recording::on_participant(const signal::Participant& participant) {
    if (status_ >= Status::Ending) return;
    participants_.update(participant, wall_now());
    unseen_people_.erase(participant.sid);
    if (participants_.humans() > 0) had_human_ = true;
    source_watch_.participant(participant.identity);
    check(capture_->on_participant(participant, monotonic_now()));
    changed();
}

void Recording::on_participant_left(const std::string& sid, const std::string& identity) {
    if (status_ >= Status::Ending) return;
    participants_.left(sid, wall_now());
    source_watch_.participant_left(identity, monotonic_now());
    check(capture_->on_participant_left(sid, identity, monotonic_now()));
    changed();
}

void Recording::on_track(const std::string& participant_sid, const signal::Track& track) {
    if (status_ >= Status::Ending) return;
    source_watch_.track(track.sid);
    unseen_tracks_.erase(track.sid);
    if (track.sid == job_.source.track_sid) {
        publisher_ = participants_.identity_of(participant_sid);
        track_source_ = std::string(signal::to_string(track.source));
        if (track.kind != signal::TrackKind::Audio) {
            end(EndReason::Failure,
                "track " + track.sid + " is not audio: nothing else is recorded yet",
                400);
            return;
        }
        if (const std::string codec = unknown_codec_of(track); !codec.empty()) {
            end(EndReason::Failure, "track " + track.sid + ": " + codec + " is not supported", 400);
            return;
        }
    }
    check(capture_->on_track(participant_sid, track, monotonic_now()));
    feedback_.set_sources(capture_->ssrcs());
    note_left_out(participant_sid, track);
}

void Recording::note_left_out(const std::string& participant_sid, const signal::Track& track) {
    const bool is_encrypted =
        track.kind == signal::TrackKind::Audio && track.encryption != signal::Encryption::None;
    if (is_encrypted && encrypted_.insert(track.sid).second) {
        log_.warn("track.encrypted", {{"track", track.sid}, {"participant", participant_sid}});
    }
    const std::string codec = unknown_codec_of(track);
    if (!codec.empty() && unknown_codecs_.emplace(track.sid, codec).second) {
        log_.warn(
            "track.unknown_codec",
            {{"track", track.sid}, {"participant", participant_sid}, {"codec", codec}}
        );
    }
    const std::string identity = participants_.identity_of(participant_sid);
    if (missed_picture_ || !is_missed_picture(job_.source, identity, track)) return;
    // Said once: a camera that is switched off and on is published anew each time.
    missed_picture_.emplace();
    missed_picture_->sid = track.sid;
    missed_picture_->participant_identity = identity;
    missed_picture_->source = std::string(signal::to_string(track.source));
    missed_picture_->unknown_codec = track.mime_type.empty() ? "video" : track.mime_type;
    log_.warn(
        "track.picture_left_out",
        {{"track", track.sid}, {"participant", identity}, {"source", missed_picture_->source}}
    );
}

void Recording::on_track_gone(const std::string& track_sid) {
    if (status_ >= Status::Ending) return;
    source_watch_.track_gone(track_sid, monotonic_now());
    check(capture_->on_track_gone(track_sid, monotonic_now()));
    feedback_.set_sources(capture_->ssrcs());
}

void Recording::on_mapping(const std::vector<signal::TrackMapping>& tracks) {
    if (status_ >= Status::Ending) return;
    check(capture_->on_mapping(tracks, monotonic_now()));
    feedback_.set_sources(capture_->ssrcs());
}

void Recording::on_rtp(BytesView packet, Instant arrival) {
    if (status_ >= Status::Ending) return;
    const auto view = rtp::PacketView::parse(packet);
    if (!view) return;
    // What a server held back comes before it answers our checks again.
    if (interrupted_at_ && arrival - std::max(*interrupted_at_, last_packet_at_) >= kNoPause) {
        check(note_gap(arrival));
        if (status_ >= Status::Ending) return;
        changed();
    }
    last_packet_at_ = arrival;
    feedback_.on_packet(*view, arrival);
    check(capture_->on_rtp(view->ssrc, packet, arrival));
    if (status_ == Status::Starting && capture_->pipeline().has_media()) {
        status_ = Status::Active;
        media_since_ = arrival;
        file_.started_at = capture_->wall_time(capture_->since_start(arrival));
        const Instant since = connected_at_.value_or(started_);
        on_stage("media", std::max(arrival - since, Nanoseconds(0)));
        log_.info("recording.active", {{"after_ms", to_seconds(arrival - started_) * 1000}});
        begin_streams();
        changed();
    }
}

void Recording::on_rtcp(BytesView packet, Instant arrival) {
    if (status_ >= Status::Ending) return;
    feedback_.on_rtcp(packet, arrival);
    check(capture_->on_rtcp(packet, arrival));
}

void Recording::on_interrupted(std::string_view reason, std::string_view words) {
    if (status_ >= Status::Ending) return;
    log_.warn("recording.interrupted", {{"reason", reason}, {"why", words}});
    // While only the signal is lost media flows on: no gap.
    if (interrupted_at_ || reason != "media") return;
    const Instant now = monotonic_now();
    interrupted_at_ = now - last_packet_at_ < kNoticedAfter ? last_packet_at_ : now;
}

void Recording::on_connected() {
    if (status_ >= Status::Ending) return;
    const Instant now = monotonic_now();
    if (!connected_at_) connected_at_ = now;
    if (!interrupted_at_) return;
    check(note_gap(now));
    if (status_ < Status::Ending) changed();
}

/// What was interrupted goes on, or ends, at `now`. Media may have flowed on for a while, or all
/// along.
Result<> Recording::note_gap(Instant now) {
    if (!interrupted_at_) return {};
    const Instant start = std::max(*interrupted_at_, last_packet_at_);
    interrupted_at_.reset();
    if (!media_since_ || now - start < kShortestGap) return {};
    Gap gap;
    gap.start = capture_->wall_time(capture_->since_start(start));
    gap.end = capture_->wall_time(capture_->since_start(now));
    const auto reason = std::exchange(interrupted_by_, journal::GapReason::Media);
    gap.reason = std::string(journal::to_string(reason));
    gaps_.push_back(std::move(gap));
    return capture_->on_gap(start, now, reason);
}

void Recording::on_ended(signal::EndReason reason, std::string words) {
    using signal::EndReason;
    if (status_ >= Status::Ending) return;  // Our own leaving.
    const bool has_media = capture_->pipeline().has_media();
    switch (reason) {
        case EndReason::Left:
            return;
        case EndReason::RoomClosed:
        case EndReason::RoomDeleted:
            end(recorder::EndReason::RoomClosed, "", 0);
            return;
        case EndReason::ParticipantRemoved:
            end(recorder::EndReason::Removed, "", 0);
            return;
        case EndReason::DuplicateIdentity:
            end(recorder::EndReason::Failure,
                "another worker records as " + job_.egress_id + " (duplicate identity)",
                409);
            return;
        case EndReason::Refused:
            end(recorder::EndReason::Failure, std::move(words), 401);
            return;
        case EndReason::ServerShutdown:
        case EndReason::JoinFailure:
        case EndReason::ConnectionLost:
        case EndReason::Other:
            if (has_media) words = "recording ended early: connection to room failed: " + words;
            end(recorder::EndReason::Failure, std::move(words), 503);
            return;
    }
}

void Recording::changed() {
    updated_at_ = wall_now();
    on_change_(snapshot());
}

Snapshot Recording::snapshot() const {
    Snapshot all;
    all.egress_id = job_.egress_id;
    all.room_name = job_.room_name;
    all.room_sid = room_sid_;
    all.room_metadata = room_metadata_;
    all.status = status_;
    all.end_reason = end_reason_;
    all.error = error_;
    all.error_code = error_code_;
    all.started_at = job_.requested_at;
    all.ended_at = ended_at_;
    all.updated_at = updated_at_;
    all.makes_file = job_.makes_file;
    all.file = file_;
    if (segments_) {
        all.segments = segments_->result();
    } else if (job_.segments) {
        all.segments.emplace();
    }
    if (streams_) all.streams = streams_->results();
    if (track_files_) all.track_files = track_files_->results();
    all.manifest_location = manifest_location_;
    all.manifest_spool_path = manifest_spool_path_;
    if (capture_ && !is_over()) all.file.duration = capture_->pipeline().duration();
    all.participants = participants_.all();
    if (capture_) all.tracks = capture_->tracks();
    if (missed_picture_) all.tracks.push_back(*missed_picture_);
    all.gaps = gaps_;
    all.stages = stages_;
    return all;
}

Recording::Totals Recording::totals() const {
    Totals totals;
    if (capture_) {
        totals.packets = capture_->packets_received();
        totals.bytes_written = capture_->journal_bytes();
        for (const auto& track : capture_->pipeline().track_counters()) {
            totals.packets_lost += track.lost;
            totals.packets_late += track.late;
            totals.samples_concealed += track.concealed_samples;
        }
    }
    if (output_) totals.bytes_written += output_->size();
    if (upload_) totals.bytes_uploaded = upload_->sent_bytes();
    if (segments_) totals.bytes_uploaded += segments_->sent_bytes();
    if (track_files_) {
        totals.bytes_written += track_files_->written_bytes();
        totals.bytes_uploaded += track_files_->sent_bytes();
    }
    return totals;
}

}  // namespace aircheck::recorder
