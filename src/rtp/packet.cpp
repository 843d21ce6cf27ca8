#include "rtp/packet.hpp"

#include <algorithm>

namespace aircheck::rtp {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint16_t kOneByteProfile = 0xbede;
constexpr std::uint16_t kTwoByteProfile = 0x1000;
constexpr std::uint16_t kTwoByteMask = 0xfff0;  // the low four bits are application bits

/// One-byte elements: id and length less one share a byte; id 0 pads, id 15 ends the list.
std::optional<BytesView> find_one_byte(BytesView elements, std::uint8_t id) {
    ByteReader reader(elements);
    while (reader.remaining() > 0) {
        const std::uint8_t head = reader.u8();
        if (head == 0) continue;
        if (head >> 4 == 15) break;
        const BytesView value = reader.bytes((head & 15u) + 1u);
        if (!reader.ok()) break;
        if (head >> 4 == id) return value;
    }
    return std::nullopt;
}

/// Two-byte elements: a byte of id, a byte of length; a lone zero pads.
std::optional<BytesView> find_two_byte(BytesView elements, std::uint8_t id) {
    ByteReader reader(elements);
    while (reader.remaining() > 0) {
        const std::uint8_t found = reader.u8();
        if (found == 0) continue;
        const BytesView value = reader.bytes(reader.u8());
        if (!reader.ok()) break;
        if (found == id) return value;
    }
    return std::nullopt;
}

bool fits_one_byte(const std::pair<std::uint8_t, Bytes>& element) {
    const auto& [id, value] = element;
    return id >= 1 && id <= 14 && !value.empty() && value.size() <= 16;
}

void write_extensions(const PacketFields& fields, ByteWriter& out) {
    const bool one_byte = std::ranges::all_of(fields.extensions, fits_one_byte);
    Bytes elements;
    ByteWriter writer(elements);
    for (const auto& [id, value] : fields.extensions) {
        if (one_byte) {
            writer.u8(static_cast<std::uint8_t>(unsigned{id} << 4 | (value.size() - 1)));
        } else {
            writer.u8(id);
            writer.u8(static_cast<std::uint8_t>(value.size()));
        }
        writer.bytes(value);
    }
    while (elements.size() % 4 != 0) writer.u8(0);
    out.u16(one_byte ? kOneByteProfile : kTwoByteProfile);
    out.u16(static_cast<std::uint16_t>(elements.size() / 4));
    out.bytes(elements);
}

}  // namespace

Result<PacketView> PacketView::parse(BytesView datagram) {
    ByteReader reader(datagram);
    const std::uint8_t first = reader.u8();
    const std::uint8_t second = reader.u8();
    PacketView packet;
    packet.marker = (second & 0x80) != 0;
    packet.payload_type = second & 0x7f;
    packet.sequence_number = SequenceNumber(reader.u16());
    packet.timestamp = RtpTimestamp(reader.u32());
    packet.ssrc = reader.u32();
    if (!reader.ok()) return fail(Errc::Truncated, "RTP header");
    if (first >> 6 != kVersion) return fail(Errc::Unsupported, "RTP version");

    packet.csrcs = reader.bytes((first & 15u) * 4u);
    if (!reader.ok()) return fail(Errc::Truncated, "RTP CSRC list");
    if ((first & 0x10) != 0) {
        packet.profile = reader.u16();
        packet.extensions = reader.bytes(reader.u16() * std::size_t{4});
        if (!reader.ok()) return fail(Errc::Truncated, "RTP header extension");
    }
    packet.payload = reader.rest();
    if ((first & 0x20) != 0) {
        if (packet.payload.empty()) return fail(Errc::Malformed, "RTP padding");
        packet.padding_bytes = packet.payload.back();
        if (packet.padding_bytes == 0 || packet.padding_bytes > packet.payload.size()) {
            return fail(Errc::Malformed, "RTP padding");
        }
        packet.payload = packet.payload.first(packet.payload.size() - packet.padding_bytes);
    }
    return packet;
}

std::optional<BytesView> PacketView::extension(std::uint8_t id) const {
    if (!profile || id == 0) return std::nullopt;
    if (*profile == kOneByteProfile) {
        return id <= 14 ? find_one_byte(extensions, id) : std::nullopt;
    }
    if ((*profile & kTwoByteMask) == kTwoByteProfile) return find_two_byte(extensions, id);
    return std::nullopt;
}

void build_packet(const PacketFields& fields, Bytes& out) {
    ByteWriter writer(out);
    const std::size_t csrc_count = std::min<std::size_t>(fields.csrcs.size(), 15);
    const unsigned padding = fields.padding_bytes > 0 ? 0x20 : 0;
    const unsigned extension = fields.extensions.empty() ? 0 : 0x10;
    writer.u8(static_cast<std::uint8_t>(kVersion << 6 | padding | extension | csrc_count));
    writer.u8(static_cast<std::uint8_t>((fields.marker ? 0x80 : 0) | (fields.payload_type & 0x7f)));
    writer.u16(fields.sequence_number.value());
    writer.u32(fields.timestamp.value());
    writer.u32(fields.ssrc);
    for (std::size_t i = 0; i < csrc_count; ++i) writer.u32(fields.csrcs[i]);
    if (!fields.extensions.empty()) write_extensions(fields, writer);
    writer.bytes(fields.payload);
    for (unsigned i = 1; i < fields.padding_bytes; ++i) writer.u8(0);
    if (fields.padding_bytes > 0) writer.u8(fields.padding_bytes);
}

}  // namespace aircheck::rtp
