#pragma once

#include "control/recording_request.hpp"

#include <string>

namespace aircheck::api {

/// The body of POST /api/v1/recordings: {room_name, audio_only, outputs[{file_type, filepath, s3}],
/// audio_mixing, end_when, end_grace, max_duration, metadata}. What this build cannot do (video,
/// track files, several outputs) and what it does not know is refused by name.
[[nodiscard]] control::Answer<control::RecordingRequest> parse_recording_body(
    const std::string& body, const control::RecordingDefaults& defaults
);

}  // namespace aircheck::api
