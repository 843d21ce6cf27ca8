#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The journal's format (docs/formats/journal.md): what arrived during a recording, in order. Pure
/// functions over bytes; files are the business of writer.hpp and reader.hpp.
namespace aircheck::journal {

inline constexpr std::uint16_t kVersion = 1;
/// Before a record's body: sync, type, length, time, checksum.
inline constexpr std::size_t kRecordHeaderBytes = 17;
/// Longest body of a record and longest header of a file; encoding more fails, decoding more is
/// damage.
inline constexpr std::size_t kMaxBodyBytes = 1u << 20;

/// No recording is longer; encoding a later time fails, decoding one is damage.
inline constexpr Nanoseconds kMaxTime = std::chrono::hours(24 * 366);

/// Number of a track within one journal, given by the recorder in order of appearance. A track that
/// is published again is another track.
using TrackIndex = std::uint16_t;

// The numbers of these four are LiveKit's (livekit_models.proto), so that unknown ones survive.
enum class ParticipantKind : std::uint8_t {
    Standard = 0,
    Ingress = 1,
    Egress = 2,
    Sip = 3,
    Agent = 4,
    Connector = 7,
    Bridge = 8,
};
enum class TrackKind : std::uint8_t { Audio = 0, Video = 1, Data = 2 };
enum class TrackSource : std::uint8_t {
    Unknown = 0,
    Camera = 1,
    Microphone = 2,
    ScreenShare = 3,
    ScreenShareAudio = 4,
};
enum class Encryption : std::uint8_t { None = 0, Gcm = 1, Custom = 2 };

/// Why nothing could arrive for a while; the words of a recording's `gaps[].reason`.
enum class GapReason : std::uint8_t { Signal = 1, Media = 2, Restart = 3, Paused = 4, Disk = 5 };
/// "signal", "media", "restart", "paused", "disk", or "unknown".
[[nodiscard]] std::string_view to_string(GapReason reason);

/// One line of the SDP's rtpmap and fmtp for a track.
struct PayloadFormat {
    std::uint8_t payload_type = 0;
    std::string mime;  ///< "audio/opus", "video/rtx".
    std::uint32_t clock_rate_hz = 0;
    std::uint8_t channels = 0;
    std::string fmtp;  ///< "minptime=10;useinbandfec=1", "apt=96".
    bool operator==(const PayloadFormat&) const = default;
};

/// A participant appeared, or (same sid) its name, metadata or attributes changed.
struct ParticipantJoined {
    std::string sid;
    std::string identity;
    std::string name;
    ParticipantKind kind = ParticipantKind::Standard;
    std::string metadata;
    std::vector<std::pair<std::string, std::string>> attributes;
    bool operator==(const ParticipantJoined&) const = default;
};
struct ParticipantLeft {
    std::string sid;
    std::string identity;
    std::string reason;  ///< LiveKit's DisconnectReason in words; may be empty.
    bool operator==(const ParticipantLeft&) const = default;
};

/// A track can be received from now on. Packets of it carry `track`.
struct TrackStart {
    TrackIndex track = 0;
    std::string track_sid;
    std::string participant_sid;
    std::string participant_identity;
    ParticipantKind participant_kind = ParticipantKind::Standard;
    std::string name;
    TrackKind kind = TrackKind::Audio;
    TrackSource source = TrackSource::Unknown;
    std::string mime;  ///< TrackInfo.mime_type; what is in the packets is told by `formats`.
    std::uint32_t ssrc = 0;
    std::uint32_t rtx_ssrc = 0;  ///< 0: retransmissions come on `ssrc`.
    std::vector<PayloadFormat> formats;
    Encryption encryption = Encryption::None;
    bool stereo = false;  ///< What the publisher announced; the packets decide.
    bool muted = false;
    bool operator==(const TrackStart&) const = default;
};
struct TrackEnd {
    TrackIndex track = 0;
    std::string reason;
    bool operator==(const TrackEnd&) const = default;
};
struct TrackMute {
    TrackIndex track = 0;
    bool operator==(const TrackMute&) const = default;
};
struct TrackUnmute {
    TrackIndex track = 0;
    bool operator==(const TrackUnmute&) const = default;
};

/// A datagram of a track, decrypted; `Record::at` is its arrival. Borrows its bytes.
struct RtpPacket {
    TrackIndex track = 0;
    BytesView packet;
};
/// A datagram of RTCP, decrypted; its SSRCs say whom it concerns. Borrows its bytes.
struct RtcpPacket {
    BytesView packet;
};

/// Nothing could arrive from `start` to `end` (since the journal's start); told when it is over.
struct Gap {
    Nanoseconds start{0};
    Nanoseconds end{0};
    GapReason reason = GapReason::Media;
    bool operator==(const Gap&) const = default;
};
/// From here to Resume nothing belongs in an output.
struct Pause {
    bool operator==(const Pause&) const = default;
};
struct Resume {
    bool operator==(const Resume&) const = default;
};
/// Anything else worth keeping: "room_updated", "active_speakers", "migrated".
struct RoomEvent {
    std::string name;
    std::string detail;  ///< Text or JSON; the name says which.
    bool operator==(const RoomEvent&) const = default;
};
/// Time has passed up to `Record::at`: what moves an output on when nothing arrives.
struct Tick {
    bool operator==(const Tick&) const = default;
};
/// The recording is over; the last record of a journal that was closed in order.
struct End {
    std::string reason;
    bool operator==(const End&) const = default;
};

using Body = std::variant<
    ParticipantJoined,
    ParticipantLeft,
    TrackStart,
    TrackEnd,
    TrackMute,
    TrackUnmute,
    RtpPacket,
    RtcpPacket,
    Gap,
    Pause,
    Resume,
    RoomEvent,
    Tick,
    End>;

/// One thing that happened, and when: the pipeline's only input, live and from a file.
///
/// The bodies of packets borrow their bytes: live from the datagram, from a file until the next
/// read.
struct Record {
    /// Since the journal's start, never negative. Records are in the order in which they were seen;
    /// packets carry their own arrival, so times may step back a little from one to the next.
    Nanoseconds at{0};
    Body body;

