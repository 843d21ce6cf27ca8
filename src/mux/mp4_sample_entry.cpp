#include "mux/mp4_sample_entry.hpp"

#include "mux/mp4_boxes.hpp"
#include "mux/opus_head.hpp"

namespace aircheck::mux {
namespace {

/// Descriptors (ISO/IEC 14496-1 §7.2.2.2) of less than 128 bytes, which have one byte of length.
void begin_descriptor(ByteWriter& writer, std::uint8_t tag, std::size_t size) {
    writer.u8(tag);
    writer.u8(static_cast<std::uint8_t>(size));
}

void write_esds(Bytes& out, const media::StreamFormat& format) {
    const std::size_t specific = format.codec_config.size();
    const std::size_t config = 13 + 2 + specific;
    const Box box(out, "esds", 0, 0);
    ByteWriter writer(out);
    begin_descriptor(writer, 0x03, 3 + 2 + config + 2 + 1);
    writer.u16(0);  // ES_ID: 0 in files
    writer.u8(0);
    begin_descriptor(writer, 0x04, config);
    writer.u8(0x40);           // ISO/IEC 14496-3 audio
    writer.u8(0x05 << 2 | 1);  // an audio stream
    writer.u24(static_cast<std::uint32_t>(768 * format.channels)
    );  // the decoder's buffer: 6144 bits
    writer.u32(format.bitrate_bps);
    writer.u32(format.bitrate_bps);
    begin_descriptor(writer, 0x05, specific);
    writer.bytes(format.codec_config);
    begin_descriptor(writer, 0x06, 1);
    writer.u8(0x02);  // sync layer: as in MP4 files
}

void write_dops(Bytes& out, const media::StreamFormat& format) {
    const OpusHead head = parse_opus_head(format.codec_config).value_or(OpusHead{});
    const Box box(out, "dOps");
    ByteWriter writer(out);
    writer.u8(0);
    writer.u8(head.channels);
    writer.u16(static_cast<std::uint16_t>(format.priming_samples));
    writer.u32(head.input_sample_rate_hz);
    writer.u16(static_cast<std::uint16_t>(head.output_gain));
    writer.u8(0);  // channel mapping family
}

}  // namespace

void write_sample_entry(Bytes& out, const media::StreamFormat& format) {
    const bool aac = format.codec == media::Codec::Aac;
    const Box entry(out, aac ? "mp4a" : "Opus");
    ByteWriter writer(out);
    writer.u32(0);
    writer.u16(0);
    writer.u16(1);  // data reference: this file
    writer.u64(0);
    writer.u16(format.channels);
    writer.u16(16);
    writer.u32(0);
    writer.u32(format.sample_rate_hz <= 0xffff ? format.sample_rate_hz << 16 : 0);
    if (aac) {
        write_esds(out, format);
    } else {
        write_dops(out, format);
    }
}

}  // namespace aircheck::mux
