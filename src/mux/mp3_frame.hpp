#pragma once

#include "core/bytes.hpp"
#include "media/sample.hpp"

#include <cstdint>

namespace aircheck::mux {

/// What the "Info" frame before an MP3 stream tells: Xing's fields and LAME's after them.
struct Mp3Info {
    bool is_complete = false;  ///< Else the numbers below are unknown: the file still grows.
    std::uint64_t frames = 0;  ///< Without the Info frame itself.
    std::uint64_t bytes = 0;   ///< Of these frames.
    std::uint16_t crc = 0;     ///< Of these frames' bytes, as mp3_crc.
    std::int64_t samples = 0;  ///< Of these frames, cut at the end of the sound, with the priming.
};

/// A silent layer III frame of the stream's kind, in whose unused room the information stands;
/// always of one length for a stream. Players that know it skip it, cut the encoder's delay and
/// padding, and tell the exact length; others hear 1152 samples of silence.
[[nodiscard]] Bytes mp3_info_frame(const media::StreamFormat& format, const Mp3Info& info);

/// Samples of a layer III frame at the rate: 1152, or 576 below 32 kHz (MPEG-2 and 2.5).
[[nodiscard]] std::uint32_t mp3_frame_samples(std::uint32_t sample_rate_hz);
/// Whether layer III has the rate.
[[nodiscard]] bool mp3_has_rate(std::uint32_t sample_rate_hz);

/// CRC-16 as LAME's tag has it: polynomial 0x8005, reflected, zero at first; goes on from `crc`.
[[nodiscard]] std::uint16_t mp3_crc(BytesView bytes, std::uint16_t crc = 0);

}  // namespace aircheck::mux