    /// `at` as a point of a clock that begins with the journal: what rtp and media reckon with.
    [[nodiscard]] Instant instant() const { return Instant(at); }
};

/// What a journal's every segment begins with.
struct Header {
    std::string egress_id;
    std::string room_name;
    std::string room_sid;          ///< May be empty: not known before the join.
    std::string recorder_version;  ///< "aircheck 0.1.0".
    WallTime wall_start;           ///< The calendar's time of `Record::at` zero.
    /// The monotonic clock at `Record::at` zero: `at` = arrival - monotonic_start. Means nothing
    /// after a reboot.
    Instant monotonic_start;
    std::uint32_t segment = 1;  ///< Number of this file, from 1.
    std::string settings;       ///< What render needs to know, as the owner writes it; no secrets.
    bool operator==(const Header&) const = default;
};

/// Appends the file's header. InvalidArgument: a field too long for the format.
[[nodiscard]] Result<> encode(const Header& header, Bytes& out);
/// Appends one record; `out` is unchanged on failure. InvalidArgument: a time outside 0 to
/// kMaxTime, a body over kMaxBodyBytes, a list or a text too long for the format.
[[nodiscard]] Result<> encode(const Record& record, Bytes& out);

struct DecodedHeader {
    Header header;
    std::size_t size_bytes = 0;  ///< Where the first record begins.
};
/// Malformed: not a journal, or a damaged header. Unsupported: another version, named in the error.
/// Truncated: `bytes` ends within the header.
[[nodiscard]] Result<DecodedHeader> decode_header(BytesView bytes);

/// What decode_record() found at the start of the bytes.
struct DecodedRecord {
    enum class Status {
        Record,    ///< `record` is set.
        Unknown,   ///< Sound, but of a type that this build does not know, or a body it can't read.
        NeedMore,  ///< The bytes end within a record that may be sound.
        Damaged,   ///< No record begins here.
    };
    Status status = Status::Damaged;
    std::size_t size_bytes = 0;  ///< Of Record and Unknown, header included.
    std::optional<Record> record;
};
/// Reads the record at the start of `bytes`. Packets borrow from `bytes`.
[[nodiscard]] DecodedRecord decode_record(BytesView bytes);

}  // namespace aircheck::journal
