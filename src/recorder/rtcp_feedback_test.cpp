#include "recorder/rtcp_feedback.hpp"

#include "rtp/ntp_time.hpp"
#include "rtp/rtcp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace aircheck::recorder {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Instant at(Nanoseconds since) { return Instant(100s + since); }

rtp::PacketView packet(std::uint32_t ssrc, std::uint16_t number) {
    rtp::PacketView view;
    view.ssrc = ssrc;
    view.payload_type = 111;
    view.sequence_number = rtp::SequenceNumber(number);
    view.timestamp = rtp::RtpTimestamp(960U * number);
    return view;
}

class RtcpFeedbackTest : public ::testing::Test {
protected:
    /// What is due at `now`, packet by packet.
    std::vector<rtp::Rtcp> collect(Instant now) {
        Bytes out = {1, 2, 3};  // of the call before
        feedback_.collect(now, out);
        if (out.empty()) return {};
        last_size_ = out.size();
        return rtp::parse_rtcp(out).value();
    }
    /// The numbers that are asked for at `now`.
    std::vector<int> asked_for(Instant now) {
        std::vector<int> numbers;
        for (const rtp::Rtcp& element : collect(now)) {
            const auto* nack = std::get_if<rtp::Nack>(&element);
            if (nack == nullptr) continue;
            for (const rtp::SequenceNumber number : nack->lost) numbers.push_back(number.value());
        }
        return numbers;
    }

    RtcpFeedback feedback_{"EG_test"};
    std::size_t last_size_ = 0;
};

TEST_F(RtcpFeedbackTest, SaysNothingWithoutSources) {
    feedback_.on_packet(packet(7, 1), at(0s));
    EXPECT_THAT(collect(at(0s)), IsEmpty());
    EXPECT_THAT(collect(at(5s)), IsEmpty());
}

