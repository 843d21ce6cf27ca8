#include "media/limiter.hpp"

#include "media/media_testing.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace aircheck::media {
namespace {

using namespace testing;

constexpr std::size_t kLate = Limiter::kLookAhead;

std::vector<float> limited(
    std::span<const float> input, std::uint16_t channels = 1, std::size_t piece = 4800
) {
    Limiter limiter(channels);
    std::vector<float> out(input.size());
    for (std::size_t at = 0; at < input.size(); at += piece) {
        const std::size_t count = std::min(piece, input.size() - at);
        limiter.process(input.subspan(at, count), std::span(out).subspan(at, count));
    }
    return out;
}

TEST(Limiter, BelowTheCeilingItIsADelayBitForBit) {
    const std::vector<float> input = noise(1, 0.89);
    const std::vector<float> out = limited(input, 1, 100);
    for (std::size_t i = 0; i < kLate; ++i) EXPECT_EQ(out[i], 0);
    EXPECT_TRUE(std::equal(out.begin() + kLate, out.end(), input.begin()));
}

TEST(Limiter, NothingExceedsTheCeiling) {
    std::vector<float> input = noise(0.5, 0.3) + tone(100, 0.5, 3) + noise(0.5, 5) + silence(0.1);
    input[1000] = 20;  // one sample on its own
    input[1230] = -30;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{137}, std::size_t{4800}}) {
        const std::vector<float> out = limited(input, 1, piece);
        for (const float sample : out) ASSERT_LE(std::abs(sample), Limiter::kCeiling);
    }
}

TEST(Limiter, ALoudToneStaysATone) {
    const std::vector<float> out = limited(tone(440, 2, 1.5));
    const auto settled = between(out, 0.5, 1.5);
    EXPECT_NEAR(amplitude_at(settled, 440), Limiter::kCeiling, 0.03);
    // Clipping a tone by 4.5 dB would leave a third harmonic of -20 dB.
    EXPECT_LT(amplitude_at(settled, 1320), 0.005);
}

TEST(Limiter, TheGainHasNoEdges) {
    // A quiet constant around a loud peak shows the gain itself.
    std::vector<float> input(96000, 0.1F);
    input[20000] = 4;
    const std::vector<float> out = limited(input);
    std::vector<float> gain(out.begin() + kLate, out.end());
    gain[20000] = gain[19999];
    EXPECT_LT(largest_step(gain), 0.1 * 2.0 / kLate);
    EXPECT_NEAR(gain[20000], 0.1 * Limiter::kCeiling / 4, 1e-3);
    EXPECT_EQ(gain[20000 - kLate - 1], 0.1F);
    // Back to the input's own bits within a second and a half.
    EXPECT_EQ(out.back(), 0.1F);
}

TEST(Limiter, ChannelsShareOneGain) {
    std::vector<float> input;
    for (const float sample : tone(300, 0.5, 2)) {
        input.push_back(sample);
        input.push_back(sample / 4);
    }
    const std::vector<float> out = limited(input, 2);
    for (std::size_t i = 0; i < out.size(); i += 2) {
        ASSERT_NEAR(out[i], out[i + 1] * 4, 2e-6);
    }
}

TEST(Limiter, HowItIsCutUpDoesNotMatter) {
    const std::vector<float> input = noise(0.3, 0.5) + noise(0.3, 2) + noise(1, 0.5);
    const std::vector<float> whole = limited(input, 1, 4800);
    const std::vector<float> pieces = limited(input, 1, 33);
    EXPECT_EQ(whole, pieces);
}

}  // namespace
}  // namespace aircheck::media
