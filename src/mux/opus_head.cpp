#include "mux/opus_head.hpp"

#include "mux/little_endian.hpp"

#include <string_view>

namespace aircheck::mux {
namespace {

constexpr std::string_view kMagic = "OpusHead";
constexpr std::size_t kSize = 19;

std::uint32_t little_endian(BytesView bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

}  // namespace

std::optional<OpusHead> parse_opus_head(BytesView packet) {
    if (packet.size() < kSize || as_text(packet.first(kMagic.size())) != kMagic) return {};
    const std::uint8_t version = packet[8];
    const std::uint8_t family = packet[18];
    OpusHead head;
    head.channels = packet[9];
    // The upper four bits are the major version: another one may mean anything.
    if ((version & 0xf0) != 0 || family != 0 || head.channels < 1 || head.channels > 2) return {};
    head.pre_skip = static_cast<std::uint16_t>(little_endian(packet.subspan(10, 2)));
    head.input_sample_rate_hz = little_endian(packet.subspan(12, 4));
    head.output_gain = static_cast<std::int16_t>(little_endian(packet.subspan(16, 2)));
    return head;
}

Bytes write_opus_head(const OpusHead& head) {
    Bytes out;
    out.reserve(kSize);
    ByteWriter writer(out);
    writer.text(kMagic);
    writer.u8(1);
    writer.u8(head.channels);
    put_little_endian(out, head.pre_skip, 2);
    put_little_endian(out, head.input_sample_rate_hz, 4);
    put_little_endian(out, static_cast<std::uint16_t>(head.output_gain), 2);
    writer.u8(0);
    return out;
}

}  // namespace aircheck::mux
