#pragma once

#include "control/recording_request.hpp"
#include "proto/livekit_egress.pb.h"

#include <string>
#include <vector>

namespace aircheck::control {

/// A request of any kind, said in one way: what LiveKit's messages keep in different places.
struct PlainRequest {
    std::string room_name;
    recorder::Source source;
    recorder::Mixing mixing = recorder::Mixing::Default;
    bool keeps_codec = false;  ///< One track as it is, not encoded anew.
    std::vector<livekit::Output> outputs;
    livekit::StorageConfig storage;  ///< For outputs without their own.
    bool has_preset = false;
    livekit::EncodingOptions options;
    std::vector<livekit::WebhookConfig> webhooks;
    livekit::EgressInfo echo;  ///< With the request, as it came.
    std::vector<std::string> warnings;
};

/// Checks what `plain` asks for and says what is to be done.
[[nodiscard]] Answer<RecordingRequest> check_plain(
    PlainRequest plain, const RecordingDefaults& defaults
);

/// How and into what `file` is encoded. What the options say of a picture is added to `warnings`.
[[nodiscard]] Answer<recorder::Encoding> encoding_of(
    const PlainRequest& plain,
    const livekit::FileOutput& file,
    const RecordingDefaults& defaults,
    std::vector<std::string>& warnings
);

/// Where an output goes: to the store that `storage` names, else to the configured one.
[[nodiscard]] Answer<storage::Destination> destination_of(
    const livekit::StorageConfig& storage, const RecordingDefaults& defaults
);

}  // namespace aircheck::control
