#include "transport/packet_kind.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace aircheck::transport {
namespace {

struct Row {
    std::uint8_t first, second;
    PacketKind kind;
};

// The figure of RFC 7983 section 7, at both ends of each range; ZRTP (16 to 19) and TURN channels
// (64 to 79) are not spoken here.
TEST(PacketKind, IsToldByTheFirstByte) {
    const Row rows[] = {
        {0, 1, PacketKind::Stun},
        {3, 255, PacketKind::Stun},
        {4, 0, PacketKind::Unknown},
        {15, 0, PacketKind::Unknown},
        {16, 0, PacketKind::Unknown},
        {19, 0, PacketKind::Unknown},
        {20, 254, PacketKind::Dtls},
        {63, 254, PacketKind::Dtls},
        {64, 0, PacketKind::Unknown},
        {79, 0, PacketKind::Unknown},
        {80, 0, PacketKind::Unknown},
        {127, 0, PacketKind::Unknown},
        {128, 111, PacketKind::Rtp},
        {191, 111, PacketKind::Rtp},
        {192, 111, PacketKind::Unknown},
        {255, 111, PacketKind::Unknown},
    };
    for (const Row& row : rows) {
        const std::uint8_t bytes[] = {row.first, row.second};
        EXPECT_EQ(kind_of(bytes), row.kind) << int{row.first};
    }
}

// RFC 5761 section 4: types 192 to 223 of RTCP. 0xEF is Opus as 111 with the marker bit.
TEST(PacketKind, TellsRtcpFromRtpByTheSecond) {
    const Row rows[] = {
        {0x80, 191, PacketKind::Rtp},
        {0x80, 192, PacketKind::Rtcp},
        {0x81, 200, PacketKind::Rtcp},
        {0x80, 223, PacketKind::Rtcp},
        {0x80, 224, PacketKind::Rtp},
        {0x80, 0xEF, PacketKind::Rtp},
    };
    for (const Row& row : rows) {
        const std::uint8_t bytes[] = {row.first, row.second};
        EXPECT_EQ(kind_of(bytes), row.kind) << int{row.second};
    }
}

TEST(PacketKind, IsUnknownWhenTooShortOrTooLong) {
    const std::vector<std::uint8_t> bytes(2049, 0x80);
    const BytesView all(bytes);
    EXPECT_EQ(kind_of(all.first(0)), PacketKind::Unknown);
    EXPECT_EQ(kind_of(all.first(1)), PacketKind::Unknown);
    EXPECT_EQ(kind_of(all.first(2)), PacketKind::Rtp);
    EXPECT_EQ(kind_of(all.first(2048)), PacketKind::Rtp);
    EXPECT_EQ(kind_of(all), PacketKind::Unknown);
}

}  // namespace
}  // namespace aircheck::transport
