#pragma once

#include "mux/encoded_audio_test.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aircheck::mux::testing {

/// A tone that rises and falls, so that every moment of it is another; the second channel's is
/// quieter and lower.
[[nodiscard]] float tone_at(double seconds, unsigned channel = 0);

/// What the tone is encoded to.
struct ToneFormat {
    media::Codec codec = media::Codec::Aac;
    std::uint16_t channels = 1;
    std::uint32_t rate_hz = 48000;
    std::uint32_t bitrate_bps = 48000;
};
/// The product's own encoder's output for that tone, `length` samples at 48 kHz of it.
/// EncodedAudio::length is at the output's rate.
[[nodiscard]] EncodedAudio encode_tone(const ToneFormat& format, std::int64_t length);

/// ffmpeg's decoding of one channel of a file.
[[nodiscard]] std::vector<float> decode_channel(const std::string& path, unsigned channel);

/// Which part of the tone some samples are to be.
struct Part {
    std::uint32_t rate_hz = 48000;
    unsigned channel = 0;
    std::int64_t start = 0;   ///< The first sample's place.
    std::size_t skipped = 0;  ///< Not looked at, of the beginning.
};
/// The root mean square of what `pcm` differs from the tone by; its last 50 ms are left out, which
/// a resampler's or a codec's end may touch. A shift by one sample gives 0.01 or more at 48 kHz.
/// Its loudness may be 5 % less, as LAME makes it at some bit rates; more fails the test.
[[nodiscard]] double off_tone(const std::vector<float>& pcm, const Part& part);

/// Little-endian number in a file.
[[nodiscard]] std::uint64_t little_endian(BytesView bytes, std::size_t offset, std::size_t width);

/// Tags with everything in them.
[[nodiscard]] Tags full_tags();

}  // namespace aircheck::mux::testing
