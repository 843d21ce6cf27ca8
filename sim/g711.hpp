#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace aircheck::sim {

/// 48 kHz as 8 kHz, what lies above 3.6 kHz taken out. The sound is taken to go round, as a tone
/// that is repeated does.
[[nodiscard]] std::vector<std::int16_t> to_8k(std::span<const std::int16_t> pcm);

/// ITU-T G.711's codes: the level nearest to `sample`.
[[nodiscard]] std::uint8_t to_mu_law(std::int16_t sample);
[[nodiscard]] std::uint8_t to_a_law(std::int16_t sample);

}  // namespace aircheck::sim
