#include "media/track_renderer.hpp"

#include "media/media_testing.hpp"

#include <gtest/gtest.h>

namespace aircheck::media {
namespace {

using namespace testing;

// A sender's packet leaves when its last sample was captured; the renderer puts its first sample at
// its arrival over the fastest path, so everything lies one frame and the path's delay later.
constexpr double kFrame = 0.02;
constexpr double kDelay = 0.02;
constexpr double kPlaced = kFrame + kDelay;
constexpr double kCodecDelay = 312 / kRate;

TEST(TrackRenderer, ToneIsAsLongAsItWasSentAndWithoutAClick) {
    const auto track = make_track();
    const auto sent = publish(tone(440, 2), 0.5);
    const auto heard = play(*track, Path{}.carry(sent), 4);
    const Extent extent = audible_extent(heard);
    EXPECT_NEAR(extent.start, 0.5 + kPlaced + kCodecDelay, 0.006);
    EXPECT_NEAR(extent.length(), 2, kFrame);
    EXPECT_NEAR(amplitude_at(between(heard, 1, 2), 440), 0.5, 0.02);
    // 0.5 × 2π × 440 / 48000 = 0.029 a sample, and what the codec adds.
    EXPECT_LT(largest_step(heard), 0.04);
    EXPECT_EQ(track->counters().frames, 100U);
    EXPECT_EQ(track->counters().decoded_samples, 96000U);
    EXPECT_EQ(track->counters().late, 0U);
    EXPECT_EQ(track->counters().jumps, 0U);
}

}  // namespace
}  // namespace aircheck::media
