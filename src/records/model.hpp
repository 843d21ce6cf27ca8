#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The values that `Store` keeps: plain structs, compared and copied freely. Times are UTC; fields
/// that end in `_json` hold JSON text that the store neither reads nor checks; `sealed…` fields
/// hold bytes that the caller encrypted (net::seal) and only the caller can open.
namespace aircheck::records {

/// A conversation's status, as the API tells it (design.md 2.3).
enum class ConversationStatus {
    Live,         ///< The room is there, nothing records it (yet).
    Recording,    ///< At least one recording is starting or active.
    Paused,       ///< All recordings that are active are paused.
    Processing,   ///< Recordings are ending: files are finished and uploaded.
    Complete,     ///< All recordings are over and at least one is good.
    Failed,       ///< All recordings are over and none is good.
    Missing,      ///< A recording was promised and never came (set by the caller).
    NotRecorded,  ///< Over without a recording.
    Erased,       ///< Erased on demand (set by the caller).
};

/// livekit.EgressStatus; the numbers are the protocol's.
enum class RecordingStatus {
    Starting = 0,
    Active = 1,
    Ending = 2,
    Complete = 3,
    Failed = 4,
    Aborted = 5,
    LimitReached = 6,
};

enum class FileKind {
    Mix,
    Track,
    Segments  ///< HLS: the file is its playlist, the size that of all segments.
};
enum class DeliveryState { Pending, Delivered, Dead };

[[nodiscard]] std::string_view to_string(ConversationStatus status);  ///< "not_recorded" …
[[nodiscard]] std::string_view to_string(RecordingStatus status);     ///< "EGRESS_COMPLETE" …
[[nodiscard]] std::string_view to_string(FileKind kind);        ///< "mix", "track", "segments"
[[nodiscard]] std::string_view to_string(DeliveryState state);  ///< "pending" …
/// The inverse; empty for any other text.
[[nodiscard]] std::optional<ConversationStatus> parse_conversation_status(std::string_view text);
[[nodiscard]] std::optional<RecordingStatus> parse_recording_status(std::string_view text);
[[nodiscard]] std::optional<DeliveryState> parse_delivery_state(std::string_view text);

[[nodiscard]] constexpr bool is_final(RecordingStatus status) {
    return status >= RecordingStatus::Complete;
}
/// COMPLETE and LIMIT_REACHED: the files are good.
[[nodiscard]] constexpr bool is_good(RecordingStatus status) {
    return status == RecordingStatus::Complete || status == RecordingStatus::LimitReached;
}
/// Where a status stands on the way; updates never lower it: STARTING < ACTIVE < ENDING < ABORTED <
/// FAILED < LIMIT_REACHED < COMPLETE. So a final status stays final, and the one change left after
/// the end is for the better: a failed recording whose file could be uploaded after all becomes
/// complete.
[[nodiscard]] int rank_of(RecordingStatus status);

/// One call as its owner sees it.
struct Conversation {
    std::string conversation_id;  ///< "CV_" + 12, or Tavus's own.
    std::string source = "livekit";
    std::string room_name;
    std::vector<std::string>
        room_ids;  ///< "RM_…" of its room sessions, oldest first. Store fills it.
    ConversationStatus status = ConversationStatus::Live;
    WallTime started_at;
    std::optional<WallTime> ended_at;
    std::string room_metadata;               ///< As the room had it last: any text.
    std::string owner_metadata_json = "{}";  ///< A JSON object.

    bool operator==(const Conversation&) const = default;
};

/// A participant's stay in a conversation's room: one row a sid.
struct Participant {
    std::string sid;  ///< "PA_…"
    std::string identity;
    std::string name;
    std::string kind = "STANDARD";  ///< LiveKit's name: "STANDARD", "SIP", "AGENT" …
    std::map<std::string, std::string> attributes;
    WallTime joined_at;
    std::optional<WallTime> left_at;

    bool operator==(const Participant&) const = default;
};

/// A time nothing was recorded in, though the call went on.
struct Gap {
    WallTime start;
    WallTime end;
    std::string reason;  ///< "signal", "media", "restart", "paused", "disk".

