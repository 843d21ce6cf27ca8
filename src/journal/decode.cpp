#include "journal/record.hpp"
#include "journal/wire.hpp"

#include <algorithm>

namespace aircheck::journal {
namespace {

ParticipantJoined read_participant_joined(FieldReader& in) {
    ParticipantJoined body;
    body.sid = in.text();
    body.identity = in.text();
    body.name = in.text();
    body.kind = static_cast<ParticipantKind>(in.u8());
    body.metadata = in.long_text();
    const std::size_t count = in.u16();
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        std::string key = in.text();
        std::string value = in.long_text();
        body.attributes.emplace_back(std::move(key), std::move(value));
    }
    return body;
}

PayloadFormat read_format(FieldReader& in) {
    PayloadFormat format;
    format.payload_type = in.u8();
    format.mime = in.text();
    format.clock_rate_hz = in.u32();
    format.channels = in.u8();
    format.fmtp = in.text();
    return format;
}

TrackStart read_track_start(FieldReader& in) {
    TrackStart body;
    body.track = in.u16();
    body.track_sid = in.text();
    body.participant_sid = in.text();
    body.participant_identity = in.text();
    body.participant_kind = static_cast<ParticipantKind>(in.u8());
    body.name = in.text();
    body.kind = static_cast<TrackKind>(in.u8());
    body.source = static_cast<TrackSource>(in.u8());
    body.mime = in.text();
    body.ssrc = in.u32();
    body.rtx_ssrc = in.u32();
    body.encryption = static_cast<Encryption>(in.u8());
    const std::uint8_t flags = in.u8();
    body.stereo = (flags & 1) != 0;
    body.muted = (flags & 2) != 0;
    const std::size_t count = in.u16();
    for (std::size_t i = 0; i < count && in.ok(); ++i) body.formats.push_back(read_format(in));
    return body;
}

ParticipantLeft read_participant_left(FieldReader& in) {
    ParticipantLeft body;
    body.sid = in.text();
    body.identity = in.text();
    body.reason = in.text();
    return body;
}

TrackEnd read_track_end(FieldReader& in) {
    TrackEnd body;
    body.track = in.u16();
    body.reason = in.text();
    return body;
}

RtpPacket read_rtp_packet(FieldReader& in) {
    RtpPacket body;
    body.track = in.u16();
    body.packet = in.rest();
    return body;
}

Gap read_gap(FieldReader& in) {
    Gap body;
    body.start = Nanoseconds(in.i64());
    body.end = Nanoseconds(in.i64());
    body.reason = static_cast<GapReason>(in.u8());
    return body;
}

RoomEvent read_room_event(FieldReader& in) {
    RoomEvent body;
    body.name = in.text();
    body.detail = in.long_text();
    return body;
}

/// Fields that a later writer appended to a body are left unread; that is how bodies grow.
std::optional<Body> read_body(RecordType type, BytesView bytes) {
    FieldReader in(bytes);
    std::optional<Body> body;
    switch (type) {
        case RecordType::ParticipantJoined:
            body = read_participant_joined(in);
            break;
        case RecordType::ParticipantLeft:
            body = read_participant_left(in);
            break;
        case RecordType::TrackStart:
            body = read_track_start(in);
            break;
        case RecordType::TrackEnd:
            body = read_track_end(in);
            break;
        case RecordType::TrackMute:
            body = TrackMute{in.u16()};
            break;
        case RecordType::TrackUnmute:
            body = TrackUnmute{in.u16()};
            break;
        case RecordType::RtpPacket:
            body = read_rtp_packet(in);
            break;
        case RecordType::RtcpPacket:
            body = RtcpPacket{in.rest()};
            break;
        case RecordType::Gap:
            body = read_gap(in);
            break;
        case RecordType::Pause:
            body = Pause{};
            break;
        case RecordType::Resume:
            body = Resume{};
            break;
        case RecordType::RoomEvent:
            body = read_room_event(in);
            break;
        case RecordType::Tick:
            body = Tick{};
            break;
        case RecordType::End:
            body = End{in.text()};
            break;
    }
    if (!in.ok()) body.reset();
    return body;
}

}  // namespace

std::string_view to_string(GapReason reason) {
    switch (reason) {
        case GapReason::Signal:
            return "signal";
        case GapReason::Media:
            return "media";
        case GapReason::Restart:
            return "restart";
        case GapReason::Paused:
            return "paused";
        case GapReason::Disk:
            return "disk";
    }
    return "unknown";
}

Result<DecodedHeader> decode_header(BytesView bytes) {
    const std::size_t compared = std::min(bytes.size(), sizeof kMagic);
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(compared), kMagic)) {
        return fail(Errc::Malformed, "not a journal of aircheck");
    }
    if (bytes.size() < kFileHeaderBytes) return fail(Errc::Truncated, "journal header");
    ByteReader prefix(bytes.subspan(sizeof kMagic));
    const std::uint16_t version = prefix.u16();
    const std::size_t length = prefix.u32();
    const std::uint32_t crc = prefix.u32();
    if (version != kVersion) {
        return fail(
            Errc::Unsupported,
            "journal of version " + std::to_string(version) + " (this build reads version " +
                std::to_string(kVersion) + ")"
        );
    }
    if (length > kMaxBodyBytes) return fail(Errc::Malformed, "journal header: length");
    if (prefix.remaining() < length) return fail(Errc::Truncated, "journal header");
    const BytesView fields = prefix.bytes(length);
    if (crc32c(fields, crc32c(bytes.subspan(sizeof kMagic, 6))) != crc) {
        return fail(Errc::Malformed, "journal header: checksum");
    }

    FieldReader in(fields);
    DecodedHeader decoded;
    Header& header = decoded.header;
    header.egress_id = in.text();
    header.room_name = in.text();
    header.room_sid = in.text();
    header.recorder_version = in.text();
    header.wall_start = WallTime(Nanoseconds(in.i64()));
    header.monotonic_start = Instant(Nanoseconds(in.i64()));
    header.segment = in.u32();
    header.settings = in.long_text();
    if (!in.ok()) return fail(Errc::Malformed, "journal header: fields");
    decoded.size_bytes = kFileHeaderBytes + length;
    return decoded;
}

DecodedRecord decode_record(BytesView bytes) {
    using Status = DecodedRecord::Status;
    DecodedRecord decoded;
    if (!bytes.empty() && bytes[0] != kSync) return decoded;
    decoded.status = Status::NeedMore;
    if (bytes.size() < kRecordHeaderBytes) return decoded;
    ByteReader prefix(bytes.subspan(1));
    const std::uint8_t type = prefix.u8();
    const std::size_t length = prefix.u24();
    const std::uint64_t at = prefix.u64();
    const std::uint32_t crc = prefix.u32();
    decoded.status = Status::Damaged;
    if (length > kMaxBodyBytes || at > static_cast<std::uint64_t>(kMaxTime.count())) return decoded;
    decoded.status = Status::NeedMore;
    if (prefix.remaining() < length) return decoded;
    const BytesView body = prefix.bytes(length);
    decoded.status = Status::Damaged;
    if (crc32c(body, crc32c(bytes.subspan(1, 12))) != crc) return decoded;

    decoded.status = Status::Unknown;
    decoded.size_bytes = kRecordHeaderBytes + length;
    if (auto read = read_body(static_cast<RecordType>(type), body)) {
        decoded.status = Status::Record;
        decoded.record = Record{Nanoseconds(static_cast<std::int64_t>(at)), *std::move(read)};
    }
    return decoded;
}

}  // namespace aircheck::journal
