#pragma once

#include "core/result.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace aircheck::media {

/// What MP3, FLAC and PCM are made at: MPEG-1, 2 and 2.5's rates, which players know.
inline constexpr std::array<std::uint32_t, 9> kCommonRates = {
    8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};

/// Errc::InvalidArgument, with the rates that there are, for another one.
[[nodiscard]] inline Result<> check_common_rate(std::string_view codec, std::uint32_t rate_hz) {
    if (std::find(kCommonRates.begin(), kCommonRates.end(), rate_hz) != kCommonRates.end()) {
        return {};
    }
    return fail(
        Errc::InvalidArgument,
        "audio sample rate of " + std::string(codec) +
            " must be 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 or 48000, not " +
            std::to_string(rate_hz)
    );
}

}  // namespace aircheck::media
