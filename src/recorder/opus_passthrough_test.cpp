#include "recorder/opus_passthrough.hpp"

#include "media/opus_packet.hpp"
#include "recorder/pipeline.hpp"
#include "recorder/spoken_call_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace aircheck::recorder {
namespace {

using testing::decode;
using testing::encode_opus;
using testing::level;
using testing::render;
using testing::Rendered;
using testing::Script;
using ::testing::SizeIs;
using testing::speaker;
using testing::Speaker;
using testing::spoken_tone;
using testing::stretches;
using testing::tone;

constexpr double kHz = 450;
constexpr double kFrame = 0.02;
/// Encoder and decoder together delay by 6.5 ms (RFC 6716: 312 samples); nothing is skipped.
constexpr double kCodecDelay = 0.0065;

PipelineSettings passthrough() {
    PipelineSettings settings;
    settings.encoding.container = Container::Ogg;
    settings.encoding.codec = AudioCodec::OpusPassthrough;
    return settings;
}

double seconds_of(const std::vector<float>& samples) {
    return static_cast<double>(samples.size()) / testing::kRate;
}

TEST(OpusPassthrough, KeepsATrackAsItCame) {
    Speaker who = speaker(1);
    Script call;
    call.start(100ms, who);
    call.speak(700ms, who, spoken_tone(kHz, 3));
    const Rendered rendered = render(passthrough(), call.records(), 3700ms).value();

    EXPECT_EQ(rendered.start, 700ms);
    EXPECT_EQ(rendered.duration, 3s);
    const auto samples = decode(rendered.file).front();
    EXPECT_EQ(samples.size(), 3U * 48'000);
    EXPECT_NEAR(level(samples, kHz, 0.1, 2.9), 0.4, 0.01);
    // The packets themselves, untouched, are in the file.
    for (const Bytes& packet : spoken_tone(kHz, 3)) {
        EXPECT_NE(
            std::search(rendered.file.begin(), rendered.file.end(), packet.begin(), packet.end()),
            rendered.file.end()
        );
    }
}

TEST(OpusPassthrough, FillsWhatWasLost) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(0ms, who, spoken_tone(kHz, 4), [](std::size_t packet) {
        return packet < 50 || (packet >= 75 && packet % 20 != 7);
    });
    const Rendered rendered = render(passthrough(), call.records(), 4s).value();

    EXPECT_EQ(rendered.duration, 4s);
    EXPECT_EQ(rendered.tracks.at(0).lost, 25U + 6U);
    EXPECT_EQ(rendered.tracks.at(0).concealed_samples, (25U + 6U) * 960);
    const auto samples = decode(rendered.file).front();
    EXPECT_EQ(samples.size(), 4U * 48'000);
    EXPECT_NEAR(level(samples, kHz, 0.1, 0.95), 0.4, 0.01);
    EXPECT_LT(level(samples, kHz, 1.2, 1.45), 0.01);
    EXPECT_NEAR(level(samples, kHz, 2.4, 2.5), 0.4, 0.05);
}

TEST(OpusPassthrough, KeepsTheLengthOfMutes) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(0ms, who, spoken_tone(kHz, 1));
    testing::pause(who, 150);
    call.speak(4s, who, spoken_tone(kHz, 1));
    call.ticks(0ms, 8s);
    // Muted again up to the end: as near to it as CELT's shortest frame, 2.5 ms, allows.
    const Rendered rendered = render(passthrough(), call.records(), 8003ms).value();

    EXPECT_EQ(rendered.duration, 8002500us);
    const auto samples = decode(rendered.file).front();
    const auto tones = stretches(samples, kHz);
    ASSERT_THAT(tones, SizeIs(2));
    // libopus lets a tone that breaks off without a last packet fade away.
    constexpr double kFading = 0.1;
    EXPECT_NEAR(tones[0].begin, kCodecDelay, kFrame);
    EXPECT_NEAR(tones[0].end, 1.0, kFading);
    EXPECT_NEAR(tones[1].begin, 4.0 + kCodecDelay, kFrame);
    EXPECT_NEAR(tones[1].end, 5.0, kFading);
    EXPECT_NEAR(seconds_of(samples), 8.0025, 1e-6);
}

TEST(OpusPassthrough, KeepsTheLengthOfDtx) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(0ms, who, spoken_tone(kHz, 1));
    // A packet each 400 ms, numbered without gaps.
    const std::vector<Bytes> quiet = encode_opus(std::vector<float>(960, 0.0F));
    Nanoseconds at = 1s;
    for (int i = 0; i < 5; ++i, at += 400ms) {
        call.speak(at, who, quiet);
        testing::pause(who, 19);
    }
    call.speak(3s, who, spoken_tone(kHz, 1));
    const Rendered rendered = render(passthrough(), call.records(), 4s).value();

