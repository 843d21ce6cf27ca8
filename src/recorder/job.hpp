#pragma once

#include "streams/sink.hpp"

#include "core/time.hpp"
#include "storage/destination.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::recorder {

/// livekit.AudioMixing, to the letter (egress-survey 1.4).
enum class Mixing {
    Default,              ///< Every track on every channel.
    DualChannelAgent,     ///< Participants of kind AGENT left, all others right.
    DualChannelAlternate  ///< Tracks by arrival: first left, second right, third left …
};

enum class Container { Mp4, Ogg, Mp3, Wav, Flac };
enum class AudioCodec {
    Aac,
    Opus,
    /// One track's own Opus packets in OGG or MP4, neither decoded nor mixed; of a track that is
    /// not Opus, what it holds as Opus. `mixing`, `channels` and the rates mean nothing then.
    OpusPassthrough,
    Mp3,
    Pcm,  ///< Signed 16 bit.
    Flac,
};

/// What a container holds where nothing else is asked for.
[[nodiscard]] AudioCodec codec_for(Container container);
/// ".mp4" …
[[nodiscard]] std::string_view extension_of(Container container);
[[nodiscard]] std::string_view content_type_of(Container container);
/// By the name's extension; empty when that is none of a container.
[[nodiscard]] std::optional<Container> container_of(std::string_view file_name);

struct Encoding {
    Container container = Container::Mp4;
    AudioCodec codec = AudioCodec::Aac;
    std::uint16_t channels = 1;  ///< 1 or 2.
    std::uint32_t bitrate_bps = 48'000;
    std::uint32_t sample_rate_hz = 48'000;
};

/// Where and as whom to join.
struct RoomAccess {
    std::string ws_url;  ///< ws, wss, http or https.
    std::string api_key;
    std::string api_secret;
    std::string ca_file;  ///< Extra trust anchors (PEM), or none.
};

/// livekit.ParticipantInfo.Kind.
enum class ParticipantKind {
    Standard = 0,
    Ingress = 1,
    Egress = 2,
    Sip = 3,
    Agent = 4,
    Connector = 7,
    Bridge = 8
};

/// LiveKit's name: "STANDARD", "SIP", "AGENT" …
[[nodiscard]] std::string_view to_string(ParticipantKind kind);

/// Where a track is heard, by who publishes it or which it is (livekit.AudioRoute).
struct AudioRoute {
    enum class Match { Track, Identity, Kind };
    enum class Channel { Both, Left, Right };
    Match match = Match::Identity;
    std::string value;  ///< The track's sid or the participant's identity.
    ParticipantKind kind = ParticipantKind::Standard;  ///< With Match::Kind.
    Channel channel = Channel::Both;

    bool operator==(const AudioRoute&) const = default;
};

/// Which of a room's sound is recorded.
struct Source {
    enum class Kind {
        Room,         ///< Every track.
        Participant,  ///< One participant's microphone, or the sound of their shared screen.
        Track,        ///< One track.
        Media,        ///< What `routes` match, and with `capture_all` everything else too.
    };
    Kind kind = Kind::Room;
    std::string identity;  ///< Of the participant.
    bool screen_share = false;
    std::string track_sid;
    std::vector<AudioRoute> routes;
    bool capture_all = false;
};

/// When a recording ends by itself; it always ends with its room.
struct EndRule {
    bool last_human_left = false;             ///< Nobody is left of whom is_human() is true …
    Nanoseconds end_grace = 10s;              ///< … for this long.
    std::optional<Nanoseconds> max_duration;  ///< Of the file: ends as LIMIT_REACHED.
    /// From the start of the job, waiting included: ends as LIMIT_REACHED, or as ABORTED while
    /// nobody was heard.
    std::optional<Nanoseconds> session_limit;
    std::optional<std::uint64_t> max_bytes;  ///< Of the file: ends as LIMIT_REACHED.
    /// No first packet this long after the start: fails, saying which stage was reached. None:
    /// waits.
    std::optional<Nanoseconds> media_timeout;
};

/// HLS: segments of MPEG-TS, an event playlist of all and, where wanted, a live one of the newest.
struct SegmentOutput {
    enum class Suffix {
        Index,     ///< "_00000.ts", "_00001.ts" …
        Timestamp  ///< When its first sample was heard: "_20260820101520123.ts", in UTC.
    };
    // Templates as `Job::filepath`; each may be "" (segment_names.hpp).
    std::string prefix;
    std::string playlist_name;
    std::string live_playlist_name;  ///< "": none.
    Suffix suffix = Suffix::Index;
    Nanoseconds duration = 4s;
    Encoding encoding;  ///< Codec AAC; the channels are the file's. The container means nothing.
    storage::Destination destination;
    bool writes_manifest = true;  ///< As Job::writes_manifest, beside the playlist.
};

