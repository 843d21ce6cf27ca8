#include "recorder/pipeline.hpp"

#include "recorder/spoken_call_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::recorder {
namespace {

using testing::decode;
using testing::level;
using testing::rejoined;
using testing::render;
using testing::Rendered;
using testing::Script;
using ::testing::SizeIs;
using testing::speaker;
using testing::Speaker;
using testing::spoken_tone;
using testing::stretches;

// Both lie on the 50 Hz raster of testing::stretches().
constexpr double kLow = 450;
constexpr double kHigh = 1000;
constexpr double kFrame = 0.02;
/// Encoder and decoder together delay by 6.5 ms (RFC 6716: 312 samples).
constexpr double kCodecDelay = 0.0065;

PipelineSettings stereo(Mixing mixing) {
    PipelineSettings settings;
    settings.mixing = mixing;
    settings.encoding.channels = 2;
    settings.encoding.bitrate_bps = 96'000;
    return settings;
}

std::size_t samples_in(Nanoseconds duration) {
    return static_cast<std::size_t>(duration / 1us * 48 / 1000);
}

TEST(Pipeline, HearsTwoSpeakersForAsLongAsTheySpoke) {
    Speaker low = speaker(1);
    Speaker high = speaker(2);
    Script call;
    call.start(100ms, low);
    call.start(200ms, high);
    call.speak(500ms, low, spoken_tone(kLow, 3));
    call.speak(1500ms, high, spoken_tone(kHigh, 1));
    const Rendered rendered = render({}, call.records(), 5003ms).value();

    EXPECT_EQ(rendered.start, 500ms);
    EXPECT_EQ(rendered.duration, 4503ms);
    const auto samples = decode(rendered.file).front();
    // ffmpeg plays the last AAC frame whole, whatever the file says of its length.
    EXPECT_GE(samples.size(), samples_in(4503ms));
    EXPECT_LT(samples.size(), samples_in(4503ms) + 1024);
    const auto lows = stretches(samples, kLow);
    const auto highs = stretches(samples, kHigh);
    ASSERT_THAT(lows, SizeIs(1));
    ASSERT_THAT(highs, SizeIs(1));
    EXPECT_NEAR(lows.front().begin, 0 + kCodecDelay, kFrame);
    EXPECT_NEAR(lows.front().end, 3.0, kFrame);
    EXPECT_NEAR(highs.front().begin, 1.0 + kCodecDelay, kFrame);
    EXPECT_NEAR(highs.front().end, 2.0, kFrame);
    EXPECT_NEAR(level(samples, kLow, 0.2, 0.9), 0.4, 0.04);
    EXPECT_LT(level(samples, kLow, 3.05, 4.4), 0.001);
}

TEST(Pipeline, GivesTheHeaderWithTheFirstOutput) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(2s, who, spoken_tone(kLow, 4));
    auto pipeline = Pipeline::create({}, testing::header()).value();
    Bytes out;
    for (const auto& record : call.records()) {
        ASSERT_TRUE(pipeline->feed(record, out));
        EXPECT_EQ(pipeline->has_media(), record.at >= 2s);
        if (record.at < 3s) {
            ASSERT_TRUE(out.empty()) << "before the mix's delay was over";
            ASSERT_EQ(pipeline->header_bytes(), 0U);
            ASSERT_FALSE(pipeline->start());
        }
    }
    ASSERT_GT(out.size(), pipeline->header_bytes());
    EXPECT_EQ(as_text(out).substr(4, 4), "ftyp");
    // After the header comes the first fragment.
    EXPECT_EQ(as_text(out).substr(pipeline->header_bytes() + 4, 4), "moof");
    EXPECT_EQ(pipeline->start(), 2s);
    EXPECT_EQ(pipeline->duration(), 2500ms);  // at 5.98 s: the tick at 5.5 s, 1 s behind
}

TEST(Pipeline, AppendsTheWholeFileWhenItEndsWithinTheFirstSecond) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(10ms, who, spoken_tone(kLow, 0.4));
    const Rendered rendered = render({}, call.records(), 410ms).value();
    EXPECT_EQ(rendered.duration, 400ms);
    EXPECT_NEAR(level(decode(rendered.file).front(), kLow, 0.1, 0.3), 0.4, 0.05);
}

