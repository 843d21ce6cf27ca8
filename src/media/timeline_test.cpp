#include "media/timeline.hpp"

#include "media/media_testing.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <random>
#include <string>

namespace aircheck::media {
namespace {

using namespace testing;
using Arrival = Timeline::Arrival;

constexpr double kMillisecond = kRate / 1000;
constexpr std::int64_t kFirst = 4'000'000'000;

/// A publisher's packets over a path, told to a timeline, without any codec.
struct Stream {
    double drift = 0;  ///< The publisher's clock runs slow by this fraction.
    double delay = 0.03;
    double uniform = 0;
    double exponential = 0;
    double loss = 0;
    std::int64_t first = kFirst;
    std::mt19937 random{1};

    [[nodiscard]] double sent_at(double x) const { return x * (1 + drift); }

    /// Packets of 20 ms with RTP time [from, until) since the first one.
    void run(Timeline& timeline, double from, double until) {
        std::uniform_real_distribution<double> unit(0, 1);
        std::exponential_distribution<double> tail(1);
        for (double x = from; x < until - 1e-9; x += 0.02) {
            const double jitter = uniform * unit(random) + exponential * tail(random);
            if (unit(random) < loss) continue;
            last_segment = timeline.observe(
                rtp_at(x), at_seconds(sent_at(x) + delay + jitter), Arrival::Original
            );
        }
    }
    [[nodiscard]] std::int64_t rtp_at(double x) const { return first + std::llround(x * kRate); }
    /// How many samples later than the path's delay asks for the line puts RTP time x.
    [[nodiscard]] double error_at(const Timeline& timeline, double x) const {
        const double position = timeline.mapping(last_segment).to_position(rtp_at(x));
        return position - (sent_at(x) + delay) * kRate;
    }
    std::uint32_t last_segment = 0;
};

TEST(Timeline, PositionsAndInstantsAreEachOthersReverse) {
    EXPECT_EQ(to_position(kOrigin + 1s, kOrigin), 48000);
    EXPECT_EQ(to_position(kOrigin - 1ns, kOrigin), -1);
    EXPECT_EQ(to_position(kOrigin + std::chrono::hours(24 * 365), kOrigin), 1'513'728'000'000);
    for (const std::int64_t position : {-48001, -1, 0, 1, 7, 47999, 123456789}) {
        EXPECT_EQ(to_position(to_instant(position, kOrigin), kOrigin), position);
    }
}

TEST(Timeline, WithoutJitterTheFirstPacketSaysItAll) {
    Timeline timeline(48000, kOrigin);
    Stream stream;
    stream.run(timeline, 0, 0.02);
    EXPECT_NEAR(stream.error_at(timeline, 0), 0, 1);
    stream.run(timeline, 0.02, 60);
    EXPECT_NEAR(stream.error_at(timeline, 59), 0, 1);
    EXPECT_NEAR(timeline.drift(), 0, 1e-7);
}

struct JitterRow {
    std::string name;
    double drift, uniform, exponential, loss;
    double at_once_ms;  ///< Error allowed after one second …
    double steady_ms;   ///< … and from 10 s on, wherever it is asked.
    friend void PrintTo(const JitterRow& row, std::ostream* out) { *out << row.name; }
};
class TimelineJitter : public ::testing::TestWithParam<JitterRow> {};

TEST_P(TimelineJitter, FindsThePathsFloor) {
    const JitterRow& row = GetParam();
    for (unsigned seed = 1; seed <= 20; ++seed) {
        Timeline timeline(48000, kOrigin);
        Stream stream{
            .drift = row.drift,
            .uniform = row.uniform,
            .exponential = row.exponential,
            .loss = row.loss,
            .random = std::mt19937(seed)};
        stream.run(timeline, 0, 1);
        EXPECT_NEAR(stream.error_at(timeline, 0), 0, row.at_once_ms * kMillisecond);
        double worst = 0;
        for (double x = 1; x < 180; x += 0.1) {
            stream.run(timeline, x, x + 0.1);
            // Rendered one second behind.
            if (x > 10) worst = std::max(worst, std::abs(stream.error_at(timeline, x - 1)));
        }
        EXPECT_LT(worst, row.steady_ms * kMillisecond);
        EXPECT_NEAR(timeline.drift(), row.drift, 15e-6);
    }
}
INSTANTIATE_TEST_SUITE_P(
    Paths,
    TimelineJitter,
    ::testing::Values(
        JitterRow{"Steady", 0, 0, 0, 0, 0.05, 0.05},
        JitterRow{"Loss", 0, 0, 0, 0.3, 0.05, 0.05},
        JitterRow{"SlowClock100ppm", 100e-6, 0, 0, 0, 0.2, 1.0},
        JitterRow{"FastClock100ppm", -100e-6, 0, 0, 0, 0.2, 1.0},
        JitterRow{"SlowClock500ppm", 500e-6, 0, 0, 0, 0.6, 5.0},
        JitterRow{"FastClock500ppm", -500e-6, 0, 0, 0, 0.6, 1.0},
        JitterRow{"Uniform30ms", 0, 0.03, 0, 0.05, 3, 1.0},
        JitterRow{"Exponential30ms", 0, 0, 0.03, 0.05, 4, 1.0},
        JitterRow{"Exponential30msDrift", 100e-6, 0, 0.03, 0.05, 4, 1.5},
        JitterRow{"Exponential200ms", 0, 0, 0.2, 0.05, 25, 5.0}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST(Timeline, DriftOverAnHourLeavesNoDurationError) {
    for (const double drift : {100e-6, -100e-6, 500e-6, -500e-6}) {
        Timeline timeline(48000, kOrigin);
        Stream stream{.drift = drift, .exponential = 0.03, .loss = 0.05};
        stream.run(timeline, 0, 1);
        const double start = stream.error_at(timeline, 0);
        stream.run(timeline, 1, 3600);
        EXPECT_NEAR(stream.error_at(timeline, 3599) - start, 0, 5 * kMillisecond) << drift;
        EXPECT_NEAR(timeline.drift(), drift, 3e-6);
    }
}

TEST(Timeline, ABurstIsPlacedByWhatFollowsIt) {
    // Three seconds of pre-roll all arrive at once, then packets come as they are made.
    Timeline timeline(48000, kOrigin);
    Stream stream;
    for (double x = 0; x < 3; x += 0.02) {
        stream.last_segment =
            timeline.observe(stream.rtp_at(x), at_seconds(3 + stream.delay), Arrival::Original);
    }
    EXPECT_EQ(timeline.resets(), 0U);
    stream.run(timeline, 3, 3.5);
    EXPECT_NEAR(stream.error_at(timeline, 0), 0, kMillisecond / 10);
}

TEST(Timeline, AStallAndItsBurstChangeNothing) {
    Timeline timeline(48000, kOrigin);
    Stream stream;
    stream.run(timeline, 0, 20);
    for (double x = 20; x < 22; x += 0.02) {
        timeline.observe(stream.rtp_at(x), at_seconds(22 + stream.delay), Arrival::Original);
        EXPECT_NEAR(stream.error_at(timeline, x), 0, kMillisecond) << x;
    }
    stream.run(timeline, 22, 30);
    EXPECT_EQ(timeline.resets(), 0U);
    EXPECT_NEAR(stream.error_at(timeline, 21), 0, kMillisecond);
    EXPECT_NEAR(timeline.drift(), 0, 5e-6);
}

TEST(Timeline, RetransmissionsTeachNothing) {
    Timeline timeline(48000, kOrigin);
    Stream stream;
    // The first to arrive is a retransmission: a guess until an original comes.
    timeline.observe(stream.rtp_at(0), at_seconds(0.4), Arrival::Retransmitted);
    EXPECT_GT(stream.error_at(timeline, 0), 300 * kMillisecond);
    stream.run(timeline, 0.02, 15);
    EXPECT_NEAR(stream.error_at(timeline, 0), 0, kMillisecond);
    // Later ones are not taken for a slower path, even when for long nothing else comes.
    for (double x = 15; x < 40; x += 0.02) {
        timeline.observe(stream.rtp_at(x), at_seconds(x + 0.3), Arrival::Retransmitted);
    }
    EXPECT_NEAR(stream.error_at(timeline, 40), 0, kMillisecond);
}

TEST(Timeline, ALastingChangeOfThePathIsFollowedAndIsNotDrift) {
    for (const double step : {0.04, -0.02}) {
        Timeline timeline(48000, kOrigin);
        Stream stream{.drift = 50e-6, .uniform = 0.005};
        stream.run(timeline, 0, 120);
        stream.delay += step;
        stream.run(timeline, 120, 140);
        EXPECT_NEAR(stream.error_at(timeline, 139), 0, 1.5 * kMillisecond) << step;
        for (double x = 140; x < 400; x += 10) {
            stream.run(timeline, x, x + 10);
            EXPECT_NEAR(timeline.drift(), 50e-6, 30e-6) << step << " at " << x;
        }
    }
}

TEST(Timeline, AHoleOfAMinuteKeepsTheLine) {
    Timeline timeline(48000, kOrigin);
    Stream stream{.drift = 80e-6, .exponential = 0.03};
    stream.run(timeline, 0, 120);
    // The first packet after the hole comes 250 ms late.
    timeline.observe(
        stream.rtp_at(180), at_seconds(stream.sent_at(180) + stream.delay + 0.25), Arrival::Original
    );
    EXPECT_EQ(timeline.resets(), 0U);
    EXPECT_NEAR(stream.error_at(timeline, 180), 0, 6 * kMillisecond);
}

struct JumpRow {
    std::string name;
    std::int64_t by;  ///< Ticks that the timestamps jump by, while time goes on.
    std::uint32_t resets;
    friend void PrintTo(const JumpRow& row, std::ostream* out) { *out << row.name; }
};
class TimelineJump : public ::testing::TestWithParam<JumpRow> {};

TEST_P(TimelineJump, BeginsASegmentOfItsOwn) {
    const JumpRow& row = GetParam();
    Timeline timeline(48000, kOrigin);
    Stream stream{.drift = 100e-6};
    stream.run(timeline, 0, 30);
    const std::int64_t old_rtp = stream.rtp_at(29);
    const double old_position = timeline.mapping(0).to_position(old_rtp);
    stream.first += row.by;
    stream.run(timeline, 30, 31);
    EXPECT_EQ(timeline.resets(), row.resets);
    EXPECT_EQ(stream.last_segment, row.resets);
    EXPECT_NEAR(stream.error_at(timeline, 30), 0, kMillisecond);
    EXPECT_NEAR(timeline.mapping(0).to_position(old_rtp), old_position, kMillisecond);
}
INSTANTIATE_TEST_SUITE_P(
    Jumps,
    TimelineJump,
    ::testing::Values(
        JumpRow{"Forward", 48000 * 100, 1},
        JumpRow{"Backward", -48000 * 10, 1},
        JumpRow{"HalfTheRange", std::int64_t{1} << 31, 1},
        JumpRow{"BackHalfTheRange", -(std::int64_t{1} << 31), 1}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST(Timeline, SegmentsLongGoneAreForgotten) {
    Timeline timeline(48000, kOrigin);
    for (int i = 0; i < 50; ++i) {
        timeline.observe((i % 2) * 48'000'000, at_seconds(i), Arrival::Original);
    }
    EXPECT_EQ(timeline.resets(), 49U);
    EXPECT_FALSE(timeline.has_mapping(0));
    EXPECT_FALSE(timeline.has_mapping(40));
    for (std::uint32_t segment = 41; segment < 50; ++segment) {
        ASSERT_TRUE(timeline.has_mapping(segment));
        const std::int64_t rtp = (segment % 2) * 48'000'000;
        EXPECT_NEAR(timeline.mapping(segment).to_position(rtp), segment * kRate, 1) << segment;
    }
}

std::uint64_t ntp_at(double seconds) {
    return static_cast<std::uint64_t>((3'900'000'000.0 + seconds) * 4294967296.0);
}

TEST(Timeline, SenderReportsBringAParticipantsTracksInLine) {
    // Two tracks of one publisher, one over a path that is 35 ms slower; their NTP clock is ours
    // plus 3.9e9 seconds, told with 2 ms of noise.
    Timeline fast(48000, kOrigin);
    Timeline slow(90000, kOrigin);
    Timeline lone(48000, kOrigin);
    std::mt19937 random(3);
    std::uniform_real_distribution<double> noise(-0.002, 0.002);
    for (int i = 0; i < 1000; ++i) {
        const double x = i * 0.02;
        fast.observe(kFirst + std::llround(x * 48000), at_seconds(x + 0.01), Arrival::Original);
        slow.observe(std::llround(x * 90000), at_seconds(x + 0.045), Arrival::Original);
        lone.observe(std::llround(x * 48000), at_seconds(x + 0.1), Arrival::Original);
        if (i % 150 != 100) continue;
        const Instant now = at_seconds(x + 0.05);
        // On the wire the timestamp has 32 bits: the fast track's wraps after six seconds.
        const auto fast_rtp = static_cast<std::uint32_t>(kFirst + std::llround(x * 48000));
        fast.report({ntp_at(x + noise(random)), fast_rtp, now});
        slow.report(
            {ntp_at(x + noise(random)), static_cast<std::uint32_t>(std::llround(x * 90000)), now}
        );
    }
    Timeline* tracks[] = {&fast, &slow, &lone};
    align_participant(tracks);
    const double fast_position = fast.mapping(0).to_position(kFirst + 10 * 48000);
    const double slow_position = slow.mapping(0).to_position(10 * 90000);
    EXPECT_NEAR(fast_position, 10.01 * kRate, 3 * kMillisecond);
    EXPECT_NEAR(slow_position - fast_position, 0, 3 * kMillisecond);
    EXPECT_EQ(lone.alignment(), 0);
}

TEST(Timeline, ReportsThatContradictArrivalsAreNotBelieved) {
    Timeline first(48000, kOrigin);
    Timeline second(48000, kOrigin);
    for (int i = 0; i < 500; ++i) {
        const double x = i * 0.02;
        first.observe(std::llround(x * 48000), at_seconds(x), Arrival::Original);
        second.observe(std::llround(x * 48000), at_seconds(x), Arrival::Original);
        if (i % 100 != 50) continue;
        const auto rtp = static_cast<std::uint32_t>(std::llround(x * 48000));
        first.report({ntp_at(x), rtp, at_seconds(x)});
        second.report({ntp_at(x + 0.7), rtp, at_seconds(x)});
    }
    Timeline* tracks[] = {&first, &second};
    align_participant(tracks);
    EXPECT_EQ(first.alignment(), 0);
    EXPECT_EQ(second.alignment(), 0);
}

}  // namespace
}  // namespace aircheck::media
