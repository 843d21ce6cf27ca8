#pragma once

#include "control/recording_request.hpp"
#include "control/twirp_error.hpp"
#include "records/model.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace livekit {
class StreamOutput;
class UpdateStreamRequest;
}  // namespace livekit

namespace aircheck::control {

struct PlainRequest;

struct TakenStream {
    recorder::StreamOutput stream;
    std::vector<std::string> warnings;
};

/// What a stream output asks for. One protocol an egress; without URLs it is a place for later
/// ones, beside another output. Errors name a URL without its key.
[[nodiscard]] Answer<TakenStream> take_stream(
    const PlainRequest& plain,
    const livekit::StreamOutput& asked,
    bool is_alone,
    const RecordingDefaults& defaults
);

/// What an UpdateStreamRequest asks of an egress with streams of `protocol`.
[[nodiscard]] Answer<recorder::StreamUpdate> stream_update_of(
    const livekit::UpdateStreamRequest& request, streams::Protocol protocol
);

/// `failed_precondition`: "egress with status EGRESS_COMPLETE cannot be updated".
[[nodiscard]] tl::unexpected<TwirpError> cannot_be(
    std::string_view what, records::RecordingStatus status
);

}  // namespace aircheck::control
