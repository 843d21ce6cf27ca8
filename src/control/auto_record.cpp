#include "control/auto_record.hpp"

#include "proto/livekit_models.pb.h"

#include <fnmatch.h>

#include <algorithm>

namespace aircheck::control {

const AutoRecordRule* rule_for(
    const std::vector<AutoRecordRule>& rules, const std::string& room_name
) {
    const auto it = std::find_if(rules.begin(), rules.end(), [&](const AutoRecordRule& rule) {
        return fnmatch(rule.rooms.c_str(), room_name.c_str(), 0) == 0;
    });
    return it == rules.end() ? nullptr : &*it;
}

bool counts(const AutoRecordRule& rule, const livekit::ParticipantInfo& participant) {
    if (participant.permission().hidden() || participant.permission().recorder()) return false;
    const auto kind = static_cast<recorder::ParticipantKind>(participant.kind());
    return std::find(rule.skip_kinds.begin(), rule.skip_kinds.end(), kind) == rule.skip_kinds.end();
}

RecordingRequest request_of(
    const AutoRecordRule& rule, const std::string& room_name, const RecordingDefaults& defaults
) {
    RecordingRequest request;
    request.room_name = room_name;
    request.mixing = rule.mixing;
    request.encoding = default_encoding(defaults, rule.mixing, rule.container);
    request.destination = defaults.destination;
    request.filepath = rule.filepath;
    request.writes_manifest = rule.writes_manifest;
    request.track_files = rule.track_files;
    request.end = rule.end;
    request.end.session_limit = defaults.session_limit;
    if (!request.end.max_bytes) request.end.max_bytes = defaults.max_bytes;
    request.receivers = rule.receivers;
    request.origin = "rule";
    return request;
}

}  // namespace aircheck::control
