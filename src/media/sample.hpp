#pragma once

#include "core/bytes.hpp"

#include <cstdint>

namespace aircheck::media {

enum class Codec { Aac, Opus };

/// What a muxer has to know of an encoded stream before its first sample.
struct StreamFormat {
    Codec codec = Codec::Aac;
    std::uint32_t sample_rate_hz = 48000;
    std::uint16_t channels = 1;
    std::uint32_t bitrate_bps = 0;  ///< Nominal.
    /// AAC: the AudioSpecificConfig (ISO 14496-3 §1.6); Opus: the OpusHead packet (RFC 7845 §5.1).
    Bytes codec_config;
    /// Samples at `sample_rate_hz` that a decoder gives before the first real one: to be cut by an
    /// edit list (MP4) or the pre-skip (OGG).
    std::uint32_t priming_samples = 0;
};

/// One encoded access unit: an AAC frame or an Opus packet.
struct EncodedSample {
    std::int64_t pts = 0;  ///< In samples at the stream's rate; the first one is -priming_samples.
    std::uint32_t duration =
        0;  ///< In samples at the stream's rate; the last one's may be cut short.
    Bytes data;
};

}  // namespace aircheck::media
