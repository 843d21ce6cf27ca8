#pragma once

#include "control/twirp_error.hpp"
#include "core/bytes.hpp"
#include "notify/receiver.hpp"
#include "recorder/job.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace livekit {
class EgressInfo;
class ParticipantEgressRequest;
class RoomCompositeEgressRequest;
class StartEgressRequest;
class TrackCompositeEgressRequest;
class TrackEgressRequest;
}  // namespace livekit

namespace aircheck::control {

/// What applies where a request says nothing, and what requests may do: from the configuration.
struct RecordingDefaults {
    recorder::RoomAccess access;
    storage::Destination destination;  ///< Where outputs without a store of their own go.
    bool local_storage_allowed = true;
    std::string storage_prefix;  ///< Before every key in a request's own store, too.
    std::uint16_t channels = 1;
    std::uint32_t bitrate_bps = 48'000;
    std::uint32_t stereo_bitrate_bps = 96'000;  ///< With two channels, where nothing is said.
    /// From the start of a job (EndRule), by what it makes: the smallest counts.
    std::optional<Nanoseconds> session_limit;          ///< A file.
    std::optional<Nanoseconds> segment_session_limit;  ///< Segments.
    std::optional<Nanoseconds> stream_session_limit;   ///< Streams.
    std::optional<std::uint64_t> max_bytes;
    storage::RetryPolicy retry;
    std::string ca_file;
    /// What a request's endpoint or proxy may reach besides public addresses (`network.allow`).
    std::vector<std::string> network_allow;
    /// What it may reach at all: more where livekit-server handed the request out (ADR 0009).
    storage::S3Destination::Reach request_reach = storage::S3Destination::Reach::PublicOnly;
};

/// One recording that is asked for: by Twirp, by REST, by a rule, by a command. Checked: what is in
/// it can be done.
struct RecordingRequest {
    std::string room_name;
    recorder::Source source;
    recorder::Mixing mixing = recorder::Mixing::Default;
    bool makes_file = true;  ///< False: `segments` and `stream` alone.
    recorder::Encoding encoding;
    storage::Destination destination;
    std::string filepath;
    bool writes_manifest = true;  ///< Beside the file.
    std::optional<recorder::TrackFiles> track_files;
    std::optional<recorder::SegmentOutput> segments;
    std::optional<recorder::StreamOutput> stream;
    recorder::EndRule end;
    std::vector<notify::Receiver> receivers;  ///< The request's own `webhooks`, or the rule's.
    std::string metadata_json = "{}";
    std::string origin;      ///< "api", "rule", "cli".
    std::string request_id;  ///< X-Livekit-Request-Id: the same on every retry; "" = none.
    std::optional<Instant> answer_by;  ///< The caller hears nothing later; none: waits.
    std::string echo;  ///< livekit.EgressInfo with its `request` alone, redacted, serialised.
    std::vector<std::string> warnings;  ///< Fields that have no meaning here, by name; for the log.
};

/// Each track's own file beside the mix, called as `filepath` says. `invalid_argument` where that
/// would give all tracks one name.
[[nodiscard]] Answer<recorder::TrackFiles> track_files_of(std::string filepath);

/// Checks a request of LiveKit's Egress API and turns it into what is to be done. What this build
/// cannot do is refused by name with `invalid_argument` (not `unimplemented`: SDKs retry a 501).
[[nodiscard]] Answer<RecordingRequest> check_request(
    const livekit::RoomCompositeEgressRequest& request, const RecordingDefaults& defaults
);
[[nodiscard]] Answer<RecordingRequest> check_request(
    const livekit::ParticipantEgressRequest& request, const RecordingDefaults& defaults
);
[[nodiscard]] Answer<RecordingRequest> check_request(
    const livekit::TrackCompositeEgressRequest& request, const RecordingDefaults& defaults
);
[[nodiscard]] Answer<RecordingRequest> check_request(
    const livekit::TrackEgressRequest& request, const RecordingDefaults& defaults
);
[[nodiscard]] Answer<RecordingRequest> check_request(
    const livekit::StartEgressRequest& request, const RecordingDefaults& defaults
);
/// The same for whichever request `asked` holds.
[[nodiscard]] Answer<RecordingRequest> check_request(
    const livekit::EgressInfo& asked, const RecordingDefaults& defaults
);

/// The message that stands for a request which came another way (a rule, REST): for EgressInfo's
/// echo.
[[nodiscard]] std::string make_echo(const RecordingRequest& request);

/// Defaults for channels and bitrate by mixing: two channels for the dual modes.
[[nodiscard]] recorder::Encoding default_encoding(
    const RecordingDefaults& defaults, recorder::Mixing mixing, recorder::Container container
);

}  // namespace aircheck::control