/// Each track's own Opus, as it was sent, in an OGG file of its own in the mix's store.
struct TrackFiles {
    /// Template as `Job::filepath`, with the track's placeholders; "": beside the mix, in a folder
    /// that is called like it (track_names.hpp).
    std::string filepath;
};

/// Servers that get the mix while it is made.
struct StreamOutput {
    streams::Protocol protocol = streams::Protocol::Rtmp;
    std::vector<streams::Target> targets;  ///< None: they are added later.
    /// Codec AAC, for WebSockets PCM of 48 kHz; the channels are the file's. The container means
    /// nothing.
    Encoding encoding;
    /// What their addresses may be beside public ones (`network.allow`).
    std::vector<std::string> allow;
    std::string ca_file;  ///< Extra trust anchors (PEM), or none.
};

/// livekit.UpdateStreamRequest: adds, then removes.
struct StreamUpdate {
    std::vector<streams::Target> add;
    std::vector<streams::Target> remove;  ///< By `url`.
};

/// One recording to be made: all that the recorder has to know, nothing of who asked.
struct Job {
    std::string egress_id;  ///< "EG_…"; also the identity in the room.
    std::string room_name;
    std::string room_sid;  ///< "RM_…", or "" when not known before joining.
    RoomAccess access;
    Source source;
    Mixing mixing = Mixing::Default;
    bool makes_file = true;  ///< False: `segments` and `stream` alone are made.
    Encoding encoding;       ///< Of the file; without one, of what `render` makes of the journal.
    storage::Destination destination;
    std::string filepath;  ///< LiveKit's template ("recordings/{room_name}-{time}.mp4"); "" or
                           ///< "dir/": default name.
    bool writes_manifest = true;  ///< "{egress_id}.json" beside the file: what belongs to the job.
    std::optional<TrackFiles> track_files;  ///< Beside the file.
    std::optional<SegmentOutput> segments;
    std::optional<StreamOutput> stream;
    EndRule end;
    WallTime requested_at;
    /// What is copied to a store beside the journal, for who finishes it elsewhere; "": nothing is.
    std::string dossier;
};

enum class Status { Starting, Active, Ending, Complete, Failed, Aborted, LimitReached };

[[nodiscard]] constexpr bool is_final(Status status) { return status >= Status::Complete; }

enum class EndReason {
    None,
    StopRequested,
    RoomClosed,
    Removed,  ///< From the room, by its API: the room itself may go on.
    LastHumanLeft,
    SourceLeft,  ///< The participant or the track that the job is about.
    LimitReached,
    StreamsStopped,  ///< The last of all outputs was a stream, and was removed.
    Shutdown,
    Failure
};

/// Phones reach a room by other ways than SIP, too (CONNECTOR: WhatsApp, Twilio; BRIDGE), and a
/// kind that is yet to come is more likely a caller: only what is known to be a machine is none.
[[nodiscard]] constexpr bool is_human(ParticipantKind kind) {
    return kind != ParticipantKind::Agent && kind != ParticipantKind::Egress &&
           kind != ParticipantKind::Ingress;
}

struct ParticipantSummary {
    std::string sid;
    std::string identity;
    std::string name;
    ParticipantKind kind = ParticipantKind::Standard;
    std::map<std::string, std::string> attributes;
    WallTime joined_at;
    std::optional<WallTime> left_at;
};

struct TrackSummary {
    std::string sid;
    std::string participant_identity;
    std::string source;         ///< "microphone", "screen_share_audio" …
    bool encrypted = false;     ///< End-to-end encrypted: listed, never recorded.
    std::string unknown_codec;  ///< "audio/G722": what nothing here decodes; else "".
    std::uint64_t packets_received = 0;
    std::uint64_t packets_lost = 0;       ///< Given up: never came, or too late.
    std::uint64_t packets_late = 0;       ///< Came after their place was mixed.
    std::uint64_t samples_concealed = 0;  ///< At 48 kHz.
};

struct Gap {
    WallTime start;
    WallTime end;
    std::string reason;  ///< "signal", "media", "restart", "paused", "disk".
};

/// How far joining came and how long each stage took: "resolve", "tcp", "tls", "token", "signal",
/// "ice", "dtls", "media".
struct StageTiming {
    std::string stage;
    Nanoseconds took{0};
};

