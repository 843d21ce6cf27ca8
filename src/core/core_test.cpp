#include "core/bytes.hpp"
#include "core/foreign_text.hpp"
#include "core/id.hpp"
#include "core/log_limit.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace aircheck {
namespace {

TEST(Bytes, ReaderGivesZerosPastTheEndAndSaysSoOnce) {
    const Bytes data{0x12, 0x34, 0x56};
    ByteReader reader(data);
    EXPECT_EQ(reader.u16(), 0x1234);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.u32(), 0u);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0);
}

TEST(Bytes, WriterIsBigEndian) {
    Bytes out;
    ByteWriter writer(out);
    writer.u8(1);
    writer.u24(0x020304);
    writer.u64(0x05060708090a0b0c);
    writer.patch_u32(0, 0xffeeddcc);
    EXPECT_EQ(to_hex(out), "ffeeddcc05060708090a0b0c");
}

TEST(ForeignText, IsOneLineOfWords) {
    const std::pair<std::string, std::string> rows[] = {
        {"", ""},
        {"requested room does not exist\n", "requested room does not exist"},
        {"a\r\n\tb  c\x1b[31m", "a b c [31m"},
        {"caf\xc3\xa9 \xc2\x9b!", "caf\xc3\xa9 !"},  // U+009B begins a terminal's command.
        {"\xff\xc3", "??"},
        {"<!DOCTYPE html>\n<html><h1>Not Found</h1>\n<p>nginx</p>", "Not Found nginx"},
        {"<p>1 < 2 <unfinished", "1 < 2"},
        {"access denied (a <reason>)", "access denied (a <reason>)"},
        {"bad token eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln, sorry", "bad token ***, sorry"},
        {std::string(199, 'x') + "\xc3\xa9", std::string(199, 'x')},
        {std::string(5000, 'x'), std::string(200, 'x')},
    };
    for (const auto& [said, words] : rows) EXPECT_EQ(first_words(said), words);
}

// RFC 4648 §10.
TEST(Bytes, Base64Vectors) {
    const std::pair<std::string, std::string> rows[] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : rows) {
        EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
        const auto decoded = from_base64(encoded);
        ASSERT_TRUE(decoded);
        EXPECT_EQ(as_text(*decoded), plain);
    }
    EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff}), "-_8");
    EXPECT_FALSE(from_base64("a"));
    EXPECT_FALSE(from_base64("ab$="));
}

// RFC 3720 §B.4.
TEST(Bytes, Crc32cVectors) {
    EXPECT_EQ(crc32c(Bytes(32, 0x00)), 0x8a9136aau);
    EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43u);
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
    EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xe3069283u);
}

TEST(Time, Iso8601RoundTrip) {
    const auto time = parse_iso8601("2026-08-20T10:15:15.123Z");
    ASSERT_TRUE(time);
    EXPECT_EQ(to_iso8601(*time), "2026-08-20T10:15:15.123Z");
    EXPECT_EQ(parse_iso8601("2026-08-20T12:15:15.123+02:00").value(), *time);
    EXPECT_FALSE(parse_iso8601("2026-02-30T00:00:00Z"));
    EXPECT_FALSE(parse_iso8601("9999-12-31T23:59:59Z"));
    EXPECT_FALSE(parse_iso8601("yesterday"));
}

TEST(Time, Durations) {
    EXPECT_EQ(parse_duration("1m30s").value(), 90s);
    EXPECT_EQ(parse_duration("250ms").value(), 250ms);
    EXPECT_EQ(parse_duration("4h").value(), std::chrono::hours(4));
    EXPECT_EQ(parse_duration("10").value(), 10s);
    for (const char* bad : {"", "s", "-1s", "1x", "1s5", "nan"})
        EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Id, AreUniqueAndSafe) {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::string id = new_id("EG_");
        EXPECT_EQ(id.size(), 15u);
        EXPECT_TRUE(is_id(id, "EG_"));
        seen.insert(id);
    }
    EXPECT_EQ(seen.size(), 1000u);
    EXPECT_FALSE(is_id("EG_../../etc", "EG_"));
    EXPECT_FALSE(is_id("EG_", "EG_"));
}

TEST(Result, ContextGrowsOutwards) {
    const Error inner{make_error_code(Errc::Timeout), "part 3"};
    EXPECT_EQ(in_context("upload", inner).to_string(), "upload: part 3: timed out");
    const auto errno_error = fail_errno(ENOSPC, "journal").value();
    EXPECT_EQ(errno_error.code, Errc::NoSpace);
}

TEST(LineLimit, LetsOneThroughAndCountsTheRest) {
    log::LineLimit limit(10s);
    const Instant start(5s);
    EXPECT_EQ(limit.pass(start), 0U);
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(limit.pass(start + 9s));
    EXPECT_EQ(limit.pass(start + 10s), 1000U);
    EXPECT_FALSE(limit.pass(start + 11s));
    EXPECT_EQ(limit.pass(start + 25s), 1U);
}

}  // namespace
}  // namespace aircheck
