#include "control/egress_info.hpp"

#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"

namespace aircheck::control {

std::string echo_to_json(const std::string& serialised) {
    livekit::RoomCompositeEgressRequest request;
    if (!request.ParseFromString(serialised)) return "{}";
    return proto::to_webhook_json(request);
}

livekit::EgressInfo to_egress_info(const records::Recording& recording) {
    livekit::EgressInfo info;
    info.set_egress_id(recording.egress_id);
    info.set_room_id(recording.room_sid);
    info.set_room_name(recording.room_name);
    info.set_status(static_cast<livekit::EgressStatus>(recording.status));
    info.set_source_type(livekit::EGRESS_SOURCE_TYPE_SDK);
    // What we wrote ourselves reads back; another's edit of the database only costs the echo.
    livekit::RoomCompositeEgressRequest request;
    if (proto::from_json(recording.request_json, request)) {
        *info.mutable_room_composite() = std::move(request);
    }
    info.set_error(recording.error);
    info.set_error_code(recording.error_code);
    info.set_details(recording.details);
    info.set_started_at(unix_nanoseconds(recording.started_at));
    info.set_updated_at(unix_nanoseconds(recording.updated_at));
    if (recording.ended_at) info.set_ended_at(unix_nanoseconds(*recording.ended_at));
    info.set_manifest_location(recording.manifest_location);
    info.set_backup_storage_used(recording.backup_storage_used);
    for (const records::StoredFile& stored : recording.files) {
        if (stored.kind != records::FileKind::Mix) continue;
        livekit::FileInfo* file = info.add_file_results();
        file->set_filename(stored.filename);
        if (stored.started_at) file->set_started_at(unix_nanoseconds(*stored.started_at));
        if (stored.ended_at) file->set_ended_at(unix_nanoseconds(*stored.ended_at));
        file->set_duration(stored.duration.count());
        file->set_size(static_cast<std::int64_t>(stored.size_bytes));
        file->set_location(stored.location);
    }
    if (info.file_results_size() == 1) *info.mutable_file() = info.file_results(0);
    return info;
}

}  // namespace aircheck::control
