#include "sim/publisher.hpp"

#include "rtp/packet.hpp"
#include "rtp/rtcp.hpp"

#include <gtest/gtest.h>

namespace aircheck::sim {
namespace {

struct Seen {
    std::uint16_t sequence_number;
    std::uint32_t timestamp;
    bool marker;
    std::string payload, packet;
    Nanoseconds at;
};

struct Far final : Publisher::Output {
    void publish(BytesView packet) override {
        const auto view = rtp::PacketView::parse(packet).value();
        seen.push_back(
            {view.sequence_number.value(),
             view.timestamp.value(),
             view.marker,
             to_hex(view.payload),
             to_hex(packet),
             now}
        );
    }
    std::vector<Seen> seen;
    Nanoseconds now{0};
};

Far run(Publisher& publisher, Nanoseconds until) {
    Far far;
    for (; far.now < until; far.now += 2ms) publisher.run(far.now, far);
    return far;
}

Caller tone_caller() {
    Caller caller;
    caller.identity = "a";
    caller.utterances = {{0ns, Voice::tone(440, 0.2).value()}};
    return caller;
}

TEST(Publisher, APacketEach20MillisecondsFromStartToStop) {
    auto caller = tone_caller();
    caller.start = 1s;
    caller.stop = 3s;
    Publisher publisher(caller, 1);
    EXPECT_EQ(publisher.presence(999ms), Publisher::Presence::Away);
    EXPECT_EQ(publisher.presence(1s), Publisher::Presence::Here);
    EXPECT_EQ(publisher.presence(3s), Publisher::Presence::Gone);
    const auto far = run(publisher, 5s);
    ASSERT_EQ(far.seen.size(), 100u);
    EXPECT_EQ(far.seen[0].at, 1s);
    EXPECT_TRUE(far.seen[0].marker);
    for (std::size_t i = 1; i < far.seen.size(); ++i) {
        const auto& last = far.seen[i - 1];
        EXPECT_EQ(
            far.seen[i].sequence_number, static_cast<std::uint16_t>(last.sequence_number + 1)
        );
        EXPECT_EQ(far.seen[i].timestamp, last.timestamp + 960);
        EXPECT_EQ(far.seen[i].at, last.at + 20ms);
        EXPECT_FALSE(far.seen[i].marker);
    }
}

TEST(Publisher, AMuteIsASecondOfSilenceThenAHoleInTime) {
    auto caller = tone_caller();
    caller.muted = {{2s, 6s}};
    Publisher publisher(caller, 1);
    EXPECT_FALSE(publisher.is_muted(1999ms));
    EXPECT_TRUE(publisher.is_muted(2s));
    EXPECT_FALSE(publisher.is_muted(6s));
    const auto far = run(publisher, 8s);
    ASSERT_EQ(far.seen.size(), 100u + 50 + 100);
    EXPECT_NE(far.seen[99].payload, "f8fffe");
    EXPECT_EQ(far.seen[100].payload, "f8fffe");
    EXPECT_EQ(far.seen[149].payload, "f8fffe");
    const auto& back = far.seen[150];
    EXPECT_EQ(back.at, 6s);
    EXPECT_TRUE(back.marker);
    EXPECT_NE(back.payload, "f8fffe");
    EXPECT_EQ(back.timestamp, far.seen[0].timestamp + 6 * 48'000);
    EXPECT_EQ(back.sequence_number, static_cast<std::uint16_t>(far.seen[149].sequence_number + 1));
}

TEST(Publisher, AFastSoundCardSendsMore) {
    auto fast = tone_caller(), slow = tone_caller();
    fast.drift_ppm = 1000;
    slow.drift_ppm = -1000;
    Publisher a(fast, 1), b(slow, 1);
    // 1000 s: 50 000 frames, 50 more or fewer.
    EXPECT_NEAR(static_cast<double>(run(a, 1000s).seen.size()), 50'050, 1);
    EXPECT_NEAR(static_cast<double>(run(b, 1000s).seen.size()), 49'950, 1);
}

TEST(Publisher, UtterancesBeginWhenTheyShould) {
    Caller caller;
    caller.utterances = {
        {500ms, Voice::tone(440, 0.2).value()},
        {1s, Voice::from_pcm(std::vector<std::int16_t>(4'800), {}).value()}};
    Publisher publisher(caller, 1);
    const auto far = run(publisher, 2s);
    ASSERT_EQ(far.seen.size(), 100u);
    EXPECT_EQ(far.seen[24].payload, "f8fffe");
    EXPECT_EQ(far.seen[25].payload, to_hex(Voice::tone(440, 0.2).value()->frame(0)));
    EXPECT_EQ(far.seen[55].payload, "f8fffe") << "the second is 100 ms long";
}

TEST(Publisher, RepeatsTheLast200) {
    Publisher publisher(tone_caller(), 1);
    const auto far = run(publisher, 10s);
    ASSERT_EQ(far.seen.size(), 500u);
    Bytes out;
    for (std::size_t i = 300; i < 500; ++i) {
        ASSERT_TRUE(publisher.repeat(far.seen[i].sequence_number, out)) << i;
        EXPECT_EQ(to_hex(out), far.seen[i].packet);
    }
    EXPECT_FALSE(publisher.repeat(far.seen[299].sequence_number, out));
    EXPECT_FALSE(
        publisher.repeat(static_cast<std::uint16_t>(far.seen[499].sequence_number + 1), out)
    );
}

TEST(Publisher, ReportsTieItsOwnClockToItsTimestamps) {
    auto caller = tone_caller();
    caller.start = 1s;
    caller.drift_ppm = 100;
    Publisher publisher(caller, 1);
    const auto far = run(publisher, 11s);
    const auto report_at = [&](Nanoseconds room_time) {
        Bytes bytes;
        publisher.append_report(room_time, "PA_x|TR_y", bytes);
        const auto parsed = rtp::parse_rtcp(bytes).value();
        EXPECT_EQ(std::get<rtp::SourceDescription>(parsed[1]).cname, "PA_x|TR_y");
        return std::get<rtp::SenderReport>(parsed[0]);
    };
    const auto first = report_at(1s), later = report_at(3601s);
    EXPECT_EQ(first.rtp_timestamp.value(), far.seen[0].timestamp);
    EXPECT_EQ(first.packet_count, 500u);
    // An hour by a clock that is 100 ppm fast: 360 ms more, in both of its units.
    EXPECT_NEAR(to_seconds(later.ntp.since(first.ntp)), 3600.36, 1e-6);
    EXPECT_NEAR(later.rtp_timestamp.value() - first.rtp_timestamp.value(), 3600.36 * 48'000, 1.0);
}

TEST(Publisher, TwoCallersHaveNothingInCommon) {
    Publisher a(tone_caller(), 1), b(tone_caller(), 2);
    EXPECT_NE(a.ssrc(), b.ssrc());
    EXPECT_NE(run(a, 20ms).seen[0].timestamp, run(b, 20ms).seen[0].timestamp);
}

}  // namespace
}  // namespace aircheck::sim
