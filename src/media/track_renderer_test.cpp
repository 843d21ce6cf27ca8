#include "media/track_renderer.hpp"

#include "media/media_testing.hpp"
#include "media/opus.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <string>

namespace aircheck::media {
namespace {

using namespace testing;

// A packet leaves when its last sample was captured; the renderer puts its first sample at its
// arrival over the fastest path. So a track lies one frame, the path's delay and libopus's own
// later.
constexpr double kFrame = 0.02;
constexpr double kDelay = 0.02;
constexpr double kCodecDelay = 312 / kRate;
constexpr double kPlaced = kFrame + kDelay + kCodecDelay;
// The steepest a 440 Hz tone of amplitude 0.5 gets is 0.5 × 2π × 440 / 48000 = 0.029 a sample; the
// rest is what the codec adds.
constexpr double kToneStep = 0.045;

TEST(TrackRenderer, ToneIsAsLongAsItWasSentAndWithoutAClick) {
    const auto track = make_track();
    const auto heard = play(*track, Path{}.carry(publish(tone(440, 2), 0.5)), 4);
    const Extent extent = audible_extent(heard);
    EXPECT_NEAR(extent.start, 0.5 + kPlaced, 0.006);
    EXPECT_NEAR(extent.length(), 2, kFrame);
    EXPECT_NEAR(amplitude_at(between(heard, 1, 2), 440), 0.5, 0.02);
    EXPECT_LT(largest_step(heard), kToneStep);
    EXPECT_EQ(track->counters().frames, 100U);
    EXPECT_EQ(track->counters().decoded_samples, 96000U);
    EXPECT_EQ(track->counters().late, 0U);
    EXPECT_EQ(track->counters().jumps, 0U);
}

TEST(TrackRenderer, UndisturbedSamplesAreTheDecodersOwn) {
    const auto sent = publish(noise(2, 0.3), 0.1);
    const auto heard = play(*make_track(), Path{}.carry(sent), 2);
    auto decoder = media::OpusDecoder::create(1).value();
    std::vector<float> decoded;
    for (const auto& frame : sent) decoder.decode(frame.payload, decoded);
    // 0.14 s: a frame after the start and the path's delay; past the fade.
    const std::span<const float> all = heard;
    const auto first = samples_in(0.14);
    for (std::size_t i = 200; i < 80000; ++i) ASSERT_EQ(all[first + i], decoded[i]) << i;
}

struct HoleRow {
    std::string name;
    TrackRenderer::Muted muted;
    friend void PrintTo(const HoleRow& row, std::ostream* out) { *out << row.name; }
};
class Hole : public ::testing::TestWithParam<HoleRow> {};

TEST_P(Hole, KeepsItsLengthAndIsSilent) {
    // Two seconds of the publisher's time without packets, the sequence going on: what mute looks
    // like.
    auto sent = publish(tone(440, 4), 0.5);
    std::erase_if(sent, [](const rtp::EncodedFrame& frame) {
        return frame.sequence >= 1050 && frame.sequence < 1150;
    });
    for (std::size_t i = 50; i < sent.size(); ++i) sent[i].sequence -= 100;
    const auto track = make_track();
    const auto heard = play(*track, Path{}.carry(sent), 6, [&](double now) {
        const bool muted = now > 1.6 && now < 3.4;
        track->set_muted(muted ? GetParam().muted : TrackRenderer::Muted::No);
    });
    const Extent first = audible_extent(between(heard, 0, 2.5));
    const Extent second = audible_extent(between(heard, 2.5, 6));
    EXPECT_NEAR(first.length(), 1, kFrame);
    EXPECT_NEAR(second.length(), 1, kFrame);
    EXPECT_NEAR(2.5 + second.start - first.end, 2, kFrame);
    EXPECT_EQ(rms(between(heard, 1.7, 3.4)), 0);
    EXPECT_LT(largest_step(heard), kToneStep);
    EXPECT_EQ(track->counters().late, 0U);
}
INSTANTIATE_TEST_SUITE_P(
    Mute,
    Hole,
    ::testing::Values(
        HoleRow{"Signalled", TrackRenderer::Muted::Yes},
        HoleRow{"Unsignalled", TrackRenderer::Muted::No}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST(TrackRenderer, APreRollBurstIsPlacedByItsTimestamps) {
    const double at[] = {0.3, 2.0};
    auto sent = publish(claps(at, 3), 0.5);
    for (auto& frame : sent) frame.arrival = std::max(frame.arrival, at_seconds(1.3));
    const auto heard = play(*make_track(), Path{}.carry(sent), 4);
    EXPECT_NEAR(peak_at(between(heard, 0, 1.5)), 0.5 + 0.3 + kPlaced, 0.002);
    EXPECT_NEAR(peak_at(between(heard, 1.5, 4)), 1.0 + kPlaced, 0.002);
}

TEST(TrackRenderer, WrappedTimestampsAreNothingSpecial) {
    const auto sent = publish(
        tone(440, 2),
        0.5,
        {.first_sequence = 65500, .first_timestamp = (std::int64_t{1} << 32) - 48000}
    );
    const auto track = make_track();
    const auto heard = play(*track, Path{}.carry(sent), 3);
    EXPECT_NEAR(audible_extent(heard).length(), 2, kFrame);
    EXPECT_LT(largest_step(heard), kToneStep);
    EXPECT_EQ(track->counters().resets, 0U);
}

TEST(TrackRenderer, ARestartedStreamGoesOnWhereItArrives) {
    for (const std::int64_t by : {std::int64_t{90'000'000}, std::int64_t{-90'000'000}}) {
        auto sent = publish(tone(440, 3), 0.5);
        for (std::size_t i = 75; i < sent.size(); ++i) sent[i].rtp_timestamp += by;
        const auto track = make_track();
        const auto heard = play(*track, Path{}.carry(sent), 4);
        EXPECT_EQ(track->counters().resets, 1U);
        EXPECT_NEAR(audible_extent(heard).length(), 3, kFrame);
        EXPECT_LT(rms(between(heard, 0, 0.5)), 1e-6);
        EXPECT_GT(rms(between(heard, 1.9, 2.2)), 0.25);
        EXPECT_EQ(track->counters().decoded_samples, 144000U);
    }
}

TEST(TrackRenderer, FramesThatComeTooLateAreCountedAndLeaveAHole) {
    auto frames = Path{}.carry(publish(tone(440, 4), 0.5));
    for (std::size_t i = 100; i < 125; ++i) frames[i].arrival += 3s;  // order holds back the rest
    auto held = frames;
    for (std::size_t i = 125; i < held.size(); ++i) {
        held[i].arrival = std::max(held[i].arrival, frames[124].arrival);
    }
    const auto track = make_track();
    const auto heard = play(*track, held, 8);
    EXPECT_GT(track->counters().late, 60U);
    EXPECT_EQ(rms(between(heard, 5, 8)), 0);
    EXPECT_NEAR(audible_extent(heard).length(), 2, 0.15);
    EXPECT_LT(largest_step(heard), kToneStep);
}

/// One second with a clap, repeated for `seconds` by a clock that is off by `drift`, over a path
/// with 30 ms of jitter. Returns by how much the claps' errors differ, at most, in seconds.
double worst_clap_under_drift(double drift, std::size_t seconds) {
    const double clap[] = {0.1};
    const auto second =
        publish(claps(clap, 1), 0, {.application = OPUS_APPLICATION_RESTRICTED_LOWDELAY});
    const auto track = make_track();
    std::mt19937 random(1);
    std::uniform_real_distribution<double> jitter(0, 0.03);
    std::optional<double> first;
    double worst = 0;
    std::size_t sent = 0;
    std::vector<float> window(2 * kTick);  // two ticks: a clap may lie across them
    for (std::size_t tick = 0; tick < 10 * seconds; ++tick) {
        const double now = static_cast<double>(tick + 1) / 10 + kBehind;
        for (;; ++sent) {
            const double x = static_cast<double>(sent) * kFrame;
            const double at = (x + kFrame) * (1 + drift) + kDelay;
            if (at > now - 0.03) break;
            rtp::EncodedFrame frame = second[sent % 50];
            frame.sequence = static_cast<std::int64_t>(sent);
            frame.rtp_timestamp = static_cast<std::int64_t>(sent) * 960;
            frame.arrival = at_seconds(at + jitter(random));
            track->push(std::move(frame));
        }
        const auto heard = track->render(static_cast<std::int64_t>(tick * kTick), kTick);
        std::copy_n(window.begin() + kTick, kTick, window.begin());
        std::fill_n(window.begin() + kTick, kTick, 0.0F);
        std::copy(heard.begin(), heard.end(), window.begin() + kTick);

        const double number = std::floor(static_cast<double>(tick) / 10);
        const double due = (number + clap[0]) * (1 + drift) + kFrame + kDelay;
        const bool is_there = std::floor(due * 10) + 1 == static_cast<double>(tick);
        if (std::fmod(number, 10) != 5 || !is_there) continue;
        const double error = (static_cast<double>(tick) - 1) / 10 + peak_at(window) - due;
        if (!first) first = error;
        worst = std::max(worst, std::abs(error - *first));
    }
    EXPECT_TRUE(first);
    EXPECT_EQ(track->counters().jumps, 0U);
    EXPECT_EQ(track->counters().late, 0U);
    EXPECT_NEAR(track->timeline().drift(), drift, 3e-6);
    return worst;
}

TEST(TrackRenderer, AnHourOfDriftIsTakenOut) {
    EXPECT_LT(worst_clap_under_drift(100e-6, 3600), 0.002);
}

TEST(TrackRenderer, AFastClockIsSlowedDown) {
    EXPECT_LT(worst_clap_under_drift(-100e-6, 600), 0.002);
}

TEST(TrackRenderer, ALastingDelayIsFollowedWithoutAClick) {
    auto sent = publish(tone(440, 100), 0.1);
    for (std::size_t i = 1000; i < sent.size(); ++i) sent[i].arrival += 40ms;
    const auto track = make_track();
    const auto heard = play(*track, Path{}.carry(sent), 101);
    EXPECT_EQ(track->counters().jumps, 0U);
    EXPECT_LT(largest_step(heard), kToneStep);
    // From the start to the end: what was sent, and the 40 ms.
    EXPECT_NEAR(audible_extent(heard).length(), 100.04, 0.01);
    // At most 833 ppm off: 440 Hz stays within 0.4 Hz, so that half a second keeps its amplitude.
    for (double t = 1; t < 99; t += 1) {
        EXPECT_GT(amplitude_at(between(heard, t, t + 0.5), 440), 0.4) << t;
    }
}

TEST(TrackRenderer, ALargeDelayIsFollowedWithoutLeavingAnythingOut) {
    for (const auto step : {150ms, -150ms}) {
        auto sent = publish(tone(440, 40), 0.5);
        for (std::size_t i = 1000; i < sent.size(); ++i) sent[i].arrival += step;
        const auto track = make_track();
        const auto heard = play(*track, Path{.delay = 0.2}.carry(sent), 42);
        EXPECT_EQ(track->counters().jumps, 0U);
        EXPECT_LT(largest_step(heard), kToneStep);
        const Extent extent = audible_extent(heard);
        // A hundredth of the time at most; slowly for the last 60 ms.
        EXPECT_NEAR(extent.length(), 40 + to_seconds(step), 0.06 + kFrame);
        for (double t = extent.start + 0.02; t < extent.end - 0.04; t += 0.02) {
            ASSERT_GT(rms(between(heard, t, t + 0.02)), 0.3) << t;
        }
    }
}

TEST(TrackRenderer, ADelayBeyondWhatIsFollowedJumpsWithACrossfade) {
    auto sent = publish(tone(440, 40), 0.5);
    for (std::size_t i = 1000; i < sent.size(); ++i) sent[i].arrival += 400ms;
    const auto track = make_track();
    const auto heard = play(*track, Path{}.carry(sent), 42);
    EXPECT_EQ(track->counters().jumps, 1U);
    EXPECT_LT(largest_step(heard), kToneStep);
    EXPECT_NEAR(audible_extent(heard).end, 40.5 + kPlaced + 0.4, 0.03);
}

// The path's floor shows itself late, in the middle of a word: what was said stays whole, and the
// pause after it is shorter by what there is of it.
TEST(TrackRenderer, WhatWasPlacedTooLateIsBroughtForwardInThePause) {
    for (const double pause : {1.0, 0.1}) {
        auto sent = publish(tone(440, 4) + silence(pause) + tone(440, 4), 0.5);
        for (std::size_t i = 0; i < 75; ++i) sent[i].arrival += 140ms;
        const auto track = make_track();
        const auto heard = play(*track, Path{}.carry(sent), 10);
        double audible = 0;
        for (double t = 0; t < 9.9; t += 0.01)
            audible += rms(between(heard, t, t + 0.01)) > 0.1 ? 0.01 : 0;
        EXPECT_NEAR(audible, 8, 0.01 * 8 + kFrame) << pause;
        const double left = std::max(0.0, 0.14 + kFrame + 0.01 - pause);  // The codec rings on.
        EXPECT_NEAR(audible_extent(heard).end, 8.5 + pause + kPlaced, 0.01 + left) << pause;
        EXPECT_LT(largest_step(heard), kToneStep);
        EXPECT_EQ(track->counters().late, 0U);
    }
}

TEST(TrackRenderer, AnErrorIsTakenOutInSilence) {
    auto sent = publish(tone(440, 10) + silence(6) + tone(440, 4), 0.5);
    for (std::size_t i = 300; i < sent.size(); ++i) sent[i].arrival += 30ms;
    const auto track = make_track();
    const auto heard = play(*track, Path{}.carry(sent), 22);
    EXPECT_EQ(track->counters().jumps, 1U);
    EXPECT_NEAR(
        audible_extent(between(heard, 12, 22)).start, 0.5 + 16 + kPlaced + 0.03 - 12, 0.008
    );
    EXPECT_LT(largest_step(heard), kToneStep);
}

TEST(TrackRenderer, GarbageNeverFails) {
    std::mt19937 random(4);
    const auto track = make_track(2);
    for (std::uint32_t i = 0; i < 3000; ++i) {
        rtp::EncodedFrame frame;
        frame.sequence = i;
        const auto any = static_cast<std::int32_t>(static_cast<std::uint32_t>(random()));
        frame.rtp_timestamp = std::int64_t{i} * 960 + (random() % 8 == 0 ? any : 0);
        frame.arrival = at_seconds(i * 0.02 + static_cast<double>(random() % 100) * 0.001);
        frame.lost_before = random() % 10 == 0 ? static_cast<std::uint32_t>(random()) : 0;
        frame.retransmitted = random() % 5 == 0;
        frame.payload.resize(random() % 60);
        for (auto& byte : frame.payload) byte = static_cast<std::uint8_t>(random());
        track->push(std::move(frame));
        track->report(
            {random() * 4294967296ULL, static_cast<std::uint32_t>(random()), at_seconds(i * 0.02)}
        );
        if (i % 5 == 4) static_cast<void>(track->render(i / 5 * 4800, 4800));
    }
    track->end();
    for (std::int64_t at = 600; at < 1000 && !track->is_finished(); ++at) {
        static_cast<void>(track->render(at * 4800, 4800));
    }
    EXPECT_TRUE(track->is_finished());
    EXPECT_EQ(track->counters().frames, 3000U);
}

TEST(TrackRenderer, EndIsReachedWhenAllIsPlayed) {
    const auto track = make_track();
    for (auto& frame : Path{}.carry(publish(tone(440, 0.5), 0.1))) track->push(std::move(frame));
    track->end();
    EXPECT_FALSE(track->is_finished());
    std::int64_t at = 0;
    while (at < 10 && !track->is_finished()) static_cast<void>(track->render(at++ * 4800, 4800));
    EXPECT_EQ(at, 7);  // 0.14 + 0.5 s and the fade lie within seven ticks
}

TEST(TrackRenderer, HowTheTimelineIsCutUpDoesNotMatter) {
    auto frames = Path{}.carry(publish(noise(3, 0.3), 0.1));
    std::int64_t i = 0;
    for (auto& frame : frames) frame.arrival += Nanoseconds(4000 * i++);  // 200 ppm
    std::vector<float> outs[2];
    std::size_t sizes[] = {4800, 357};
    for (std::size_t k = 0; k < 2; ++k) {
        const auto track = make_track();
        for (const auto& frame : frames) track->push(frame);
        track->end();
        for (std::size_t at = 0; at < 144000; at += sizes[k]) {
            const auto samples = track->render(static_cast<std::int64_t>(at), sizes[k]);
            outs[k].resize(at);
            outs[k].insert(outs[k].end(), samples.begin(), samples.end());
        }
        outs[k].resize(140000);
    }
    EXPECT_GT(rms(outs[0]), 0.1);
    for (std::size_t at = 0; at < outs[0].size(); ++at) {
        ASSERT_NEAR(outs[0][at], outs[1][at], 1e-5) << at;
    }
}

TEST(TrackRenderer, SilenceIsEmptyAndSkippingDropsFrames) {
    const auto track = make_track();
    EXPECT_TRUE(track->render(0, 4800).empty());
    for (auto& frame : Path{}.carry(publish(tone(440, 2), 0.96))) track->push(std::move(frame));
    EXPECT_TRUE(track->render(4800, 4800).empty());
    EXPECT_TRUE(track->render(0, 4800).empty()) << "what was rendered stays rendered";
    const auto heard = track->render(96000, 4800);  // the middle of the tone
    ASSERT_EQ(heard.size(), 4800U);
    // Entered in the middle, CELT takes some frames to find the level.
    EXPECT_NEAR(rms(between(heard, 0.05, 0.1)), 0.35, 0.1);
    EXPECT_EQ(track->counters().dropped, 50U);
    EXPECT_EQ(track->counters().late, 0U);
}

TEST(TrackRenderer, AFullQueueDropsTheOldest) {
    const auto track = TrackRenderer::create({.origin = kOrigin, .max_queued = 50}).value();
    for (auto& frame : Path{}.carry(publish(tone(440, 2), 0))) track->push(std::move(frame));
    EXPECT_EQ(track->counters().dropped, 50U);
    track->end();
    std::vector<float> heard;
    for (std::int64_t at = 0; at < 30; ++at) {
        const auto samples = track->render(at * 4800, 4800);
        heard.resize(static_cast<std::size_t>(at) * 4800);
        heard.insert(heard.end(), samples.begin(), samples.end());
    }
    EXPECT_NEAR(audible_extent(heard).start, 1 + kPlaced, 0.01);
}

TEST(TrackRenderer, CountsWhatIsAudible) {
    const auto track = make_track();
    const auto pcm = tone(440, 1) + silence(1) + tone(440, 0.5) + silence(0.2) + tone(440, 0.5);
    play(*track, Path{}.carry(publish(pcm, 0.5)), 5);
    EXPECT_NEAR(static_cast<double>(track->counters().audible_samples) / kRate, 2, 0.1);
}

TEST(TrackRenderer, OnlyOneOrTwoChannels) {
    const auto track = TrackRenderer::create({.origin = kOrigin, .channels = 3});
    ASSERT_FALSE(track);
    EXPECT_EQ(track.error().code, Errc::InvalidArgument);
}

}  // namespace
}  // namespace aircheck::media
