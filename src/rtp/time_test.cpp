#include "rtp/ntp_time.hpp"
#include "rtp/rtp_timestamp.hpp"
#include "rtp/sequence_number.hpp"

#include <gtest/gtest.h>

#include <array>

namespace aircheck::rtp {
namespace {

TEST(SequenceNumberTest, DistanceIsSignedAcrossTheWrap) {
    EXPECT_EQ(SequenceNumber(0).distance_from(SequenceNumber(65535)), 1);
    EXPECT_EQ(SequenceNumber(65535).distance_from(SequenceNumber(0)), -1);
    EXPECT_EQ(SequenceNumber(32767).distance_from(SequenceNumber(0)), 32767);
    EXPECT_EQ(SequenceNumber(32768).distance_from(SequenceNumber(0)), -32768);
    EXPECT_EQ(SequenceNumber(65535).plus(2), SequenceNumber(1));
    EXPECT_EQ(SequenceNumber(1).plus(-3), SequenceNumber(65534));
}

TEST(SequenceUnwrapperTest, GoesOnThroughTheWrapAndBack) {
    SequenceUnwrapper unwrapper;
    EXPECT_EQ(unwrapper.unwrap(SequenceNumber(65534)), 65534);
    EXPECT_EQ(unwrapper.unwrap(SequenceNumber(1)), 65537);
    EXPECT_EQ(unwrapper.peek(SequenceNumber(65535)), 65535);
    EXPECT_EQ(unwrapper.unwrap(SequenceNumber(65535)), 65535);
    EXPECT_EQ(unwrapper.unwrap(SequenceNumber(2)), 65538);
}

TEST(SequenceUnwrapperTest, NumbersBeforeTheFirstAreNegative) {
    SequenceUnwrapper unwrapper;
    EXPECT_EQ(unwrapper.unwrap(SequenceNumber(1)), 1);
    EXPECT_EQ(unwrapper.unwrap(SequenceNumber(65535)), -1);
    EXPECT_EQ(unwrapper.unwrap(SequenceNumber(65534)), -2);
    EXPECT_EQ(unwrapper.unwrap(SequenceNumber(0)), 0);
}

TEST(SequenceUnwrapperTest, CountsManyCycles) {
    SequenceUnwrapper unwrapper;
    for (std::int64_t i = 7; i < 1'000'000; i += 1009) {
        ASSERT_EQ(unwrapper.unwrap(SequenceNumber(static_cast<std::uint16_t>(i))), i);
    }
}

TEST(TimestampUnwrapperTest, GoesOnThroughTheWrapAndBack) {
    TimestampUnwrapper unwrapper;
    EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(0xffffff00)), 0xffffff00);
    EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(0x2c0)), 0x1000002c0);
    EXPECT_EQ(unwrapper.peek(RtpTimestamp(0xffffffff)), 0xffffffff);
    EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(0xffffff00)), 0xffffff00);
}

TEST(TimestampUnwrapperTest, HolesOfTwelveHoursAreForward) {
    constexpr std::uint32_t kTwelveHours = 12u * 3600 * 48000;
    TimestampUnwrapper unwrapper;
    unwrapper.unwrap(RtpTimestamp(0x80000000));
    EXPECT_EQ(
        unwrapper.unwrap(RtpTimestamp(0x80000000 + kTwelveHours)),
        std::int64_t{0x80000000} + kTwelveHours
    );
}

// The worked example of RFC 3550 §6.4.1, figure 2.
TEST(NtpTimeTest, Rfc3550RoundTripExample) {
    const NtpTime sent(0xb44db705'20000000);
    EXPECT_EQ(sent.compact(), 0xb7052000u);
    EXPECT_EQ(to_iso8601(sent.to_wall()), "1995-11-10T11:33:25.125Z");
    EXPECT_EQ(to_compact_ntp(5250ms), 0x00054000u);
    const std::uint32_t received = 0xb7108000;
    EXPECT_EQ(from_compact_ntp(received - 0x00054000 - sent.compact()), 6125ms);
}

TEST(NtpTimeTest, TheEraAfter2036Follows) {
    EXPECT_EQ(to_iso8601(NtpTime(0).to_wall()), "2036-02-07T06:28:16.000Z");
    EXPECT_EQ(NtpTime(0x00000001'80000000).since(NtpTime(0xffffffff'40000000)), 2250ms);
    EXPECT_EQ(NtpTime(0xffffffff'40000000).since(NtpTime(0x00000001'80000000)), -2250ms);
}

TEST(NtpTimeTest, WallTimeComesBackToTheNanosecond) {
    for (const char* text :
         {"1970-01-01T00:00:00.000000001Z",
          "2026-11-21T09:00:00.123456789Z",
          "2036-02-07T06:28:15.999999999Z",
          "2050-06-01T12:00:00Z"}) {
        const auto time = parse_iso8601(text);
        ASSERT_TRUE(time) << text;
        EXPECT_EQ(NtpTime::from_wall(*time).to_wall(), *time) << text;
    }
    EXPECT_EQ(NtpTime::from_wall(WallTime{}).value(), 2208988800ull << 32);
}

TEST(NtpTimeTest, DelaySaturates) {
    EXPECT_EQ(to_compact_ntp(-1s), 0u);
    EXPECT_EQ(to_compact_ntp(std::chrono::hours(24)), 0xffff0000u);
}

}  // namespace
}  // namespace aircheck::rtp
