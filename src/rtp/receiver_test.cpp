#include "rtp/receiver.hpp"

#include <gtest/gtest.h>

namespace aircheck::rtp {
namespace {

constexpr std::uint32_t kSsrc = 7;
constexpr std::uint32_t kClockRate = 48000;

PacketView packet(int number, std::uint32_t timestamp = 0) {
    PacketView view;
    view.sequence_number = SequenceNumber(static_cast<std::uint16_t>(number));
    view.timestamp = RtpTimestamp(timestamp);
    view.ssrc = kSsrc;
    return view;
}

class ReceiveStatisticsTest : public testing::Test {
protected:
    using Verdict = ReceiveStatistics::Verdict;

    Verdict receive(int number) { return statistics_.on_packet(packet(number), Instant{}); }
    void receive_range(int first, int last) {
        for (int number = first; number <= last; ++number) receive(number);
    }

    ReceiveStatistics statistics_{kSsrc, kClockRate};
};

TEST_F(ReceiveStatisticsTest, NothingYet) {
    EXPECT_EQ(statistics_.report(Instant(1s)), (ReportBlock{kSsrc, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(statistics_.lost(), 0u);
    EXPECT_FALSE(statistics_.last_arrival());
}

TEST_F(ReceiveStatisticsTest, CountsLossAcrossTheWrap) {
    receive_range(65530, 65533);
    receive_range(65536 + 2, 65536 + 5);  // 65534, 65535, 0, 1 are missing
    const ReportBlock block = statistics_.report(Instant{});
    EXPECT_EQ(block.cumulative_lost, 4);
    EXPECT_EQ(block.highest_sequence, 0x10005u);
    EXPECT_EQ(block.fraction_lost, 4 * 256 / 12);
    EXPECT_EQ(statistics_.lost(), 4u);
}

TEST_F(ReceiveStatisticsTest, FractionIsOfTheInterval) {
    receive_range(0, 9);
    EXPECT_EQ(statistics_.report(Instant{}).fraction_lost, 0);
    receive_range(15, 19);  // 5 of 10
    EXPECT_EQ(statistics_.report(Instant{}).fraction_lost, 128);
    receive_range(10, 14);  // found again: a negative loss is told as none
    EXPECT_EQ(statistics_.report(Instant{}).fraction_lost, 0);
    EXPECT_EQ(statistics_.report(Instant{}).cumulative_lost, 0);
}

TEST_F(ReceiveStatisticsTest, LossOfNearlyEverythingStaysInEightBits) {
    receive(0);
    receive(2999);
    receive(5998);
    EXPECT_EQ(statistics_.report(Instant{}).fraction_lost, 5996 * 256 / 5999);
}

TEST_F(ReceiveStatisticsTest, DuplicatesMakeTheLossNegative) {
    receive(1);
    receive(1);
    receive(1);
    EXPECT_EQ(statistics_.report(Instant{}).cumulative_lost, -2);
    EXPECT_EQ(statistics_.lost(), 0u);
}

TEST_F(ReceiveStatisticsTest, AStrayPacketIsIgnored) {
    receive_range(0, 9);
    EXPECT_EQ(receive(30000), Verdict::Suspicious);
    EXPECT_EQ(receive(10), Verdict::Counted);
    const ReportBlock block = statistics_.report(Instant{});
    EXPECT_EQ(block.highest_sequence, 10u);
    EXPECT_EQ(block.cumulative_lost, 0);
}

TEST_F(ReceiveStatisticsTest, TwoInSequenceRestart) {
    receive_range(0, 9);
    EXPECT_EQ(receive(40000), Verdict::Suspicious);
    EXPECT_EQ(receive(40001), Verdict::Restarted);
    EXPECT_EQ(receive(40003), Verdict::Counted);
    const ReportBlock block = statistics_.report(Instant{});
    EXPECT_EQ(block.highest_sequence, 40003u);
    EXPECT_EQ(block.cumulative_lost, 1);
    EXPECT_EQ(statistics_.received(), 3u);
    EXPECT_EQ(statistics_.restarts(), 1u);
}

TEST_F(ReceiveStatisticsTest, DropoutAndMisorderLimits) {
    receive(10000);
    EXPECT_EQ(receive(13000), Verdict::Counted);
    EXPECT_EQ(receive(16001), Verdict::Suspicious);
    EXPECT_EQ(receive(12000), Verdict::Counted);
    EXPECT_EQ(receive(11999), Verdict::Suspicious);
}

// RFC 3550 §A.8 by hand: transit differs by 48 ticks (1 ms), then by 0, then by 96 the other way.
TEST_F(ReceiveStatisticsTest, JitterIsARunningMeanOfSixteen) {
    const auto at = [&](int number, std::uint32_t timestamp, Nanoseconds arrival) {
        statistics_.on_packet(packet(number, timestamp), Instant(arrival));
    };
    at(0, 0xfffffc40, 0ms);
    at(1, 0, 21ms);  // 960 ticks are 20 ms
    EXPECT_EQ(statistics_.report(Instant{}).jitter, 3u);
    at(2, 960, 41ms);   // 3 - 3/16 = 2.8125
    at(3, 1920, 59ms);  // 2.8125 + (96 - 2.8125)/16 = 8.64
    EXPECT_EQ(statistics_.report(Instant{}).jitter, 8u);
    at(1, 0, 500ms);  // a retransmission says nothing of the path
    EXPECT_EQ(statistics_.report(Instant{}).jitter, 8u);
}

TEST_F(ReceiveStatisticsTest, TellsWhenTheLastSenderReportCame) {
    SenderReport report;
    report.ssrc = kSsrc + 1;
    report.ntp = NtpTime(0x11111111'11111111);
    statistics_.on_sender_report(report, Instant(1s));
    EXPECT_EQ(statistics_.report(Instant(2s)).last_sender_report, 0u);
    report.ssrc = kSsrc;
    report.ntp = NtpTime(0xb44db705'20000000);
    statistics_.on_sender_report(report, Instant(1s));
    const ReportBlock block = statistics_.report(Instant(6250ms));
    EXPECT_EQ(block.last_sender_report, 0xb7052000u);  // RFC 3550 §6.4.1, figure 2
    EXPECT_EQ(block.delay_since_last_sr, 0x00054000u);
}

}  // namespace
}  // namespace aircheck::rtp
