#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace aircheck::media {

/// A sample as signed 16 bit: 1.0 is 32768, rounded to the nearest, clipped at the ends.
///
/// There is no dither: what comes out of a call's codecs carries more noise than half a step of 16
/// bit, so rounding does no harm that could be heard, while dither would turn digital silence into
/// noise that FLAC has to store. WAV and FLAC of one mix hold the same samples.
[[nodiscard]] inline std::int16_t to_pcm16(float sample) {
    // Clipped first, and NaN (which compares false) with it: lrint of what does not fit is
    // undefined.
    const float clipped = std::min(32767.0F, std::max(-32768.0F, sample * 32768.0F));
    return static_cast<std::int16_t>(std::lrint(clipped));
}

}  // namespace aircheck::media
