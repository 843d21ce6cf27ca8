#include "control/egress_info.hpp"

#include "control/track_files.hpp"
#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"

namespace aircheck::control {

std::string echo_to_json(const std::string& serialised) {
    livekit::EgressInfo echo;
    if (!echo.ParseFromString(serialised)) return "{}";
    return proto::to_webhook_json(echo);
}

namespace {

/// What we wrote ourselves reads back; another's edit of the database only costs the echo. Rows of
/// version 0.1.0 hold the room composite's request alone.
void put_echo(const std::string& request_json, livekit::EgressInfo& info) {
    if (proto::from_json(request_json, info) &&
        info.request_case() != livekit::EgressInfo::REQUEST_NOT_SET) {
        return;
    }
    info.Clear();
    if (!proto::from_json(request_json, *info.mutable_room_composite())) info.Clear();
}

template <typename Info>
void put_times(const records::StoredFile& stored, Info& info) {
    if (stored.started_at) info.set_started_at(unix_nanoseconds(*stored.started_at));
    if (stored.ended_at) info.set_ended_at(unix_nanoseconds(*stored.ended_at));
    info.set_duration(stored.duration.count());
    info.set_size(static_cast<std::int64_t>(stored.size_bytes));
}

void put_file(const records::StoredFile& stored, livekit::FileInfo& info) {
    put_times(stored, info);
    info.set_filename(stored.filename);
    info.set_location(stored.location);
}

void put_segments(const records::StoredFile& stored, livekit::SegmentsInfo& info) {
    put_times(stored, info);
    info.set_playlist_name(stored.filename);
    info.set_playlist_location(stored.location);
    info.set_live_playlist_name(stored.live_filename);
    info.set_live_playlist_location(stored.live_location);
    info.set_segment_count(stored.segment_count);
}

void put_stream(const records::StoredStream& stored, livekit::StreamInfo& info) {
    info.set_url(stored.url);
    info.set_id(stored.id);
    info.set_status(static_cast<livekit::StreamInfo::Status>(stored.state));
    info.set_error(stored.error);
    info.set_retries(stored.retries);
    if (stored.started_at) info.set_started_at(unix_nanoseconds(*stored.started_at));
    if (stored.ended_at) info.set_ended_at(unix_nanoseconds(*stored.ended_at));
    if (stored.started_at && stored.ended_at) {
        info.set_duration((*stored.ended_at - *stored.started_at).count());
    }
    if (stored.last_retry_at) info.set_last_retry_at(unix_nanoseconds(*stored.last_retry_at));
}

}  // namespace

livekit::EgressInfo to_egress_info(const records::Recording& recording) {
    livekit::EgressInfo info;
    put_echo(recording.request_json, info);
    info.set_egress_id(recording.egress_id);
    info.set_room_id(recording.room_sid);
    info.set_room_name(recording.room_name);
    info.set_status(static_cast<livekit::EgressStatus>(recording.status));
    info.set_source_type(livekit::EGRESS_SOURCE_TYPE_SDK);
    info.set_error(recording.error);
    info.set_error_code(recording.error_code);
    info.set_details(recording.details);
    info.set_started_at(unix_nanoseconds(recording.started_at));
    info.set_updated_at(unix_nanoseconds(recording.updated_at));
    if (recording.ended_at) info.set_ended_at(unix_nanoseconds(*recording.ended_at));
    info.set_manifest_location(recording.manifest_location);
    info.set_backup_storage_used(recording.backup_storage_used);
    int tracks = 0;  // Beside the mix: after it, in the list alone.
    for (const records::StoredFile& stored : recording.files) {
        if (is_beside_a_mix(stored)) ++tracks;
        if (stored.kind == records::FileKind::Segments) {
            put_segments(stored, *info.add_segment_results());
        } else {
            put_file(stored, *info.add_file_results());
        }
    }
    for (const records::StoredStream& stored : recording.streams) {
        put_stream(stored, *info.add_stream_results());
    }
    // The field of old, which holds results of one kind alone.
    const bool is_stream_alone = recording.files.empty() && !recording.streams.empty();
    if (is_stream_alone) *info.mutable_stream()->mutable_info() = info.stream_results();
    if (info.file_results_size() + info.segment_results_size() - tracks != 1) return info;
    if (info.file_results_size() > 0) {
        *info.mutable_file() = info.file_results(0);
    } else {
        *info.mutable_segments() = info.segment_results(0);
    }
    return info;
}

}  // namespace aircheck::control