    bool operator==(const Gap&) const = default;
};

/// The verdict on a finished recording.
struct Check {
    enum class Verdict { Unknown, Good, Bad } verdict = Verdict::Unknown;
    std::vector<std::string> findings;

    bool operator==(const Check&) const = default;
};

/// One output of a recording. `index` is its place in the recording (0, 1 …) and, with the egress
/// id, its key.
struct StoredFile {
    int index = 0;
    FileKind kind = FileKind::Mix;
    std::string track_id;   ///< Of a track file, else "".
    std::string identity;   ///< The participant of a track file, else "".
    Nanoseconds offset{0};  ///< From the recording's first sample to the file's.
    std::string filename;   ///< With the template expanded.
    std::string location;   ///< The object's own URL or absolute path; "" until it is stored.
    std::string destination_json = "{}";  ///< Where it goes, without secrets.
    Bytes sealed_destination;             ///< The destination's secrets, sealed by the caller.
    std::string key;                      ///< In the bucket or below the local root.
    std::uint64_t size_bytes = 0;
    Nanoseconds duration{0};
    std::string sha256;      ///< Hex; "" until known.
    bool uploaded = false;   ///< The object is complete at its destination.
    std::string spool_path;  ///< The finished file in the spool, while it is there.
    std::optional<WallTime> started_at;
    std::optional<WallTime> ended_at;
    std::uint32_t segment_count = 0;  ///< Of segments.
    std::string live_filename;        ///< Of segments: their live playlist, or "".
    std::string live_location;

    bool operator==(const StoredFile&) const = default;
};

/// One live stream of a recording. livekit.StreamInfo.
struct StoredStream {
    enum class State { Active = 0, Finished = 1, Failed = 2 };  ///< The protocol's numbers.
    std::string url;                                            ///< Without its key.
    std::string id;                                             ///< The caller's own, or "".
    State state = State::Active;
    std::string error;
    std::optional<WallTime> started_at;
    std::optional<WallTime> ended_at;
    std::uint32_t retries = 0;
    std::optional<WallTime> last_retry_at;

    bool operator==(const StoredStream&) const = default;
};
[[nodiscard]] std::string_view to_string(StoredStream::State state);  ///< "active" …

/// One egress. Fields marked *kept* are set once: an update that leaves them empty does not clear
/// them.
struct Recording {
    std::string egress_id;        ///< "EG_…"
    std::string conversation_id;  ///< kept
    std::string room_name;        ///< kept
    std::string room_sid;         ///< kept
    RecordingStatus status = RecordingStatus::Starting;
    bool paused = false;
    std::string origin;        ///< kept. Who asked: "api", "rule", "bus", "cli", "demo".
    std::string worker;        ///< The process that records it now.
    std::string request_id;    ///< kept. X-Livekit-Request-Id; makes starting idempotent.
    std::string request_json;  ///< kept. The request as it is echoed: secrets redacted.
    Bytes sealed_secrets;      ///< kept. Who else is told of it, sealed by the caller.
    Bytes sealed_job;  ///< kept. All that a process needs to go on with it, sealed by the caller.
    std::string metadata_json =
        "{}";  ///< kept unless "{}". The owner's, of POST /api/v1/recordings.
    std::string error;
    int error_code = 0;      ///< LiveKit's HTTP-like number.
    std::string end_reason;  ///< "StopEgress API" …
    std::string details;     ///< EgressInfo.details: "End reason: …".
    WallTime started_at;
    WallTime updated_at;
    std::optional<WallTime> ended_at;
    std::vector<Gap> gaps;
    Check check;
    std::string manifest_location;
    bool backup_storage_used = false;
    std::string link_key;           ///< kept. The `k` of /r/{egress_id}?k=…
    bool link_revoked = false;      ///< Only ever goes from false to true.
    std::vector<StoredFile> files;  ///< By index.
    std::vector<StoredStream> streams;

