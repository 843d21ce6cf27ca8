#include "media/track_source.hpp"

#include "media/media_testing.hpp"
#include "media/track_renderer.hpp"

#include <gtest/gtest.h>

#include <string>

// What becomes of single packets, seen through the renderer: sizes, DTX, loss, stereo, corruption.
namespace aircheck::media {
namespace {

using namespace testing;

constexpr double kFrame = 0.02;
constexpr double kDelay = 0.02;
constexpr double kCodecDelay = 312 / kRate;
constexpr double kPlaced = kFrame + kDelay + kCodecDelay;  // as in track_renderer_test.cpp
constexpr double kToneStep = 0.045;

class FrameSize : public ::testing::TestWithParam<std::size_t> {};

TEST_P(FrameSize, IsTakenFromThePacket) {
    const std::size_t samples = GetParam();
    const double frame = static_cast<double>(samples) / kRate;
    const auto track = make_track();
    const auto sent = publish(tone(440, 1.8), 0.5, {.frame = samples});
    const auto heard = play(*track, Path{}.carry(sent), 3);
    const Extent extent = audible_extent(heard);
    EXPECT_NEAR(extent.start, 0.5 + frame + kDelay + kCodecDelay, 0.006);
    EXPECT_NEAR(extent.length(), 1.8, std::max(frame, 0.0101));  // and a fade of 10 ms
    EXPECT_LT(largest_step(heard), kToneStep);
    EXPECT_EQ(track->counters().decoded_samples, 86400U);
    EXPECT_EQ(track->counters().bad, 0U);
}
INSTANTIATE_TEST_SUITE_P(
    Samples,
    FrameSize,
    ::testing::Values(120, 240, 480, 960, 1920, 2880),
    ::testing::PrintToStringParamName()
);

TEST(TrackSource, DtxKeepsItsLengthUnderComfortNoise) {
    // Speech-like bursts over a room's noise; the encoder falls silent in between.
    std::vector<float> pcm;
    for (int i = 0; i < 4; ++i) {
        pcm = pcm + tone(300 + 50 * i, 0.5, 0.4) + silence(2.5);
    }
    const std::vector<float> room = noise(12, 0.0004, 5);
    for (std::size_t i = 0; i < pcm.size(); ++i) pcm[i] += room[i];
    const auto sent =
        publish(pcm, 0.5, {.bitrate = 24000, .application = OPUS_APPLICATION_VOIP, .dtx = true});
    ASSERT_LT(sent.size(), 400U) << "the encoder did not go into DTX";
    const auto track = make_track();
    const auto heard = play(*track, Path{}.carry(sent), 13);
    for (int i = 0; i < 4; ++i) {
        const double start = 0.5 + 3 * i;
        const Extent extent = audible_extent(between(heard, start, start + 2.5), 0.05);
        EXPECT_NEAR(extent.start, kPlaced, 0.02) << i;
        EXPECT_NEAR(extent.length(), 0.5, 0.03) << i;
        EXPECT_LT(rms(between(heard, start + 0.8, start + 3)), 0.005) << i;
    }
    EXPECT_GT(track->counters().dtx_samples, 48000U * 5);
    EXPECT_EQ(track->counters().late, 0U);
    EXPECT_LT(largest_step(heard), kToneStep);
}

TEST(TrackSource, ALostFrameComesBackFromTheNextOne) {
    const auto pcm = voice(4);
    const Encoding how{
        .bitrate = 32000, .application = OPUS_APPLICATION_VOIP, .fec = true, .wideband = true};
    const auto sent = Path{}.carry(publish(pcm, 0.5, how));
    const auto is_lost = [](std::size_t i) { return i % 10 == 7; };
    const auto whole = play(*make_track(), sent, 5);
    const auto track = make_track();
    const auto recovered = play(*track, lose(sent, is_lost), 5);
    // The same without FEC in the packets: what concealment alone makes of it.
    auto bare = how;
    bare.fec = false;
    const auto guessed =
        play(*make_track(), lose(Path{}.carry(publish(pcm, 0.5, bare)), is_lost), 5);

    EXPECT_GT(track->counters().fec_samples, 12U * 960);
    EXPECT_EQ(track->counters().fec_samples + track->counters().concealed_samples, 20U * 960);
    EXPECT_NEAR(audible_extent(recovered).length(), audible_extent(whole).length(), kFrame);
    const auto error = [&](const std::vector<float>& heard) {
        std::vector<float> difference(heard.size());
        for (std::size_t i = 0; i < heard.size(); ++i) difference[i] = heard[i] - whole[i];
        return rms(difference);
    };
    EXPECT_LT(error(recovered), 0.7 * error(guessed));
}

TEST(TrackSource, LossWithoutFecIsConcealed) {
    const auto sent = publish(tone(440, 4), 0.5);
    const auto lossy =
        lose(Path{}.carry(sent), [](std::size_t i) { return i % 20 >= 17; });  // 60 ms each
    const auto track = make_track();
    const auto heard = play(*track, lossy, 5);
    EXPECT_EQ(track->counters().concealed_samples, 9 * 3 * 960U + 480U);
    EXPECT_EQ(track->counters().fec_samples, 0U);
    // 94 % of the last frames is lost with the end: what is left ends there.
    EXPECT_NEAR(audible_extent(heard).length(), 4 - 0.06, kFrame);
    EXPECT_GT(amplitude_at(between(heard, 0.7, 4.2), 440), 0.4);
    EXPECT_LT(largest_step(heard), 0.1);
}

TEST(TrackSource, LongLossFadesOutAndKeepsItsLength) {
    const auto sent = publish(tone(440, 3), 0.5);
    const auto lossy = lose(Path{}.carry(sent), [](std::size_t i) { return i >= 50 && i < 100; });
    const auto track = make_track();
    const auto heard = play(*track, lossy, 5);
    const double lost_at = 0.5 + kPlaced + 1;
    EXPECT_EQ(rms(between(heard, lost_at + 0.15, lost_at + 0.97)), 0);
    EXPECT_NEAR(audible_extent(between(heard, lost_at + 0.2, 5)).start, 0.8, 0.01);
    EXPECT_EQ(track->counters().concealed_samples, 5760U + 480U + 480U);
    EXPECT_LT(largest_step(heard), kToneStep);
}

std::vector<float> stereo(const std::vector<float>& left, const std::vector<float>& right) {
    std::vector<float> both;
    for (std::size_t i = 0; i < left.size(); ++i) {
        both.push_back(left[i]);
        both.push_back(right[i]);
    }
    return both;
}
std::vector<float> channel_of(std::span<const float> both, std::size_t channel) {
    std::vector<float> one;
    for (std::size_t i = channel; i < both.size(); i += 2) one.push_back(both[i]);
    return one;
}

TEST(TrackSource, StereoKeepsItsImageAndMonoMayComeBetween) {
    const Encoding wide{.channels = 2, .bitrate = 128000};
    auto sent = publish(stereo(tone(440, 1), tone(1000, 1, 0.25)), 0.5, wide);
    Encoding narrow;
    narrow.first_sequence += 50;
    narrow.first_timestamp += 48000;
    const auto mono = publish(tone(440, 1), 1.5, narrow);
    sent.insert(sent.end(), mono.begin(), mono.end());
    const auto track = make_track(2);
    const auto heard = play(*track, Path{}.carry(sent), 3);
    const auto left = channel_of(heard, 0);
    const auto right = channel_of(heard, 1);
    EXPECT_NEAR(amplitude_at(between(left, 0.7, 1.4), 440), 0.5, 0.02);
    EXPECT_LT(amplitude_at(between(left, 0.7, 1.4), 1000), 0.01);
    EXPECT_NEAR(amplitude_at(between(right, 0.7, 1.4), 1000), 0.25, 0.02);
    EXPECT_LT(amplitude_at(between(right, 0.7, 1.4), 440), 0.01);
    EXPECT_NEAR(amplitude_at(between(right, 1.7, 2.4), 440), 0.5, 0.02);
    EXPECT_NEAR(audible_extent(left).length(), 2, kFrame);
    EXPECT_EQ(track->counters().decoded_samples, 96000U);
}

TEST(TrackSource, StereoIsMixedDownForMono) {
    const auto sent =
        publish(stereo(tone(440, 1), tone(1000, 1, 0.25)), 0.5, {.channels = 2, .bitrate = 128000});
    const auto heard = play(*make_track(), Path{}.carry(sent), 2);
    EXPECT_NEAR(amplitude_at(between(heard, 0.7, 1.4), 440), 0.25, 0.02);
    EXPECT_NEAR(amplitude_at(between(heard, 0.7, 1.4), 1000), 0.125, 0.02);
}

TEST(TrackSource, CorruptPacketsAreCountedAndTheirTimeKept) {
    auto frames = Path{}.carry(publish(tone(440, 2), 0.5));
    for (std::size_t i = 30; i < 90; i += 10)
        frames[i].payload = {0xff, 0xff, 0xff};  // bad padding
    frames[0].payload = {0x03};                  // code 3 without its frame count
    frames[50].payload.clear();
    const auto track = make_track();
    const auto heard = play(*track, frames, 4);
    EXPECT_EQ(track->counters().bad, 7U);
    EXPECT_NEAR(audible_extent(heard).length(), 2 - kFrame, kFrame);
    EXPECT_LT(largest_step(heard), 0.1);
}

}  // namespace
}  // namespace aircheck::media
