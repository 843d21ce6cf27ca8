#pragma once

#include "control/recording_request.hpp"
#include "recorder/job.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace livekit {
class ParticipantInfo;
}

namespace aircheck::control {

/// One rule of `auto_record`.
struct AutoRecordRule {
    enum class On { ParticipantJoined, RoomStarted };
    std::string rooms = "*";  ///< Glob on the room's name, as fnmatch(3) reads it.
    On on = On::ParticipantJoined;
    std::vector<recorder::ParticipantKind> skip_kinds = {
        recorder::ParticipantKind::Egress, recorder::ParticipantKind::Ingress};
    recorder::Container container = recorder::Container::Mp4;
    recorder::Mixing mixing = recorder::Mixing::Default;
    std::string filepath;
    bool writes_manifest = true;
    std::optional<recorder::TrackFiles> track_files;
    recorder::EndRule end;
    std::vector<notify::Receiver> receivers;
};

/// The first rule whose glob matches; none: the room is recorded on request only.
[[nodiscard]] const AutoRecordRule* rule_for(
    const std::vector<AutoRecordRule>& rules, const std::string& room_name
);

/// True when this participant is one that the rule waits for: not hidden, no recorder, of no kind
/// that is skipped.
[[nodiscard]] bool counts(const AutoRecordRule& rule, const livekit::ParticipantInfo& participant);

/// What is to be recorded of `room_name` by `rule`.
[[nodiscard]] RecordingRequest request_of(
    const AutoRecordRule& rule, const std::string& room_name, const RecordingDefaults& defaults
);

}  // namespace aircheck::control
