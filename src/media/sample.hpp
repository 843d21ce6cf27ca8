#pragma once

#include "core/bytes.hpp"

#include <cstdint>

namespace aircheck::media {

enum class Codec {
    Aac,
    Opus,
    Mp3,
    Pcm,  ///< Signed 16 bit, little-endian, interleaved.
    Flac,
};

/// What a muxer has to know of an encoded stream before its first sample.
struct StreamFormat {
    Codec codec = Codec::Aac;
    std::uint32_t sample_rate_hz = 48000;
    std::uint16_t channels = 1;
    std::uint32_t bitrate_bps = 0;  ///< Nominal; 0 where the codec has none (FLAC).
    /// AAC: the AudioSpecificConfig (ISO 14496-3 §1.6); Opus: the OpusHead packet (RFC 7845 §5.1);
    /// FLAC: STREAMINFO's 34 bytes (RFC 9639 §8.2), with what is known before the first sample;
    /// MP3 and PCM: nothing.
    Bytes codec_config;
    /// Samples at `sample_rate_hz` that a decoder gives before the first real one: to be cut by an
    /// edit list (MP4), the pre-skip (OGG) or LAME's tag (MP3).
    std::uint32_t priming_samples = 0;
};

/// One encoded access unit: an AAC, MP3 or FLAC frame, an Opus packet, some PCM.
struct EncodedSample {
    std::int64_t pts = 0;  ///< In samples at the stream's rate; the first one is -priming_samples.
    std::uint32_t duration =
        0;  ///< In samples at the stream's rate; the last one's may be cut short.
    Bytes data;
    /// What the whole stream's `codec_config` turned out to be, on its last sample: FLAC's
    /// STREAMINFO with the checksum of the sound. Else empty.
    Bytes final_config{};
};

}  // namespace aircheck::media
