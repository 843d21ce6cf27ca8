#include "mux/mp3_frame.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>

namespace aircheck::mux {
namespace {

/// A rate's place in a frame's header (ISO 11172-3 §2.4.2.3, ISO 13818-3, MPEG-2.5's convention).
struct Rate {
    std::uint32_t hz;
    unsigned version;  ///< 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5.
    unsigned index;
};
constexpr std::array<Rate, 9> kRates = {
    {{44100, 3, 0},
     {48000, 3, 1},
     {32000, 3, 2},
     {22050, 2, 0},
     {24000, 2, 1},
     {16000, 2, 2},
     {11025, 0, 0},
     {12000, 0, 1},
     {8000, 0, 2}}};
constexpr unsigned kMpeg1 = 3;
constexpr std::array<std::uint16_t, 15> kMpeg1Kbps = {
    0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
constexpr std::array<std::uint16_t, 15> kMpeg2Kbps = {
    0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};

constexpr std::size_t kFrameHeaderBytes = 4;
constexpr std::size_t kTocEntries = 100;
constexpr std::size_t kXingBytes = 4 + 4 + 4 + 4 + kTocEntries + 4;
constexpr std::size_t kLameBytes = 36;
constexpr std::uint32_t kDecoderDelay = 529;  // LAME's tag leaves a decoder's own delay out
constexpr std::uint32_t kMax12Bits = 0xfff;

const Rate& rate_of(std::uint32_t hz) {
    const auto rate =
        std::find_if(kRates.begin(), kRates.end(), [hz](const Rate& r) { return r.hz == hz; });
    return rate == kRates.end() ? kRates.front() : *rate;
}

std::size_t side_information_bytes(const media::StreamFormat& format) {
    if (rate_of(format.sample_rate_hz).version == kMpeg1) return format.channels == 1 ? 17 : 32;
    return format.channels == 1 ? 9 : 17;
}

struct FrameShape {
    unsigned bitrate_index = 0;
    std::size_t bytes = 0;
};

/// A frame at the stream's bit rate or, where that is too short, at the lowest one that is not.
FrameShape shape_of(const media::StreamFormat& format) {
    const bool mpeg1 = rate_of(format.sample_rate_hz).version == kMpeg1;
    const std::size_t needed =
        kFrameHeaderBytes + side_information_bytes(format) + kXingBytes + kLameBytes;
    const auto& kbps = mpeg1 ? kMpeg1Kbps : kMpeg2Kbps;
    FrameShape shape;
    for (unsigned index = 1; index < kbps.size(); ++index) {
        const std::uint32_t bits = kbps[index] * 1000u * mp3_frame_samples(format.sample_rate_hz);
        shape = {index, bits / 8 / format.sample_rate_hz};
        if (shape.bytes >= needed && kbps[index] * 1000u >= format.bitrate_bps) break;
    }
    return shape;
}

std::uint32_t clamp32(std::uint64_t value) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max())
    );
}

void write_frame_header(
    ByteWriter& writer, const media::StreamFormat& format, unsigned bitrate_index
) {
    constexpr unsigned kSync = 0xffe00000, kLayer3 = 1, kNoCrc = 1, kMono = 3, kJointStereo = 1;
    constexpr unsigned kOriginal = 1;
    const Rate& rate = rate_of(format.sample_rate_hz);
    writer.u32(
        kSync | rate.version << 19 | kLayer3 << 17 | kNoCrc << 16 | bitrate_index << 12 |
        rate.index << 10 | (format.channels == 1 ? kMono : kJointStereo) << 6 | kOriginal << 2
    );
}

/// "Info" is Xing's name for a constant bit rate.
void write_xing(ByteWriter& writer, const Mp3Info& info, std::size_t info_bytes) {
    constexpr std::uint32_t kFrames = 1, kBytes = 2, kToc = 4, kQuality = 8;
    writer.text("Info");
    writer.u32(kFrames | kBytes | kToc | kQuality);
    writer.u32(clamp32(info.frames));
    writer.u32(clamp32(info.bytes + info_bytes));
    // Entry i is where i % of the time is, in 256ths of the bytes.
    const double total = static_cast<double>(info.bytes + info_bytes);
    for (std::size_t i = 0; i < kTocEntries; ++i) {
        const double at = static_cast<double>(info_bytes) +
                          static_cast<double>(info.bytes) * static_cast<double>(i) / kTocEntries;
        writer.u8(static_cast<std::uint8_t>(std::min(255.0, 256 * at / total)));
    }
    writer.u32(0);  // quality: not told
}