TEST_F(RtcpFeedbackTest, ReportsEverySecond) {
    feedback_.set_sources({{7, 48'000}});
    feedback_.on_packet(packet(7, 65'535), at(0s));
    feedback_.on_packet(packet(7, 0), at(20ms));
    int reports = 0;
    for (Nanoseconds now = 20ms; now < 5s; now += 20ms) {
        const auto compound = collect(at(now));
        if (compound.empty()) continue;
        ++reports;
        ASSERT_EQ(compound.size(), 2U);
        const auto& report = std::get<rtp::ReceiverReport>(compound[0]);
        ASSERT_EQ(report.blocks.size(), 1U);
        EXPECT_EQ(report.blocks[0].ssrc, 7U);
        EXPECT_EQ(report.blocks[0].highest_sequence, 0x10000U);
        EXPECT_EQ(report.blocks[0].cumulative_lost, 0);
        EXPECT_EQ(report.blocks[0].last_sender_report, 0U);
        EXPECT_EQ(std::get<rtp::SourceDescription>(compound[1]).cname, "EG_test");
    }
    EXPECT_EQ(reports, 5);  // at 20 ms, 1.02 s … 4.02 s
}

TEST_F(RtcpFeedbackTest, TellsTheLastSenderReportAndItsAge) {
    feedback_.set_sources({{7, 48'000}});
    feedback_.on_packet(packet(7, 1), at(0s));
    Bytes compound;
    rtp::SenderReport report;
    report.ssrc = 8;  // another's comes first
    report.ntp = rtp::NtpTime(0x1111'2222'3333'4444);
    rtp::append_rtcp(report, compound);
    report.ssrc = 7;
    report.ntp = rtp::NtpTime(0xe000'1234'5678'9abc);
    rtp::append_rtcp(report, compound);
    feedback_.on_rtcp(compound, at(0s));
    feedback_.on_rtcp(Bytes{0x80, 0xc8, 0xff}, at(100ms));  // cut short: dropped
    const auto due = collect(at(1500ms));
    ASSERT_FALSE(due.empty());
    const auto& block = std::get<rtp::ReceiverReport>(due[0]).blocks.at(0);
    EXPECT_EQ(block.last_sender_report, 0x1234'5678U);  // RFC 3550 §6.4.1: the middle 32 bits
    EXPECT_EQ(block.delay_since_last_sr, 98'304U);      // 1.5 s in 1/65536 s
}

TEST_F(RtcpFeedbackTest, AsksForWhatIsMissing) {
    feedback_.set_sources({{7, 48'000}});
    feedback_.on_packet(packet(7, 10), at(0s));
    static_cast<void>(collect(at(0s)));  // the report
    EXPECT_FALSE(feedback_.has_missing());
    feedback_.on_packet(packet(7, 13), at(60ms));
    EXPECT_THAT(asked_for(at(60ms)), IsEmpty());  // may be on its way
    EXPECT_TRUE(feedback_.has_missing());
    EXPECT_THAT(asked_for(at(80ms)), ElementsAre(11, 12));
    EXPECT_THAT(asked_for(at(100ms)), IsEmpty());
    feedback_.on_packet(packet(7, 12), at(150ms));
    EXPECT_THAT(asked_for(at(180ms)), IsEmpty());
    EXPECT_THAT(asked_for(at(190ms)), ElementsAre(11));  // 110 ms after the first time
    EXPECT_THAT(asked_for(at(300ms)), ElementsAre(11));
    for (Nanoseconds now = 320ms; now < 3s; now += 20ms) {
        EXPECT_THAT(asked_for(at(now)), IsEmpty()) << "a fourth time";
    }
    EXPECT_FALSE(feedback_.has_missing());  // It is given up.
}

TEST_F(RtcpFeedbackTest, BeginsACompoundWithAReport) {
    feedback_.set_sources({{7, 48'000}});
    feedback_.on_packet(packet(7, 10), at(0s));
    static_cast<void>(collect(at(0s)));
    feedback_.on_packet(packet(7, 12), at(40ms));
    const auto compound = collect(at(60ms));
    ASSERT_EQ(compound.size(), 3U);
    EXPECT_THAT(std::get<rtp::ReceiverReport>(compound[0]).blocks, IsEmpty());
    EXPECT_EQ(std::get<rtp::SourceDescription>(compound[1]).cname, "EG_test");
    EXPECT_EQ(std::get<rtp::Nack>(compound[2]).media_ssrc, 7U);
}

TEST_F(RtcpFeedbackTest, KeepsTheStatisticsOfSourcesThatStay) {
    feedback_.set_sources({{7, 48'000}, {8, 48'000}});
    feedback_.on_packet(packet(7, 1), at(0s));
    feedback_.on_packet(packet(7, 2), at(20ms));
    feedback_.on_packet(packet(8, 1), at(20ms));
    feedback_.set_sources({{9, 48'000}, {7, 48'000}});
    feedback_.on_packet(packet(7, 4), at(60ms));
    feedback_.on_packet(packet(8, 2), at(60ms));
    const auto compound = collect(at(60ms));
    const auto& blocks = std::get<rtp::ReceiverReport>(compound.at(0)).blocks;
    ASSERT_EQ(blocks.size(), 1U);
    EXPECT_EQ(blocks[0].ssrc, 7U);
    EXPECT_EQ(blocks[0].cumulative_lost, 1);
    EXPECT_EQ(blocks[0].fraction_lost, 64U);  // one of four
}

TEST_F(RtcpFeedbackTest, ReportsManySourcesInTurn) {
    std::map<std::uint32_t, std::uint32_t> all;
    for (std::uint32_t ssrc = 1; ssrc <= 70; ++ssrc) all[ssrc] = 48'000;
    feedback_.set_sources(all);
    for (const auto& [ssrc, rate] : all) feedback_.on_packet(packet(ssrc, 1), at(0s));
    std::multiset<std::uint32_t> reported;
    for (const Nanoseconds now : {1s, 2s, 3s}) {
        const auto compound = collect(at(now));
        const auto& blocks = std::get<rtp::ReceiverReport>(compound.at(0)).blocks;
        EXPECT_LE(blocks.size(), 31U);
        for (const rtp::ReportBlock& block : blocks) reported.insert(block.ssrc);
    }
    EXPECT_EQ(std::set<std::uint32_t>(reported.begin(), reported.end()).size(), 70U);
}

TEST_F(RtcpFeedbackTest, SpreadsTheRequestsAfterAnOutage) {
    std::map<std::uint32_t, std::uint32_t> all;
    for (std::uint32_t ssrc = 1; ssrc <= 60; ++ssrc) all[ssrc] = 48'000;
    feedback_.set_sources(all);
    // Every second packet of all of them is missing.
    for (std::uint16_t number = 0; number < 300; number += 2) {
        for (const auto& [ssrc, rate] : all) feedback_.on_packet(packet(ssrc, number), at(0s));
    }
    std::set<std::uint32_t> asked;
    for (int tick = 1; tick <= 30; ++tick) {
        for (const rtp::Rtcp& element : collect(at(20ms * tick))) {
            if (const auto* nack = std::get_if<rtp::Nack>(&element)) asked.insert(nack->media_ssrc);
        }
        EXPECT_LE(last_size_, 1400U);
    }
    EXPECT_EQ(asked.size(), 60U);
}

}  // namespace
}  // namespace aircheck::recorder