TEST(Pipeline, HasNoFileWithoutMedia) {
    Script call;
    call.start(0ms, speaker(1));
    call.ticks(0s, 5s);
    const auto rendered = render({}, call.records(), 5s);
    ASSERT_FALSE(rendered);
    EXPECT_EQ(rendered.error().code, Errc::NotFound);
}

TEST(Pipeline, LeavesEncryptedAndVideoTracksOut) {
    Speaker sealed = speaker(1);
    sealed.start.encryption = journal::Encryption::Gcm;
    Speaker video = speaker(2);
    video.start.kind = journal::TrackKind::Video;
    Script call;
    call.start(0ms, sealed);
    call.start(0ms, video);
    call.speak(500ms, sealed, spoken_tone(kHigh, 2));
    call.speak(500ms, video, spoken_tone(kHigh, 2));
    const auto only_sealed = render({}, call.records(), 3s);
    ASSERT_FALSE(only_sealed);
    EXPECT_EQ(only_sealed.error().code, Errc::NotFound);

    Speaker clear = speaker(3);
    call.start(0ms, clear);
    call.speak(1s, clear, spoken_tone(kLow, 1));
    const Rendered rendered = render({}, call.records(), 3s).value();
    EXPECT_EQ(rendered.start, 1s);
    ASSERT_THAT(rendered.tracks, SizeIs(1));
    EXPECT_EQ(rendered.tracks.front().track_sid, "TR_3");
    EXPECT_LT(level(decode(rendered.file).front(), kHigh, 0, 2), 0.005);
}

TEST(Pipeline, KeepsTheLengthOfAMute) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(1s, who, spoken_tone(kLow, 1));
    call.add(2s, journal::TrackMute{1});
    testing::pause(who, 125);
    call.add(4500ms, journal::TrackUnmute{1});
    call.speak(4500ms, who, spoken_tone(kLow, 1));
    call.ticks(1s, 7s);
    const Rendered rendered = render({}, call.records(), 7s).value();
    const auto samples = decode(rendered.file).front();
    const auto found = stretches(samples, kLow);
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_NEAR(found[0].begin, 0, kFrame);
    EXPECT_NEAR(found[0].end, 1, kFrame);
    EXPECT_NEAR(found[1].begin, 3.5, kFrame);
    EXPECT_NEAR(found[1].end, 4.5, kFrame);
    EXPECT_LT(level(samples, kLow, 1.06, 3.44), 0.001);
    EXPECT_EQ(rendered.tracks.front().lost, 0U);
}

TEST(Pipeline, GoesFromATrackThatEndsToANewOne) {
    Speaker first = speaker(1);
    Speaker second = speaker(2);
    Script call;
    call.start(0ms, first);
    call.speak(0ms, first, spoken_tone(kLow, 2));
    call.add(2s, journal::TrackEnd{1, "unpublished"});
    call.ticks(2s, 6s);
    call.start(6s, second);
    call.speak(6s, second, spoken_tone(kHigh, 1));
    const Rendered rendered = render({}, call.records(), 8s).value();
    const auto samples = decode(rendered.file).front();
    const auto lows = stretches(samples, kLow);
    const auto highs = stretches(samples, kHigh);
    ASSERT_THAT(lows, SizeIs(1));
    ASSERT_THAT(highs, SizeIs(1));
    EXPECT_NEAR(lows.front().end, 2, kFrame);
    EXPECT_NEAR(highs.front().begin, 6, kFrame);
    EXPECT_NEAR(highs.front().end, 7, kFrame);
    ASSERT_THAT(rendered.tracks, SizeIs(2));
    EXPECT_EQ(rendered.tracks[0].identity, "user-1");
    EXPECT_EQ(rendered.tracks[1].identity, "user-2");
}

struct RejoinRow {
    std::string name;
    Nanoseconds away;  ///< From the old stream's last packet to the new one's first.
    bool told_to_end = false;
    friend void PrintTo(const RejoinRow& row, std::ostream* out) { *out << row.name; }
};
class PipelineRejoin : public ::testing::TestWithParam<RejoinRow> {};

