#include "sim/g711.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace aircheck::sim {
namespace {

constexpr std::size_t kFactor = 6;
constexpr int kHalf = 96;  // Samples at 48 kHz on either side.

/// A sinc of 3.6 kHz in von Hann's window; its sum is 1.
std::array<double, 2 * kHalf + 1> low_pass() {
    constexpr double kCutoff = 2 * 3600.0 / 48'000;
    std::array<double, 2 * kHalf + 1> taps{};
    double sum = 0;
    for (int k = -kHalf; k <= kHalf; ++k) {
        const double x = std::numbers::pi * kCutoff * k;
        const double sinc = k == 0 ? 1 : std::sin(x) / x;
        const double window = 0.5 + 0.5 * std::cos(std::numbers::pi * k / (kHalf + 1));
        sum += taps[static_cast<std::size_t>(k + kHalf)] = sinc * window;
    }
    for (double& tap : taps) tap /= sum;
    return taps;
}

}  // namespace

std::vector<std::int16_t> to_8k(std::span<const std::int16_t> pcm) {
    static const auto taps = low_pass();
    std::vector<std::int16_t> narrow;
    for (std::size_t at = 0; at < pcm.size(); at += kFactor) {
        double sum = 0;
        for (std::size_t k = 0; k < taps.size(); ++k) {
            // kHalf rounds of the whole sound are more than any index steps back.
            const std::size_t from = at + k + kHalf * (pcm.size() - 1);
            sum += taps[k] * pcm[from % pcm.size()];
        }
        narrow.push_back(
            static_cast<std::int16_t>(std::clamp<long>(std::lround(sum), -32'768, 32'767))
        );
    }
    return narrow;
}

std::uint8_t to_mu_law(std::int16_t sample) {
    // 14 bits, moved up by 33: each segment then begins at a power of two.
    const int magnitude = std::min(std::abs(int{sample}) / 4 + 33, 8191);
    const int segment = static_cast<int>(std::bit_width(static_cast<unsigned>(magnitude))) - 6;
    const int step = (magnitude >> (segment + 1)) & 0x0f;
    const int sign = sample < 0 ? 0x80 : 0;
    return static_cast<std::uint8_t>(~(sign | segment << 4 | step));
}

std::uint8_t to_a_law(std::int16_t sample) {
    // 13 bits; negative levels lie half a step further.
    const int magnitude = std::min(sample < 0 ? (-int{sample} - 1) / 8 : sample / 8, 4095);
    const int width = static_cast<int>(std::bit_width(static_cast<unsigned>(magnitude)));
    const int segment = std::max(width - 5, 0);
    const int step = (magnitude >> std::max(segment, 1)) & 0x0f;
    const int sign = sample < 0 ? 0 : 0x80;
    return static_cast<std::uint8_t>((sign | segment << 4 | step) ^ 0x55);
}

}  // namespace aircheck::sim
