// What the records may be like: late, out of order, started anew, cut by time in any way, or none.

#include "recorder/pipeline.hpp"
#include "recorder/spoken_call_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

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

/// A second of packets is asked for again and comes two seconds late.
Script call_with_late_packets() {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    const auto payloads = spoken_tone(kLow, 5);
    Speaker on_time = who;
    const auto is_late = [](std::size_t packet) { return packet >= 100 && packet < 150; };
    call.speak(0ms, on_time, payloads, [&](std::size_t packet) { return !is_late(packet); });
    // The first of them at 4 s, among those that are on time.
    Speaker late = who;
    call.speak(2s, late, payloads, is_late);
    return call;
}

TEST(Pipeline, ConcealsALittleOfWhatCameTooLate) {
    const Rendered rendered = render({}, call_with_late_packets().records(), 6s).value();
    const auto samples = decode(rendered.file).front();
    EXPECT_LT(level(samples, kLow, 2.2, 2.95), 0.01);
    EXPECT_NEAR(level(samples, kLow, 3.2, 4.8), 0.4, 0.04);
    EXPECT_EQ(rendered.tracks.front().lost, 50U);
    EXPECT_EQ(rendered.tracks.front().late, 50U);
    EXPECT_GT(rendered.tracks.front().concealed_samples, 0U);
}

TEST(Pipeline, UsesLatePacketsWhenItWaitsLonger) {
    PipelineSettings late;
    late.mix_delay = 10s;
    late.jitter_wait = 9s;
    const Rendered rendered = render(late, call_with_late_packets().records(), 6s).value();
    const auto samples = decode(rendered.file).front();
    const auto found = stretches(samples, kLow);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_NEAR(found.front().end, 5, kFrame);
    EXPECT_NEAR(level(samples, kLow, 2.0, 3.0), 0.4, 0.04);
    EXPECT_EQ(rendered.tracks.front().lost, 0U);
    EXPECT_EQ(rendered.duration, 6s);
}

TEST(Pipeline, TakesArrivalsThatStepBack) {
    Speaker low = speaker(1);
    Speaker high = speaker(2);
    Script call;
    call.start(0ms, low);
    call.start(0ms, high);
    call.speak(0ms, low, spoken_tone(kLow, 3));
    call.speak(7ms, high, spoken_tone(kHigh, 3));
    auto records = call.records();
    // Sockets are drained in batches: what one of them had comes before the other's.
    for (std::size_t i = 2; i + 6 < records.size(); i += 6) {
        std::stable_partition(
            records.begin() + static_cast<std::ptrdiff_t>(i),
            records.begin() + static_cast<std::ptrdiff_t>(i + 6),
            [](const journal::Record& record) {
                return std::get<journal::RtpPacket>(record.body).track == 2;
            }
        );
    }
    ASSERT_FALSE(std::is_sorted(records.begin(), records.end(), [](const auto& a, const auto& b) {
        return a.at < b.at;
    }));
    const Rendered rendered = render({}, records, 4s).value();
    const auto samples = decode(rendered.file).front();
    EXPECT_LE(rendered.start, 7ms);
    for (const double hz : {kLow, kHigh}) {
        const auto found = stretches(samples, hz);
        ASSERT_THAT(found, SizeIs(1));
        EXPECT_NEAR(found.front().end - found.front().begin, 3, kFrame);
    }
    for (const auto& track : rendered.tracks) EXPECT_EQ(track.late + track.lost, 0U);
}

TEST(Pipeline, FollowsASenderThatStartsAnew) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(0ms, who, spoken_tone(kLow, 2));
    who.sequence = static_cast<std::uint16_t>(who.sequence + 20'000);
    who.rtp_timestamp += 0x51234567;
    call.speak(2500ms, who, spoken_tone(kLow, 2));
    const Rendered rendered = render({}, call.records(), 6s).value();
    const auto found = stretches(decode(rendered.file).front(), kLow);
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_NEAR(found[0].end, 2, kFrame);
    EXPECT_NEAR(found[1].begin, 2.5, kFrame);
    EXPECT_NEAR(found[1].end, 4.5, kFrame);
    EXPECT_EQ(rendered.tracks.front().lost, 0U);
}

/// Two speakers with loss and jitter, a mute, a rejoin: enough for every branch to be taken.
Script busy_call() {
    std::mt19937 random(5);
    std::uniform_int_distribution<int> percent(0, 99);
    Speaker low = speaker(1);
    Speaker high = speaker(2);
    Script call;
    call.start(10ms, low);
    call.start(20ms, high);
    const auto lossy = [&](std::size_t) { return percent(random) >= 5; };
    call.speak(30ms, low, spoken_tone(kLow, 3), lossy);
    call.add(1500ms, journal::TrackMute{2});
    call.add(2500ms, journal::TrackUnmute{2});
    call.speak(2500ms, high, spoken_tone(kHigh, 2), lossy);
    call.add(3030ms, journal::TrackEnd{1, "unpublished"});
    Speaker again = rejoined(high, 3);
    call.start(4800ms, again);
    call.speak(4800ms, again, spoken_tone(kHigh, 1), lossy);
    return call;
}

TEST(Pipeline, GivesTheSameBytesForTheSameRecords) {
    const Script call = busy_call();
    const Rendered once = render({}, call.records(), 6s).value();
    const Rendered twice = render({}, call.records(), 6s).value();
    EXPECT_TRUE(once.file == twice.file);
}

TEST(Pipeline, DoesNotCareHowTimeIsCutIntoPieces) {
    const Script call = busy_call();
    const auto records = call.records();
    const Rendered plain = render({}, records, 6s).value();
    std::mt19937 random(7);
    for (int round = 0; round < 3; ++round) {
        std::vector<journal::Record> ticking;
        Nanoseconds now{0};
        for (const journal::Record& record : records) {
            while (record.at > now && random() % 3 != 0) {
                now += Nanoseconds(random() % static_cast<unsigned>((record.at - now).count() + 1));
                ticking.push_back({now, journal::Tick{}});
            }
            now = record.at;
            ticking.push_back(record);
        }
        EXPECT_GT(ticking.size(), records.size());
        EXPECT_TRUE(render({}, ticking, 6s).value().file == plain.file) << "round " << round;
    }
}

TEST(Pipeline, SurvivesPacketsThatAreNone) {
    Speaker who = speaker(1);
    Script call;
    call.start(0ms, who);
    call.speak(0ms, who, spoken_tone(kLow, 2));
    for (const std::size_t size : {0U, 1U, 11U, 12U, 13U, 200U}) {
        call.packet(500ms, 1, Bytes(size, 0xff));
        call.packet(500ms, 99, Bytes(size, 0x80));
        call.add(500ms, journal::RtcpPacket{});
    }
    // Another payload type, and another SSRC, under this track's number.
    Speaker stranger = who;
    stranger.start.ssrc = 4711;
    call.packet(600ms, 1, testing::build_rtp(stranger, Bytes(50, 1)));
    const Rendered rendered = render({}, call.records(), 2s).value();
    EXPECT_EQ(rendered.duration, 2s);
    EXPECT_NEAR(level(decode(rendered.file).front(), kLow, 0.2, 1.8), 0.4, 0.04);
}

}  // namespace
}  // namespace aircheck::recorder