/// Of a file that grows: the encoder's delay is known, the length is not. A length in bytes that
/// no file has makes libavformat take it for cut off and reckon by the bit rate, which is right.
void write_growing_xing(ByteWriter& writer) {
    constexpr std::uint32_t kBytes = 2;
    writer.text("Info");
    writer.u32(kBytes);
    writer.u32(std::numeric_limits<std::uint32_t>::max());
}

void write_lame(
    ByteWriter& writer,
    const media::StreamFormat& format,
    const Mp3Info& info,
    std::size_t info_bytes
) {
    constexpr std::uint8_t kConstantBitRate = 1;
    const std::uint32_t delay = std::max(format.priming_samples, kDecoderDelay) - kDecoderDelay;
    const auto coded =
        static_cast<std::int64_t>(info.frames) * mp3_frame_samples(format.sample_rate_hz);
    const std::int64_t padding = coded - info.samples + kDecoderDelay;
    const unsigned source = format.sample_rate_hz == 48000   ? 2u
                            : format.sample_rate_hz == 44100 ? 1u
                                                             : 0u;
    writer.text("LAME3.100");
    writer.u8(kConstantBitRate);
    writer.u8(0);   // low-pass: not told
    writer.u64(0);  // peak and replay gain: not told
    writer.u8(0);
    writer.u8(static_cast<std::uint8_t>(std::min(255u, format.bitrate_bps / 1000)));
    writer.u24(
        std::min(delay, kMax12Bits) << 12 |
        (info.is_complete
             ? static_cast<std::uint32_t>(std::clamp<std::int64_t>(padding, 0, kMax12Bits))
             : 0u)
    );
    writer.u8(static_cast<std::uint8_t>(source << 6 | (format.channels == 1 ? 0u : 3u) << 2));
    writer.u8(0);
    writer.u16(0);
    writer.u32(info.is_complete ? clamp32(info.bytes + info_bytes) : 0);
    writer.u16(info.is_complete ? info.crc : 0);
}

}  // namespace

std::uint32_t mp3_frame_samples(std::uint32_t sample_rate_hz) {
    return sample_rate_hz >= 32000 ? 1152 : 576;
}

bool mp3_has_rate(std::uint32_t sample_rate_hz) {
    return rate_of(sample_rate_hz).hz == sample_rate_hz;
}

Bytes mp3_info_frame(const media::StreamFormat& format, const Mp3Info& info) {
    const FrameShape shape = shape_of(format);
    Bytes frame;
    ByteWriter writer(frame);
    write_frame_header(writer, format, shape.bitrate_index);
    frame.resize(frame.size() + side_information_bytes(format), 0);
    if (info.is_complete) {
        write_xing(writer, info, shape.bytes);
    } else {
        write_growing_xing(writer);
    }
    write_lame(writer, format, info, shape.bytes);
    writer.u16(mp3_crc(frame));
    frame.resize(shape.bytes, 0);
    return frame;
}

std::uint16_t mp3_crc(BytesView bytes, std::uint16_t crc) {
    static constexpr auto kTable = [] {
        std::array<std::uint16_t, 256> table{};
        for (unsigned i = 0; i < 256; ++i) {
            unsigned value = i;
            for (int bit = 0; bit < 8; ++bit) {
                value = (value & 1) != 0 ? value >> 1 ^ 0xa001u : value >> 1;
            }
            table[i] = static_cast<std::uint16_t>(value);
        }
        return table;
    }();
    for (const std::uint8_t byte : bytes) {
        crc = static_cast<std::uint16_t>(crc >> 8 ^ kTable[(crc ^ byte) & 0xff]);
    }
    return crc;
}

}  // namespace aircheck::mux
