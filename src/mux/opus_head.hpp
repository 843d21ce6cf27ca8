#pragma once

#include "core/bytes.hpp"

#include <cstdint>
#include <optional>

namespace aircheck::mux {

/// The identification header of an Opus stream (RFC 7845 §5.1), channel mapping family 0 only.
struct OpusHead {
    std::uint8_t channels = 1;   ///< 1 or 2.
    std::uint16_t pre_skip = 0;  ///< Samples at 48 kHz.
    std::uint32_t input_sample_rate_hz = 48000;
    std::int16_t output_gain = 0;  ///< In 1/256 dB.
};

/// Empty for anything but a whole OpusHead of a version 0.x with mapping family 0.
[[nodiscard]] std::optional<OpusHead> parse_opus_head(BytesView packet);
[[nodiscard]] Bytes write_opus_head(const OpusHead& head);

}  // namespace aircheck::mux