    bool operator==(const Recording&) const = default;
};

/// A conversation with all that belongs to it.
struct ConversationDetails {
    Conversation conversation;
    std::vector<Participant> participants;  ///< By joined_at.
    std::vector<Recording> recordings;      ///< By started_at.
};

/// The status that follows from the recordings and from whether the room is over. Missing and
/// Erased are the caller's word and stay, Missing until a recording comes after all. A room that
/// goes on after its last recording ended well shows Complete: it has what its owner waits for.
[[nodiscard]] ConversationStatus derive_status(
    const Conversation& conversation, std::span<const Recording> recordings
);

/// What `audio_recording_url` stands for: the newest mix that plays (recording good, file
/// uploaded).
struct PlayableMix {
    std::string egress_id;
    std::string link_key;
    bool link_revoked = false;
    StoredFile file;
};
/// The newest mix that plays, or none until one does; where no recording makes a mix, the newest
/// file of one voice.
[[nodiscard]] std::optional<PlayableMix> playable_mix(std::span<const Recording> recordings);

/// One notification owed to one receiver.
struct Delivery {
    std::string delivery_id;  ///< Unique; adding one again is ignored. "DL_" + 12.
    std::string receiver;     ///< Names the receiver; with `fifo_key`: what is sent in order.
    std::string fifo_key;     ///< The egress id (else room name).
    std::string egress_id;    ///< For listing; may be empty.
    std::string event;        ///< "egress_ended" …
    std::string event_id;     ///< "EV_…": the same on every try.
    std::string format;       ///< "livekit", "simple", "flat".
    std::string signing_key;  ///< Name of the API key that signs; never a secret.
    std::string url;  ///< Redacted, for people. The real one: `sealed_url`, or the configuration's.
    Bytes sealed_url;  ///< The URL of a request's receiver, sealed; empty: a configured receiver.
    std::string content_type;
    std::map<std::string, std::string> headers;  ///< Beside the receiver's own; no secrets.
    std::string body;
    WallTime created_at;
    // From here on the store keeps count.
    DeliveryState state = DeliveryState::Pending;
    WallTime first_due;  ///< When it was created, or replayed: its 72 hours count from here.
    WallTime next_try;
    int attempts = 0;
    int last_status = 0;  ///< HTTP status of the last try; 0: none came.
    std::string last_error;
    std::optional<WallTime> finished_at;  ///< Delivered, or given up.
    WallTime leased_until;  ///< Of one that was claimed: names the claim, and when it ends.

    bool operator==(const Delivery&) const = default;
};

/// What is known of a room session (one `RM_…`).
struct RoomSession {
    std::string room_sid;
    std::string room_name;
    std::string conversation_id;
    WallTime started_at;
    WallTime last_seen_at;
    std::optional<WallTime> finished_at;
    std::string recorded_by;  ///< The egress that auto_record started for it, or "".

    bool operator==(const RoomSession&) const = default;
};

/// One page of a list; give `next_cursor` to the next call, unchanged.
template <typename T>
struct Page {
    std::vector<T> items;
    std::optional<std::string> next_cursor;
};

inline constexpr int kMaxPage = 200;
inline constexpr int kDefaultPage = 50;

/// Filters; empty ones let all pass. `limit` outside 1 to kMaxPage, or a cursor that is not ours,
/// is Errc::InvalidArgument.
struct ConversationQuery {
    std::string room_name;
    std::optional<ConversationStatus> status;
    std::optional<WallTime> from;  ///< started_at >= from
    std::optional<WallTime> to;    ///< started_at < to
    std::string cursor;
    int limit = kDefaultPage;
};

struct RecordingQuery {
    enum class Which { All, Unfinished, Finished } which = Which::All;
    std::string room_name;
    std::string conversation_id;
    std::optional<WallTime> from;  ///< started_at >= from
    std::string cursor;
    int limit = kDefaultPage;
};

struct DeliveryQuery {
    std::optional<DeliveryState> state;
    std::string egress_id;
    std::string receiver;  ///< Its name, or its URL as `url` has it.
    std::string cursor;
    int limit = kDefaultPage;
};

}  // namespace aircheck::records
