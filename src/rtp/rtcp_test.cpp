#include "rtp/rtcp.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace aircheck::rtp {
namespace {

std::vector<Rtcp> parse(std::string_view hex) {
    const auto bytes = from_hex(hex);
    EXPECT_TRUE(bytes) << hex;
    auto packets = parse_rtcp(*bytes);
    EXPECT_TRUE(packets) << hex << ": " << packets.error().to_string();
    return packets ? *packets : std::vector<Rtcp>{};
}

template <typename T>
std::string built(const T& packet) {
    Bytes out;
    append_rtcp(packet, out);
    return to_hex(out);
}

// One report block of SSRC 2, laid out by hand after RFC 3550 §6.4.1.
constexpr const char* kBlockHex =
    "00000002"
    "40fffffe"
    "0001fffe"
    "00000030"
    "b7052000"
    "00054000";
const ReportBlock kBlock{2, 0x40, -2, 0x1fffe, 0x30, 0xb7052000, 0x54000};

TEST(RtcpTest, SenderReport) {
    const std::string hex =
        "81c8000c"
        "00000001"
        "b44db70520000000"
        "0000000a"
        "00000005"
        "00000064";
    const SenderReport report{1, NtpTime(0xb44db705'20000000), RtpTimestamp(10), 5, 100, {kBlock}};
    EXPECT_EQ(parse(hex + kBlockHex), std::vector<Rtcp>{report});
    EXPECT_EQ(built(report), hex + kBlockHex);
}

TEST(RtcpTest, ReceiverReport) {
    const std::string hex = std::string(
                                "82c9000d"
                                "00000001"
                            ) +
                            kBlockHex + kBlockHex;
    const ReceiverReport report{1, {kBlock, kBlock}};
    EXPECT_EQ(parse(hex), std::vector<Rtcp>{report});
    EXPECT_EQ(built(report), hex);
    EXPECT_EQ(parse("80c9000100000007"), std::vector<Rtcp>{(ReceiverReport{7, {}})});
}

TEST(RtcpTest, CumulativeLossIsTwentyFourBitsSigned) {
    ReceiverReport report{1, {ReportBlock{}, ReportBlock{}}};
    report.blocks[0].cumulative_lost = 100'000'000;
    report.blocks[1].cumulative_lost = -100'000'000;
    Bytes out;
    append_rtcp(report, out);
    const auto packets = parse_rtcp(out);
    ASSERT_TRUE(packets);
    const auto& blocks = std::get<ReceiverReport>(packets->front()).blocks;
    EXPECT_EQ(blocks[0].cumulative_lost, 8'388'607);
    EXPECT_EQ(blocks[1].cumulative_lost, -8'388'608);
}

TEST(RtcpTest, SourceDescriptionSkipsOtherItems) {
    // Two chunks: NAME "x", CNAME "ab"; then CNAME "c" and the private item 15 that LiveKit sends.
    const auto packets = parse(
        "82ca0007"
        "00000001"
        "020178"
        "01026162"
        "00"
        "00000002"
        "010163"
        "0f0130"
        "0000"
        "00000000"
    );
    ASSERT_EQ(packets.size(), 2u);
    EXPECT_EQ(packets[0], Rtcp(SourceDescription{1, "ab"}));
    EXPECT_EQ(packets[1], Rtcp(SourceDescription{2, "c"}));
}

TEST(RtcpTest, SourceDescriptionIsPaddedWithAtLeastOneZero) {
    EXPECT_EQ(
        built(SourceDescription{1, "ab"}),
        "81ca0003"
        "00000001"
        "01026162"
        "00000000"
    );
    EXPECT_EQ(
        built(SourceDescription{1, "abc"}),
        "81ca0003"
        "00000001"
        "0103616263"
        "000000"
    );
    EXPECT_EQ(
        parse("81ca0003"
              "00000001"
              "01026162"
              "00000000")
            .size(),
        1u
    );
}

TEST(RtcpTest, Bye) {
    const Bye bye{{1, 2}, "gone"};
    EXPECT_EQ(
        built(bye),
        "82cb0004"
        "00000001"
        "00000002"
        "04676f6e"
        "65000000"
    );
    EXPECT_EQ(parse(built(bye)), std::vector<Rtcp>{bye});
    EXPECT_EQ(parse("81cb000100000001"), std::vector<Rtcp>{(Bye{{1}, ""})});
}

TEST(RtcpTest, NackPacksSixteenFollowers) {
    Nack nack{1, 2, {}};
    for (const int number : {65535, 0, 15, 16}) {
        nack.lost.emplace_back(static_cast<std::uint16_t>(number));
    }
    // 65535 with bit 0 (0) and bit 15 (15); 16 is 17 away and needs a word of its own.
    EXPECT_EQ(
        built(nack),
        "81cd0004"
        "00000001"
        "00000002"
        "ffff8001"
        "00100000"
    );
    EXPECT_EQ(parse(built(nack)), std::vector<Rtcp>{nack});
    EXPECT_EQ(built(Nack{1, 2, {}}), "");
}

TEST(RtcpTest, Pli) {
    EXPECT_EQ(
        built(Pli{1, 2}),
        "81ce0002"
        "00000001"
        "00000002"
    );
    EXPECT_EQ(
        parse("81ce0002"
              "00000001"
              "00000002"),
        std::vector<Rtcp>{(Pli{1, 2})}
    );
}

TEST(RtcpTest, UnknownKindsAreSkippedInACompound) {
    // Empty RR, APP, transport-wide feedback (205/15), FIR (206/4), XR, then a PLI.
    const auto packets = parse(
        "80c9000100000001"
        "80cc00020000000161626364"
        "8fcd00010000abcd"
        "84ce00010000abcd"
        "80cf000100000001"
        "81ce00020000000100000002"
    );
    ASSERT_EQ(packets.size(), 6u);
    EXPECT_EQ(packets[1], Rtcp(OtherRtcp{204, 0}));
    EXPECT_EQ(packets[2], Rtcp(OtherRtcp{205, 15}));
    EXPECT_EQ(packets[3], Rtcp(OtherRtcp{206, 4}));
    EXPECT_EQ(packets[5], Rtcp(Pli{1, 2}));
}

TEST(RtcpTest, PaddingIsTakenOff) {
    // BYE with four bytes of padding: they are not its reason.
    EXPECT_EQ(parse("a1cb00020000000100000004"), std::vector<Rtcp>{(Bye{{1}, ""})});
}

struct Row {
    std::string name, hex;
    std::error_code expected;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class RtcpFaults : public testing::TestWithParam<Row> {};

TEST_P(RtcpFaults, AreNamed) {
    const auto bytes = from_hex(GetParam().hex);
    ASSERT_TRUE(bytes);
    const auto packets = parse_rtcp(*bytes);
    ASSERT_FALSE(packets);
    EXPECT_EQ(packets.error().code, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Rfc3550,
    RtcpFaults,
    testing::Values(
        Row{"Nothing", "", Errc::Truncated},
        Row{"HeaderCut", "80c900", Errc::Truncated},
        Row{"LengthPastTheEnd", "80c9000200000001", Errc::Truncated},
        Row{"SecondPacketCut", "80c900010000000181ce0002", Errc::Truncated},
        Row{"VersionZero", "00c9000100000001", Errc::Unsupported},
        Row{"MoreBlocksThanBytes", "81c9000100000001", Errc::Malformed},
        Row{"SenderReportTooShort", "80c8000100000001", Errc::Malformed},
        Row{"ItemPastTheChunk", "81ca0002000000010109aabb", Errc::Malformed},
        Row{"ChunkWithoutAnEnd", "81ca0002000000010102aabb", Errc::Malformed},
        Row{"MoreByeSsrcsThanBytes", "82cb000100000001", Errc::Malformed},
        Row{"ByeReasonPastTheEnd", "81cb00020000000105676f6e", Errc::Malformed},
        Row{"NackTooShort", "81cd000100000001", Errc::Malformed},
        Row{"PliTooShort", "81ce000100000001", Errc::Malformed},
        Row{"PaddingOfZero", "a1cb00020000000100000000", Errc::Malformed},
        Row{"PaddingPastTheStart", "a1cb00020000000100000009", Errc::Malformed},
        Row{"PaddingWithoutABody", "a0c90000", Errc::Malformed}
    ),
    [](const auto& row) { return row.param.name; }
);

}  // namespace
}  // namespace aircheck::rtp