TEST_P(PipelineRejoin, KeepsTheTracksChannel) {
    const RejoinRow& row = GetParam();
    Speaker left = speaker(1);
    Speaker right = speaker(2);
    Script call;
    call.start(0ms, left);
    call.start(0ms, right);
    call.speak(0ms, left, spoken_tone(kLow, 2));
    call.speak(0ms, right, spoken_tone(kHigh, 2));
    if (row.told_to_end) {
        call.add(2s, journal::TrackEnd{1, "not offered"});
        call.add(2s, journal::TrackEnd{2, "not offered"});
    }
    const Nanoseconds back = 2s + row.away;
    call.ticks(2s, back, 100ms);
    // The other one is offered first now: without its memory, the mixer would put it left.
    Speaker right_again = rejoined(right, 3);
    Speaker left_again = rejoined(left, 4);
    call.start(back, right_again);
    call.start(back, left_again);
    call.speak(back, right_again, spoken_tone(kHigh, 2));
    call.speak(back, left_again, spoken_tone(kLow, 2));
    const Rendered rendered =
        render(stereo(Mixing::DualChannelAlternate), call.records(), back + 3s).value();

    const auto samples = decode(rendered.file, 2);
    const double again = to_seconds(back);
    for (const auto& [channel, own, other] :
         {std::tuple{0, kLow, kHigh}, std::tuple{1, kHigh, kLow}}) {
        SCOPED_TRACE(channel);
        const auto& side = samples[static_cast<std::size_t>(channel)];
        EXPECT_NEAR(level(side, own, 0.2, 1.8), 0.4, 0.05);
        EXPECT_NEAR(level(side, own, again + 0.2, again + 1.8), 0.4, 0.05);
        EXPECT_LT(level(side, other, 0, again + 3), 0.005);
        const auto found = stretches(side, own);
        EXPECT_NEAR(found.back().begin, again, kFrame);
        EXPECT_NEAR(found.back().end, again + 2, kFrame);
    }
    for (const auto& track : rendered.tracks) EXPECT_EQ(track.lost, 0U) << track.track_sid;
}