    EXPECT_EQ(rendered.duration, 4s);
    EXPECT_EQ(rendered.tracks.at(0).lost, 0U);
    const auto tones = stretches(decode(rendered.file).front(), kHz);
    ASSERT_THAT(tones, SizeIs(2));
    EXPECT_NEAR(tones[1].begin, 3.0 + kCodecDelay, kFrame);
}

TEST(OpusPassthrough, PutsReorderedPacketsInOrder) {
    const auto packets = spoken_tone(kHz, 2);
    Speaker who = speaker(1);
    Speaker swapped = who;
    Script in_order;
    in_order.start(0ms, who);
    in_order.speak(0ms, who, packets);
    Script reordered;
    reordered.start(0ms, swapped);
    for (std::size_t i = 0; i < packets.size(); ++i) {
        const auto at = testing::kFrame * static_cast<int>(i % 5 == 2 ? i + 3 : i);
        reordered.packet(at, 1, testing::build_rtp(swapped, packets[i]));
        ++swapped.sequence;
        swapped.rtp_timestamp += 960;
    }
    const auto expected = render(passthrough(), in_order.records(), 2s).value();
    const auto rendered = render(passthrough(), reordered.records(), 2s).value();
    // The pages differ: a packet that is waited for misses its page.
    EXPECT_EQ(decode(rendered.file), decode(expected.file));
    EXPECT_EQ(rendered.tracks.at(0).lost, 0U);
}

TEST(OpusPassthrough, GoesOnByArrivalWhenTheStreamRestarts) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(0ms, who, spoken_tone(kHz, 1));
    who.rtp_timestamp += 3'000'000'000U;
    call.speak(3s, who, spoken_tone(kHz, 1));
    // Our own rejoin: the same track under another SSRC, with another base.
    Speaker again = who;
    again.start.track = 2;
    again.start.ssrc = 77;
    again.sequence = 12;
    again.rtp_timestamp = 99;
    call.start(5s, again);
    call.speak(6s, again, spoken_tone(kHz, 1));
    const Rendered rendered = render(passthrough(), call.records(), 7s).value();

    EXPECT_EQ(rendered.duration, 7s);
    const auto tones = stretches(decode(rendered.file).front(), kHz);
    ASSERT_THAT(tones, SizeIs(3));
    EXPECT_NEAR(tones[1].begin, 3.0 + kCodecDelay, kFrame);
    EXPECT_NEAR(tones[2].begin, 6.0 + kCodecDelay, kFrame);
}

TEST(OpusPassthrough, KeepsTheFirstClearTrackUntilItEnds) {
    Speaker hidden = speaker(1);
    hidden.start.encryption = journal::Encryption::Gcm;
    Speaker kept = speaker(2);
    Speaker other = speaker(3);
    Script call;
    call.start(0ms, hidden);
    call.start(0ms, kept);
    call.start(0ms, other);
    call.speak(0ms, hidden, spoken_tone(1500, 3));
    call.speak(500ms, kept, spoken_tone(kHz, 1));
    call.speak(0ms, other, spoken_tone(1000, 3));
    call.add(2s, journal::TrackEnd{2, "unpublished"});
    call.ticks(0ms, 5s);
    const Rendered rendered = render(passthrough(), call.records(), 5s).value();

    EXPECT_EQ(rendered.start, 500ms);
    EXPECT_EQ(rendered.duration, 1500ms);
    ASSERT_THAT(rendered.tracks, SizeIs(1));
    EXPECT_EQ(rendered.tracks[0].track_sid, "TR_2");
    const auto samples = decode(rendered.file).front();
    EXPECT_NEAR(level(samples, kHz, 0.1, 0.9), 0.4, 0.01);
    EXPECT_LT(level(samples, 1000, 0.1, 0.9), 0.01);
}

/// Packets of `frame` samples in the configuration of `toc`: a hole of `hole` samples is filled.
struct Filling {
    std::uint8_t config;
    std::uint32_t frame;
    std::uint32_t hole;
    std::vector<std::uint32_t> filled;
    std::vector<std::uint8_t> configs;
};

class FillsInTheMode : public ::testing::TestWithParam<Filling> {};

TEST_P(FillsInTheMode, WithTheLongestThatFit) {
    const Filling& row = GetParam();
    OpusPassthrough kept(800ms);
    Speaker who = speaker(1);
    kept.start(who.start, Instant{});
    // Stereo, two frames of one byte each: what fills must be one frame of none.
    const Bytes packet{static_cast<std::uint8_t>(row.config << 3 | 4 | 1), 0, 0};
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(kept.take(1, testing::build_rtp(who, packet), Instant{}));
        ++who.sequence;
        who.rtp_timestamp += 2 * row.frame + row.hole;
    }
    std::vector<std::uint32_t> filled;
    std::vector<std::uint8_t> configs;
    media::EncodedSample sample;
    std::int64_t expected_pts = 0;
    while (kept.next(Instant{}, sample)) {
        EXPECT_EQ(sample.pts, expected_pts);
        expected_pts += sample.duration;
        if (sample.data.size() > 1) continue;
        EXPECT_EQ(sample.data[0] & 7, 4);
        EXPECT_EQ(media::opus_packet_samples(sample.data), sample.duration);
        filled.push_back(sample.duration);
        configs.push_back(sample.data[0] >> 3);
    }
    EXPECT_EQ(filled, row.filled);
    EXPECT_EQ(configs, row.configs);
    ASSERT_TRUE(kept.format());
    EXPECT_EQ(kept.format()->channels, 2);
    EXPECT_EQ(kept.format()->priming_samples, 0U);
}

