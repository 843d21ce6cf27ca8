#include "journal/record.hpp"
#include "journal/wire.hpp"

namespace aircheck::journal {
namespace {

void write(const ParticipantJoined& body, FieldWriter& out) {
    out.text(body.sid);
    out.text(body.identity);
    out.text(body.name);
    out.u8(static_cast<std::uint8_t>(body.kind));
    out.long_text(body.metadata);
    out.count16(body.attributes.size());
    for (const auto& [key, value] : body.attributes) {
        out.text(key);
        out.long_text(value);
    }
}

void write(const ParticipantLeft& body, FieldWriter& out) {
    out.text(body.sid);
    out.text(body.identity);
    out.text(body.reason);
}

void write(const PayloadFormat& format, FieldWriter& out) {
    out.u8(format.payload_type);
    out.text(format.mime);
    out.u32(format.clock_rate_hz);
    out.u8(format.channels);
    out.text(format.fmtp);
}

void write(const TrackStart& body, FieldWriter& out) {
    constexpr std::uint8_t kStereo = 1;
    constexpr std::uint8_t kMuted = 2;
    out.u16(body.track);
    out.text(body.track_sid);
    out.text(body.participant_sid);
    out.text(body.participant_identity);
    out.u8(static_cast<std::uint8_t>(body.participant_kind));
    out.text(body.name);
    out.u8(static_cast<std::uint8_t>(body.kind));
    out.u8(static_cast<std::uint8_t>(body.source));
    out.text(body.mime);
    out.u32(body.ssrc);
    out.u32(body.rtx_ssrc);
    out.u8(static_cast<std::uint8_t>(body.encryption));
    out.u8(static_cast<std::uint8_t>((body.stereo ? kStereo : 0) | (body.muted ? kMuted : 0)));
    out.count16(body.formats.size());
    for (const PayloadFormat& format : body.formats) write(format, out);
}

void write(const TrackEnd& body, FieldWriter& out) {
    out.u16(body.track);
    out.text(body.reason);
}
void write(const TrackMute& body, FieldWriter& out) { out.u16(body.track); }
void write(const TrackUnmute& body, FieldWriter& out) { out.u16(body.track); }
void write(const RtpPacket& body, FieldWriter& out) {
    out.u16(body.track);
    out.bytes(body.packet);
}
void write(const RtcpPacket& body, FieldWriter& out) { out.bytes(body.packet); }
void write(const Gap& body, FieldWriter& out) {
    out.i64(body.start.count());
    out.i64(body.end.count());
    out.u8(static_cast<std::uint8_t>(body.reason));
}
void write(const Pause&, FieldWriter&) {}
void write(const Resume&, FieldWriter&) {}
void write(const RoomEvent& body, FieldWriter& out) {
    out.text(body.name);
    out.long_text(body.detail);
}
void write(const Tick&, FieldWriter&) {}
void write(const End& body, FieldWriter& out) { out.text(body.reason); }

RecordType type_of(const Body& body) {
    // Not body.index(): the order of the variant is not the format's business.
    struct Visitor {
        RecordType operator()(const ParticipantJoined&) { return RecordType::ParticipantJoined; }
        RecordType operator()(const ParticipantLeft&) { return RecordType::ParticipantLeft; }
        RecordType operator()(const TrackStart&) { return RecordType::TrackStart; }
        RecordType operator()(const TrackEnd&) { return RecordType::TrackEnd; }
        RecordType operator()(const TrackMute&) { return RecordType::TrackMute; }
        RecordType operator()(const TrackUnmute&) { return RecordType::TrackUnmute; }
        RecordType operator()(const RtpPacket&) { return RecordType::RtpPacket; }
        RecordType operator()(const RtcpPacket&) { return RecordType::RtcpPacket; }
        RecordType operator()(const Gap&) { return RecordType::Gap; }
        RecordType operator()(const Pause&) { return RecordType::Pause; }
        RecordType operator()(const Resume&) { return RecordType::Resume; }
        RecordType operator()(const RoomEvent&) { return RecordType::RoomEvent; }
        RecordType operator()(const Tick&) { return RecordType::Tick; }
        RecordType operator()(const End&) { return RecordType::End; }
    };
    return std::visit(Visitor{}, body);
}

void patch_u24(Bytes& out, std::size_t offset, std::size_t value) {
    out[offset] = static_cast<std::uint8_t>(value >> 16);
    out[offset + 1] = static_cast<std::uint8_t>(value >> 8);
    out[offset + 2] = static_cast<std::uint8_t>(value);
}

}  // namespace

Result<> encode(const Header& header, Bytes& out) {
    const std::size_t start = out.size();
    FieldWriter writer(out);
    writer.bytes(kMagic);
    writer.u16(kVersion);
    writer.u32(0);  // length, below
    writer.u32(0);  // checksum, below
    writer.text(header.egress_id);
    writer.text(header.room_name);
    writer.text(header.room_sid);
    writer.text(header.recorder_version);
    writer.i64(unix_nanoseconds(header.wall_start));
    writer.i64(header.monotonic_start.time_since_epoch().count());
    writer.u32(header.segment);
    writer.long_text(header.settings);
    const std::size_t length = out.size() - start - kFileHeaderBytes;
    if (!writer.fits() || length > kMaxBodyBytes) {
        out.resize(start);
        return fail(Errc::InvalidArgument, "journal header: a field is too long");
    }
    ByteWriter patch(out);
    patch.patch_u32(start + 10, static_cast<std::uint32_t>(length));
    const BytesView whole = BytesView(out).subspan(start);
    const std::uint32_t crc = crc32c(whole.subspan(kFileHeaderBytes), crc32c(whole.subspan(8, 6)));
    patch.patch_u32(start + 14, crc);
    return {};
}

Result<> encode(const Record& record, Bytes& out) {
    if (record.at < Nanoseconds(0) || record.at > kMaxTime) {
        return fail(Errc::InvalidArgument, "journal record: time outside the journal");
    }
    const std::size_t start = out.size();
    FieldWriter writer(out);
    writer.u8(kSync);
    writer.u8(static_cast<std::uint8_t>(type_of(record.body)));
    writer.u8(0);  // length, three bytes, below
    writer.u16(0);
    writer.i64(record.at.count());
    writer.u32(0);  // checksum, below
    std::visit([&](const auto& body) { write(body, writer); }, record.body);
    const std::size_t length = out.size() - start - kRecordHeaderBytes;
    if (!writer.fits() || length > kMaxBodyBytes) {
        out.resize(start);
        return fail(Errc::InvalidArgument, "journal record: too long");
    }
    patch_u24(out, start + 2, length);
    const BytesView whole = BytesView(out).subspan(start);
    const std::uint32_t crc =
        crc32c(whole.subspan(kRecordHeaderBytes), crc32c(whole.subspan(1, 12)));
    ByteWriter(out).patch_u32(start + 13, crc);
    return {};
}

}  // namespace aircheck::journal