INSTANTIATE_TEST_SUITE_P(
    Away,
    PipelineRejoin,
    ::testing::Values(
        RejoinRow{"NotAtAll", 20ms},
        RejoinRow{"ForAWhile", 3s},
        RejoinRow{"ToldAndSoonBack", 300ms, true},
        RejoinRow{"ToldAndBackWhilePlayed", 1200ms, true},
        RejoinRow{"ToldAndBackWhenGone", 5s, true}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(Pipeline, PutsAgentsLeftAndOthersRight) {
    Speaker caller = speaker(1, journal::ParticipantKind::Sip);
    Speaker agent = speaker(2, journal::ParticipantKind::Agent);
    Speaker listener = speaker(3);
    Script call;
    for (Speaker* who : {&caller, &agent, &listener}) call.start(0ms, *who);
    call.speak(0ms, caller, spoken_tone(kLow, 2));
    call.speak(0ms, agent, spoken_tone(kHigh, 2));
    call.speak(0ms, listener, spoken_tone(2000, 2));
    const auto samples =
        decode(render(stereo(Mixing::DualChannelAgent), call.records(), 2s).value().file, 2);
    EXPECT_NEAR(level(samples[0], kHigh, 0.2, 1.8), 0.4, 0.05);
    EXPECT_LT(level(samples[0], kLow, 0.2, 1.8), 0.005);
    EXPECT_LT(level(samples[0], 2000, 0.2, 1.8), 0.005);
    EXPECT_NEAR(level(samples[1], kLow, 0.2, 1.8), 0.4, 0.05);
    EXPECT_NEAR(level(samples[1], 2000, 0.2, 1.8), 0.4, 0.05);
    EXPECT_LT(level(samples[1], kHigh, 0.2, 1.8), 0.005);
}

TEST(Pipeline, AlternatesTracksByArrival) {
    Speaker all[] = {speaker(1), speaker(2), speaker(3)};
    const double tones[] = {kLow, kHigh, 2000};
    Script call;
    for (std::size_t i = 0; i < 3; ++i) {
        call.start(Nanoseconds(i), all[i]);
        call.speak(Nanoseconds(i), all[i], spoken_tone(tones[i], 2));
    }
    const auto samples =
        decode(render(stereo(Mixing::DualChannelAlternate), call.records(), 2s).value().file, 2);
    EXPECT_NEAR(level(samples[0], kLow, 0.2, 1.8), 0.4, 0.05);
    EXPECT_NEAR(level(samples[0], 2000, 0.2, 1.8), 0.4, 0.05);
    EXPECT_LT(level(samples[0], kHigh, 0.2, 1.8), 0.005);
    EXPECT_NEAR(level(samples[1], kHigh, 0.2, 1.8), 0.4, 0.05);
}

TEST(Pipeline, WritesOpusInOgg) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(300ms, who, spoken_tone(kLow, 2));
    PipelineSettings settings;
    settings.encoding.container = Container::Ogg;
    settings.encoding.codec = AudioCodec::Opus;
    const Rendered rendered = render(settings, call.records(), 3001ms).value();
    EXPECT_EQ(as_text(rendered.file).substr(0, 4), "OggS");
    EXPECT_EQ(rendered.duration, 2701ms);
    const auto samples = decode(rendered.file).front();
    EXPECT_EQ(samples.size(), samples_in(2701ms));
    const auto found = stretches(samples, kLow);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_NEAR(found.front().begin, 0, kFrame);
    EXPECT_NEAR(found.front().end, 2, kFrame);
}

Bytes joined(const std::vector<mux::TsSegment>& segments) {
    Bytes all;
    for (const auto& segment : segments) {
        all.insert(all.end(), segment.bytes.begin(), segment.bytes.end());
    }
    return all;
}

/// A file and segments of 1 s from one call: the tone is in both, where it was said.
TEST(Pipeline, MakesSegmentsBesideAFileOfAnyKind) {
    for (const Container container : {Container::Mp4, Container::Ogg}) {
        Speaker who = speaker(1);
        Script call;
        call.start(0ms, who);
        call.speak(300ms, who, spoken_tone(kLow, 3));
        PipelineSettings settings;
        settings.segments = Segmenting{1s, settings.encoding};
        settings.encoding.container = container;
        if (container == Container::Ogg) settings.encoding.codec = AudioCodec::Opus;
        auto pipeline = Pipeline::create(settings, testing::header()).value();
        Bytes body;
        for (const auto& record : call.records()) ASSERT_TRUE(pipeline->feed(record, body));
        auto segments = pipeline->take_segments();
        EXPECT_GE(segments.size(), 1U) << "while the call goes on";
        const auto finished = pipeline->finish(4300ms).value();
        for (auto& segment : pipeline->take_segments()) segments.push_back(std::move(segment));
        ASSERT_GE(segments.size(), 4U);
        // The encoder's priming comes before what was heard first.
        const Nanoseconds start = segments.front().start - testing::header().wall_start;
        EXPECT_NEAR(to_seconds(start), 0.3, 0.05);
        body.insert(body.end(), finished.tail.begin(), finished.tail.end());
        const Bytes file = testing::assemble(body, pipeline->header_bytes(), finished.head);
        for (const Bytes& output : {file, joined(segments)}) {
            const auto found = stretches(decode(output).front(), kLow);
            ASSERT_THAT(found, SizeIs(1));
            // A transport stream does not say how long its encoder's priming is.
            EXPECT_NEAR(found.front().end - found.front().begin, 3, 2 * kFrame);
        }
    }
}

TEST(Pipeline, MakesSegmentsWithoutAFile) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(300ms, who, spoken_tone(kLow, 2));
    PipelineSettings settings;
    settings.makes_file = false;
    settings.segments = Segmenting{1s, settings.encoding};
    auto pipeline = Pipeline::create(settings, testing::header()).value();
    Bytes body;
    for (const auto& record : call.records()) ASSERT_TRUE(pipeline->feed(record, body));
    const auto finished = pipeline->finish(2300ms).value();
    EXPECT_TRUE(body.empty());
    EXPECT_TRUE(finished.tail.empty());
    EXPECT_EQ(finished.duration, 2s);
    const auto samples = decode(joined(pipeline->take_segments())).front();
    EXPECT_NEAR(level(samples, kLow, 0.5, 1.5), 0.4, 0.04);
}

TEST(Pipeline, RefusesImpossibleEncodings) {
    PipelineSettings settings;
    settings.encoding.container = Container::Ogg;
    settings.encoding.codec = AudioCodec::Aac;
    EXPECT_EQ(Pipeline::create(settings, testing::header()).error().code, Errc::InvalidArgument);
    settings = {};
    settings.encoding.channels = 3;
    EXPECT_EQ(Pipeline::create(settings, testing::header()).error().code, Errc::InvalidArgument);
    settings = {};
    settings.segments = Segmenting{};
    settings.segments->encoding.channels = 2;
    EXPECT_EQ(Pipeline::create(settings, testing::header()).error().code, Errc::InvalidArgument);
}

}  // namespace
}  // namespace aircheck::recorder