struct FileResult {
    std::string filename;  ///< The object's key, with the template expanded; "" before it is known.
    std::string location;  ///< URL or absolute path; "" until the object is complete.
    std::uint64_t size_bytes = 0;
    Nanoseconds duration{0};             ///< Of the media in the file.
    std::string sha256;                  ///< Hex; "" until complete.
    std::optional<WallTime> started_at;  ///< Wall time of the file's first sample.
    std::optional<WallTime> ended_at;
    std::string
        spool_path;  ///< Set when the upload failed for good: the finished file in the spool.
};

/// One track's own file. A track that was published anew has another one.
struct TrackFileResult {
    std::string track_sid;
    std::string participant_identity;
    std::string source;               ///< As TrackSummary's.
    std::int64_t offset_samples = 0;  ///< From the mix's first sample to the file's, at 48 kHz.
    FileResult file;                  ///< Its duration is known once the track is over.
    std::string error;                ///< Why it is not where it belongs; else "".
};

/// An object of a recording, where it lies.
struct StoredName {
    std::string filename;  ///< The object's key.
    std::string location;
};

/// The HLS output of a recording, as far as it is stored.
struct SegmentsResult {
    std::string playlist_name;       ///< Of the object; "" before it is known.
    std::string live_playlist_name;  ///< Likewise, or "" when none is made.
    std::string playlist_location;   ///< URL or absolute path; "" before the first segment.
    std::string live_playlist_location;
    std::uint64_t size_bytes = 0;  ///< Of all segments.
    std::uint32_t count = 0;
    Nanoseconds duration{0};
    std::optional<WallTime> started_at;
    std::optional<WallTime> ended_at;
    bool is_whole =
        false;          ///< Every segment is stored, and the playlist says that it was the last.
    std::string error;  ///< Why it never will be.
    std::string spool_path;  ///< Set when something waits in the spool: its KeptSegments.
};

/// One stream of a recording, of which there is nothing but the stream. livekit.StreamInfo.
struct StreamResult {
    enum class State { Active, Finished, Failed };
    std::string url;  ///< Without its key.
    std::string id;   ///< streams::Target::id.
    State state = State::Active;
    std::string error;                   ///< Of a failed one.
    std::optional<WallTime> started_at;  ///< When it was first connected to.
    std::optional<WallTime> ended_at;
    std::uint32_t retries = 0;  ///< How often it was connected to again.
    std::optional<WallTime> last_retry_at;

    bool operator==(const StreamResult&) const = default;
};

/// The whole state of one recording, as of `updated_at`. A value: later ones replace earlier ones.
struct Snapshot {
    std::string egress_id;
    std::string room_name;
    std::string room_sid;
    std::string room_metadata;
    Status status = Status::Starting;
    EndReason end_reason = EndReason::None;
    std::string error;    ///< Why it failed, naming the stage, the setting or the remote; else "".
    int error_code = 0;   ///< LiveKit's HTTP-like number (livekit-wire 6.3).
    WallTime started_at;  ///< Of the request.
    std::optional<WallTime> ended_at;
    WallTime updated_at;
    bool makes_file = true;
    FileResult file;  ///< Without one, what it says of times holds for the recording.
    std::optional<SegmentsResult> segments;
    std::vector<StreamResult> streams;  ///< All there were, in the order of coming.
    std::vector<TrackFileResult> track_files;
    std::string manifest_location;    ///< "" until one is stored.
    std::string manifest_spool_path;  ///< Set when it waits in the spool: for something to be sent.
    std::vector<ParticipantSummary> participants;
    std::vector<TrackSummary> tracks;
    std::vector<Gap> gaps;
    std::vector<StageTiming> stages;
};

/// It belongs to another worker now, which sends it: Failure with 409, as when another joined the
/// room under its identity.
[[nodiscard]] constexpr bool is_anothers(EndReason reason, int error_code) {
    return reason == EndReason::Failure && error_code == 409;
}
[[nodiscard]] inline bool is_anothers(const Snapshot& snapshot) {
    return is_anothers(snapshot.end_reason, snapshot.error_code);
}
/// Nothing of it waits to be sent any more.
[[nodiscard]] bool is_stored(const Snapshot& snapshot);

[[nodiscard]] std::string_view to_string(Status status);  ///< "EGRESS_STARTING" …
/// "End reason: StopEgress API" … as livekit/egress fills EgressInfo.details; "" for None.
[[nodiscard]] std::string_view details_of(EndReason reason);

}  // namespace aircheck::recorder
