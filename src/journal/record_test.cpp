#include "journal/record.hpp"

#include "journal/samples_test.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace aircheck::journal {
namespace {

using Status = DecodedRecord::Status;

/// Bodies with borrowed packets have no ==; this compares those too.
bool same(const Body& a, const Body& b) {
    if (a.index() != b.index()) return false;
    const auto equal = [](BytesView x, BytesView y) { return std::ranges::equal(x, y); };
    return std::visit(
        [&]<typename T>(const T& left) {
            const T& right = std::get<T>(b);
            if constexpr (std::is_same_v<T, RtpPacket>) {
                return left.track == right.track && equal(left.packet, right.packet);
            } else if constexpr (std::is_same_v<T, RtcpPacket>) {
                return equal(left.packet, right.packet);
            } else {
                return left == right;
            }
        },
        a
    );
}

TEST(RecordTest, EveryKindComesBackAsItWas) {
    for (const Record& record : sample_records()) {
        Bytes bytes = {0xee};  // encode() appends
        ASSERT_TRUE(encode(record, bytes));
        const auto decoded = decode_record(BytesView(bytes).subspan(1));
        ASSERT_EQ(decoded.status, Status::Record) << record.body.index();
        EXPECT_EQ(decoded.size_bytes, bytes.size() - 1);
        EXPECT_EQ(decoded.record->at, record.at);
        EXPECT_TRUE(same(decoded.record->body, record.body)) << record.body.index();
    }
}

struct Row {
    std::string name;
    Record record;
    std::string hex;  // worked out by hand from docs/formats/journal.md, CRCs by another program
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class RecordBytes : public testing::TestWithParam<Row> {};

TEST_P(RecordBytes, AreThoseOfTheDocument) {
    Bytes bytes;
    ASSERT_TRUE(encode(GetParam().record, bytes));
    EXPECT_EQ(to_hex(bytes), GetParam().hex);
}

const Bytes kPacket = {
    0x80, 0x6f, 0x00, 0x01, 0x00, 0x00, 0x00, 0x0a, 0x12, 0x34, 0x56, 0x78, 0xf8, 0xff, 0xfe};

INSTANTIATE_TEST_SUITE_P(
    Documented,
    RecordBytes,
    testing::Values(
        Row{"Tick",
            Record{1s, Tick{}},
            "ac0d00000000000000"
            "3b9aca00"
            "c9ad001f"},
        Row{"Packet",
            Record{20ms, RtpPacket{3, kPacket}},
            "ac0700001100000000"
            "01312d00"
            "f866c750"
            "0003"
            "806f00010000000a12345678f8fffe"},
        Row{"Mute",
            Record{0ms, TrackMute{258}},
            "ac0500000200000000"
            "00000000"
            "ae0b30ad"
            "0102"},
        Row{"End",
            Record{0ms, End{"room"}},
            "ac0e00000600000000"
            "00000000"
            "dc9f1e3a"
            "0004"
            "726f6f6d"}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(RecordTest, WhatTheFormatCannotHoldIsRefused) {
    const std::string long_text(0x10000, 'x');
    const Bytes long_packet(kMaxBodyBytes);
    const Record refused[] = {
        {-1ns, Tick{}},
        {kMaxTime + 1ns, Tick{}},
        {0ns, End{long_text}},
        {0ns, RtpPacket{0, long_packet}},
        {0ns, RoomEvent{"x", std::string(kMaxBodyBytes, 'x')}},
    };
    for (const Record& record : refused) {
        Bytes bytes = {1, 2, 3};
        const auto done = encode(record, bytes);
        ASSERT_FALSE(done) << record.body.index();
        EXPECT_EQ(done.error().code, Errc::InvalidArgument);
        EXPECT_EQ(bytes, (Bytes{1, 2, 3}));
    }
}

TEST(RecordTest, ARecordCutAnywhereNeedsMore) {
    for (const Record& record : sample_records()) {
        Bytes bytes;
        ASSERT_TRUE(encode(record, bytes));
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const auto decoded = decode_record(BytesView(bytes).first(size));
            ASSERT_EQ(decoded.status, Status::NeedMore) << size;
        }
    }
}

TEST(RecordTest, AFlippedBitIsNeverBelieved) {
    for (const Record& record : sample_records()) {
        Bytes bytes;
        ASSERT_TRUE(encode(record, bytes));
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << (bit % 8));
            const auto decoded = decode_record(bytes);
            EXPECT_TRUE(decoded.status == Status::Damaged || decoded.status == Status::NeedMore);
            bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << (bit % 8));
        }
    }
}