// RFC 6716 table 2.
INSTANTIATE_TEST_SUITE_P(
    Configurations,
    FillsInTheMode,
    ::testing::Values(
        Filling{9, 960, 1920, {960, 960}, {9, 9}},      // SILK, 20 ms
        Filling{11, 2880, 3840, {2880, 960}, {11, 9}},  // SILK, 60 ms
        Filling{15, 960, 1500, {960, 480}, {15, 14}},   // hybrid: 60 samples are too few
        Filling{31, 960, 1800, {960, 480, 240, 120}, {31, 30, 29, 28}},  // CELT
        Filling{16, 120, 240, {120, 120}, {16, 16}},                     // CELT, 2.5 ms
        Filling{12, 480, 470, {}, {}}                                    // nothing is that short
    )
);

TEST(OpusPassthrough, DoesNotLetTimestampsGrowTheFile) {
    OpusPassthrough kept(800ms);
    Speaker who = speaker(1);
    kept.start(who.start, Instant{});
    const Bytes packet = spoken_tone(kHz, 0.02).at(0);
    for (int i = 0; i < 100; ++i) {
        kept.take(1, testing::build_rtp(who, packet), Instant(testing::kFrame * i));
        ++who.sequence;
        who.rtp_timestamp += 2'000'000'000U;
    }
    media::EncodedSample sample;
    std::int64_t samples = 0;
    while (kept.flush(Instant(2s), sample)) samples += sample.duration;
    EXPECT_NEAR(static_cast<double>(samples), 2 * 48'000.0, 2 * 960.0);
}

TEST(OpusPassthrough, CountsWhatIsNoOpus) {
    OpusPassthrough kept(800ms);
    Speaker who = speaker(1);
    kept.start(who.start, Instant{});
    const Bytes bad{0x03, 0x00};  // Code 3 with no frames.
    EXPECT_TRUE(kept.take(1, testing::build_rtp(who, bad), Instant{}));
    media::EncodedSample sample;
    EXPECT_FALSE(kept.next(Instant{}, sample));
    EXPECT_FALSE(kept.flush(Instant(1s), sample));
    EXPECT_EQ(kept.counters().bad, 1U);
    EXPECT_FALSE(kept.format());
}

TEST(OpusPassthrough, GoesIntoMp4AsItCame) {
    Speaker who = speaker(1);
    const auto packets = spoken_tone(kHz, 4);
    Script call;
    call.start(0ms, who);
    call.speak(500ms, who, packets, [](std::size_t packet) { return packet < 50 || packet >= 75; });
    PipelineSettings settings = passthrough();
    settings.encoding.container = Container::Mp4;
    const Rendered rendered = render(settings, call.records(), 4500ms).value();

    EXPECT_EQ(rendered.start, 500ms);
    EXPECT_EQ(rendered.duration, 4s);
    EXPECT_NE(as_text(rendered.file).find("dOps"), std::string_view::npos);
    auto from = rendered.file.begin();
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (i >= 50 && i < 75) continue;
        from = std::search(from, rendered.file.end(), packets[i].begin(), packets[i].end());
        ASSERT_NE(from, rendered.file.end()) << "packet " << i << " is not there, or not in order";
    }
    const auto samples = decode(rendered.file).front();
    EXPECT_EQ(samples.size(), 4U * 48'000) << "nothing is cut off, what was lost has its time";
    EXPECT_NEAR(level(samples, kHz, 0.1, 0.95), 0.4, 0.01);
    EXPECT_LT(level(samples, kHz, 1.2, 1.45), 0.01);
    EXPECT_NEAR(level(samples, kHz, 1.6, 3.9), 0.4, 0.01);
}

TEST(OpusPassthrough, GoesIntoOggAndMp4Only) {
    PipelineSettings settings = passthrough();
    EXPECT_EQ(
        PipelineSettings::parse(settings.to_string())->encoding.codec, AudioCodec::OpusPassthrough
    );
    for (const Container container : {Container::Mp3, Container::Wav, Container::Flac}) {
        settings.encoding.container = container;
        const auto made = Pipeline::create(settings, testing::header());
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, Errc::InvalidArgument);
    }
}

TEST(OpusPassthrough, WithoutMediaThereIsNoFile) {
    Script call;
    call.start(0ms, speaker(1));
    const auto rendered = render(passthrough(), call.records(), 1s);
    ASSERT_FALSE(rendered);
    EXPECT_EQ(rendered.error().code, Errc::NotFound);
}

}  // namespace
}  // namespace aircheck::recorder
