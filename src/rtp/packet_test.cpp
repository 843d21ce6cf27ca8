#include "rtp/packet.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace aircheck::rtp {
namespace {

struct Row {
    std::string name, hex;
    std::error_code expected;  // empty: must parse
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class PacketParse : public testing::TestWithParam<Row> {};

TEST_P(PacketParse, ParsesOrNamesTheFault) {
    const auto bytes = from_hex(GetParam().hex);
    ASSERT_TRUE(bytes);
    const auto packet = PacketView::parse(*bytes);
    EXPECT_EQ(packet ? std::error_code{} : packet.error().code, GetParam().expected);
}

// Header of all rows: version 2, sequence number 1, timestamp 10, SSRC 0x12345678.
INSTANTIATE_TEST_SUITE_P(
    Rfc3550,
    PacketParse,
    testing::Values(
        Row{"HeaderOnly", "806f00010000000a12345678", {}},
        Row{"Payload", "806f00010000000a12345678f8fffe", {}},
        Row{"Nothing", "", Errc::Truncated},
        Row{"OneByte", "80", Errc::Truncated},
        Row{"ElevenBytes", "806f00010000000a123456", Errc::Truncated},
        Row{"VersionOne", "406f00010000000a12345678", Errc::Unsupported},
        Row{"VersionThree", "c06f00010000000a12345678", Errc::Unsupported},
        Row{"FifteenCsrcs", "8f6f00010000000a12345678" + std::string(15 * 8, '1'), {}},
        Row{"CsrcCountPastTheEnd", "8f6f00010000000a12345678", Errc::Truncated},
        Row{"CsrcOneByteShort", "816f00010000000a12345678aabbcc", Errc::Truncated},
        Row{"EmptyExtension", "906f00010000000a12345678bede0000", {}},
        Row{"ExtensionHeaderCut", "906f00010000000a12345678bede00", Errc::Truncated},
        Row{"ExtensionMissing", "906f00010000000a12345678", Errc::Truncated},
        Row{"ExtensionLengthPastTheEnd",
            "906f00010000000a12345678bede000210aa0000",
            Errc::Truncated},
        Row{"ExtensionLengthHuge", "906f00010000000a12345678bedeffff10aa0000", Errc::Truncated},
        Row{"PaddingOnly", "a06f00010000000a1234567800000003", {}},
        Row{"PaddingBehindPayload", "a06f00010000000a12345678f8ff0002", {}},
        Row{"PaddingLongerThanPayload", "a06f00010000000a1234567803", Errc::Malformed},
        Row{"PaddingOfZero", "a06f00010000000a12345678f800", Errc::Malformed},
        Row{"PaddingWithoutAByte", "a06f00010000000a12345678", Errc::Malformed},
        Row{"PaddingReachesIntoTheExtension",
            "b06f00010000000a12345678bede000110aa000000000005",
            Errc::Malformed}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(PacketViewTest, ReadsEveryField) {
    // V=2 P X CC=2 | M PT=111 | 0xfffe | ts | ssrc | 2 csrcs | one-byte extension | payload |
    // padding
    const auto bytes = from_hex(
        "b2effffe89abcdef12345678"
        "00000001"
        "00000002"
        "bede0001"
        "10aa0000"
        "f8fffe"
        "000002"
    );
    // The last byte says 2: the zero before it belongs to the padding, the one before that does
    // not.
    const auto packet = PacketView::parse(*bytes);
    ASSERT_TRUE(packet);
    EXPECT_TRUE(packet->marker);
    EXPECT_EQ(packet->payload_type, 111);
    EXPECT_EQ(packet->sequence_number, SequenceNumber(0xfffe));
    EXPECT_EQ(packet->timestamp, RtpTimestamp(0x89abcdef));
    EXPECT_EQ(packet->ssrc, 0x12345678u);
    EXPECT_EQ(to_hex(packet->csrcs), "0000000100000002");
    EXPECT_EQ(packet->profile, 0xbede);
    EXPECT_EQ(to_hex(packet->extensions), "10aa0000");
    EXPECT_EQ(to_hex(packet->payload), "f8fffe00");
    EXPECT_EQ(packet->padding_bytes, 2);
}

PacketView with_extension(std::uint16_t profile, const Bytes& elements) {
    PacketView packet;
    packet.profile = profile;
    packet.extensions = elements;
    return packet;
}

std::string find(const PacketView& packet, std::uint8_t id) {
    const auto value = packet.extension(id);
    return value ? to_hex(*value) : "none";
}

TEST(PacketViewTest, FindsOneByteElements) {
    // id 1, one byte; padding; id 3, three bytes; id 15 ends the list before id 4.
    const Bytes elements = *from_hex(
        "10aa"
        "0000"
        "32010203"
        "f0000000"
        "40bb0000"
    );
    const auto packet = with_extension(0xbede, elements);
    EXPECT_EQ(find(packet, 1), "aa");
    EXPECT_EQ(find(packet, 3), "010203");
    EXPECT_EQ(find(packet, 4), "none");
    EXPECT_EQ(find(packet, 0), "none");
    EXPECT_EQ(find(packet, 15), "none");
}

TEST(PacketViewTest, FindsTwoByteElements) {
    const Bytes elements = *from_hex(
        "0100"
        "10020102"
        "00"
        "ff01cc00"
    );
    const auto packet = with_extension(0x1005, elements);
    EXPECT_EQ(find(packet, 1), "");
    EXPECT_EQ(find(packet, 16), "0102");
    EXPECT_EQ(find(packet, 255), "cc");
    EXPECT_EQ(find(packet, 2), "none");
}

TEST(PacketViewTest, DamagedElementsEndTheSearch) {
    const Bytes one_byte = *from_hex("1faa0000");
    EXPECT_EQ(find(with_extension(0xbede, one_byte), 1), "none");
    const Bytes two_byte = *from_hex("01050000");
    EXPECT_EQ(find(with_extension(0x1000, two_byte), 1), "none");
    EXPECT_EQ(find(with_extension(0x9000, one_byte), 1), "none");
    EXPECT_EQ(find(PacketView{}, 1), "none");
}

TEST(BuildPacketTest, LaysBytesAsRfc3550Draws) {
    const Bytes payload = {0xf8, 0xff, 0xfe};
    PacketFields fields;
    fields.marker = true;
    fields.payload_type = 111;
    fields.sequence_number = SequenceNumber(65535);
    fields.timestamp = RtpTimestamp(10);
    fields.ssrc = 0x12345678;
    fields.csrcs = {0xcafe};
    fields.extensions = {{1, {0xaa}}};
    fields.payload = payload;
    fields.padding_bytes = 3;
    Bytes out;
    build_packet(fields, out);
    EXPECT_EQ(
        to_hex(out),
        "b1efffff0000000a12345678"
        "0000cafe"
        "bede0001"
        "10aa0000"
        "f8fffe"
        "000003"
    );
}

TEST(BuildPacketTest, LongElementsTakeTheTwoByteForm) {
    PacketFields fields;
    fields.extensions = {{1, Bytes(17, 7)}, {200, {}}};
    Bytes out;
    build_packet(fields, out);
    EXPECT_EQ(to_hex(BytesView(out).subspan(12, 4)), "10000006");
    const auto packet = PacketView::parse(out);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->extension(1)->size(), 17u);
    EXPECT_EQ(find(*packet, 200), "");
    EXPECT_TRUE(packet->payload.empty());
}

}  // namespace
}  // namespace aircheck::rtp