/// A record of any type and body, sealed with its checksum.
Bytes seal(std::uint8_t type, const Bytes& body) {
    Bytes bytes;
    ByteWriter writer(bytes);
    writer.u8(0xac);
    writer.u8(type);
    writer.u24(static_cast<std::uint32_t>(body.size()));
    writer.u64(0);
    const Bytes sealed(bytes.begin() + 1, bytes.end());
    writer.u32(crc32c(body, crc32c(sealed)));
    writer.bytes(body);
    return bytes;
}

TEST(RecordTest, UnknownTypesAreSkippedWhole) {
    const auto decoded = decode_record(seal(200, {1, 2, 3}));
    EXPECT_EQ(decoded.status, Status::Unknown);
    EXPECT_EQ(decoded.size_bytes, 20u);
}

TEST(RecordTest, BodiesMayGrow) {
    const auto decoded = decode_record(seal(5, {0, 7, 0xde, 0xad}));
    ASSERT_EQ(decoded.status, Status::Record);
    EXPECT_EQ(std::get<TrackMute>(decoded.record->body).track, 7);
}

TEST(RecordTest, BodiesWhoseLengthsLieAreUnknown) {
    EXPECT_EQ(decode_record(seal(5, {0})).status, Status::Unknown);
    EXPECT_EQ(decode_record(seal(14, {0xff, 0xff, 'x'})).status, Status::Unknown);
    EXPECT_EQ(decode_record(seal(12, {0, 0, 0xff, 0xff, 0xff, 0xff})).status, Status::Unknown);
    EXPECT_EQ(decode_record(seal(3, Bytes(64, 0xff))).status, Status::Unknown);
}

TEST(RecordTest, ZerosAreNoRecord) { EXPECT_EQ(decode_record(Bytes(64)).status, Status::Damaged); }

TEST(HeaderTest, ComesBackAsItWas) {
    Bytes bytes;
    ASSERT_TRUE(encode(sample_header(), bytes));
    const std::size_t size = bytes.size();
    bytes.push_back(0xac);
    const auto decoded = decode_header(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->header, sample_header());
    EXPECT_EQ(decoded->size_bytes, size);
}

TEST(HeaderTest, BytesAreThoseOfTheDocument) {
    Header header;
    header.egress_id = "EG_1";
    header.room_name = "lobby";
    header.recorder_version = "aircheck 0.1.0";
    header.wall_start = WallTime(1'700'000'000s);
    header.monotonic_start = Instant(5s);
    header.settings = "{}";
    Bytes bytes;
    ASSERT_TRUE(encode(header, bytes));
    EXPECT_EQ(
        to_hex(bytes),
        "8941434a0d0a1a0a"
        "0001"
        "00000039"
        "846443dc"
        "0004"
        "45475f31"
        "0005"
        "6c6f626279"
        "0000"
        "000e"
        "616972636865636b20302e312e30"
        "17979cfe362a0000"
        "000000012a05f200"
        "00000001"
        "00000002"
        "7b7d"
    );
}

TEST(HeaderTest, FaultsAreNamed) {
    Bytes sound;
    ASSERT_TRUE(encode(sample_header(), sound));
    for (std::size_t size = 0; size < sound.size(); ++size) {
        const auto decoded = decode_header(BytesView(sound).first(size));
        ASSERT_FALSE(decoded);
        EXPECT_EQ(decoded.error().code, Errc::Truncated) << size;
    }
    for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
        Bytes bytes = sound;
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << (bit % 8));
        EXPECT_FALSE(decode_header(bytes)) << bit;
    }
    Bytes text = *from_hex("7b2273657474696e6773223a7b7d7d0a0a0a0a0a");
    EXPECT_EQ(decode_header(text).error().code, Errc::Malformed);
}

TEST(HeaderTest, AnotherVersionIsRefusedByItsNumber) {
    Bytes bytes;
    ASSERT_TRUE(encode(sample_header(), bytes));
    bytes[9] = 2;
    const auto decoded = decode_header(bytes);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Errc::Unsupported);
    EXPECT_NE(decoded.error().context.find("version 2"), std::string::npos);
}

TEST(HeaderTest, TooLongAFieldIsRefused) {
    Header header = sample_header();
    header.settings.assign(kMaxBodyBytes, ' ');
    Bytes bytes;
    EXPECT_EQ(encode(header, bytes).error().code, Errc::InvalidArgument);
    EXPECT_TRUE(bytes.empty());
}

TEST(GapReasonTest, Words) {
    EXPECT_EQ(to_string(GapReason::Signal), "signal");
    EXPECT_EQ(to_string(GapReason::Disk), "disk");
    EXPECT_EQ(to_string(static_cast<GapReason>(99)), "unknown");
}

}  // namespace
}  // namespace aircheck::journal
