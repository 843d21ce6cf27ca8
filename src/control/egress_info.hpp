#pragma once

#include "records/model.hpp"

#include <string>

namespace livekit {
class EgressInfo;
}

namespace aircheck::control {

/// `recording` as LiveKit tells it: int64 nanoseconds, the request's echo, `file_results` and, for
/// old callers, the deprecated `file` (livekit-wire 6.3). `recording.request_json` holds the echo.
[[nodiscard]] livekit::EgressInfo to_egress_info(const records::Recording& recording);

/// A serialised RoomCompositeEgressRequest as the text that records keep, and back.
[[nodiscard]] std::string echo_to_json(const std::string& serialised);

}  // namespace aircheck::control
