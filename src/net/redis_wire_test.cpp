#include "net/redis_wire.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::net {
namespace {

using ::testing::HasSubstr;

std::string show(const RedisReply& reply) {
    switch (reply.kind) {
        case RedisReply::Kind::Null:
            return "nil";
        case RedisReply::Kind::Integer:
            return std::to_string(reply.integer);
        case RedisReply::Kind::Text:
            return "'" + reply.text + "'";
        case RedisReply::Kind::Error:
            return "!" + reply.text;
        case RedisReply::Kind::Array:
            break;
    }
    std::string text = "[";
    for (const RedisReply& item : reply.items) text += show(item) + " ";
    return text + "]";
}

TEST(RedisWire, WritesCommands) {
    std::string out = "x";
    append_redis_command(out, {"SET", std::string("a\0b", 3), ""});
    EXPECT_EQ(out, std::string("x*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n", 29));
}

TEST(RedisWire, ReadsAnswersHoweverTheyArePackaged) {
    const std::string bytes =
        "+OK\r\n-ERR no\r\n:-42\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
        "*3\r\n$7\r\nmessage\r\n*2\r\n:1\r\n$-1\r\n+x\r\n";
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
        RedisReader reader;
        std::vector<std::string> seen;
        for (std::size_t at = 0; at < bytes.size(); at += step) {
            reader.feed(std::string_view(bytes).substr(at, step));
            while (true) {
                auto reply = reader.next();
                ASSERT_TRUE(reply) << reply.error().to_string();
                if (!*reply) break;
                seen.push_back(show(**reply));
            }
        }
        EXPECT_EQ(
            seen,
            (std::vector<std::string>{
                "'OK'",
                "!ERR no",
                "-42",
                "'a\r\n'",
                "nil",
                "nil",
                "[]",
                "['message' [1 nil ] 'x' ]"})
        ) << step;
    }
}

std::string repeated(const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

TEST(RedisWire, RefusesWhatBreaksTheFormatOrTheLimits) {
    struct {
        const char* name;
        std::string bytes;
    } const rows[] = {
        {"not RESP", "HTTP/1.1 400 Bad Request\r\n"},
        {"no number", ":12x\r\n"},
        {"too many items", "*100001\r\n"},
        {"far too many items", "*2147483648\r\n"},
        {"nested without end",
         "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"},
        {"too long", "$20000000\r\n" + std::string(17 * 1024 * 1024, 'x')},
        {"too many inside", "*2\r\n+x\r\n*100001\r\n"},
        {"too many together", "*3\r\n*60000\r\n" + repeated(":1\r\n", 60000) + "*60000\r\n"},
    };
    for (const auto& row : rows) {
        RedisReader reader;
        reader.feed(row.bytes);
        EXPECT_FALSE(reader.next()) << row.name;
        reader.feed("+OK\r\n");
        EXPECT_FALSE(reader.next()) << row.name << ", and stays refused";
    }
}

TEST(RedisWire, ReadsAddresses) {
    struct {
        const char* text;
        const char* expected;  // "": refused.
    } const rows[] = {
        {"redis:6380", "redis:6380"},
        {"redis", "redis:6379"},
        {"10.0.0.1:1", "10.0.0.1:1"},
        {"[::1]:6380", "[::1]:6380"},
        {"[::1]", "[::1]:6379"},
        {"::1", "[::1]:6379"},
        {"", ""},
        {":6379", ""},
        {"redis:", ""},
        {"[::1]:", ""},
        {"[::1", ""},
        {"[::1]x", ""},
        {"redis:0", ""},
        {"redis:65536", ""},
        {"redis:port", ""},
        {"redis://redis:6379", ""},
        {"two words:1", ""},
    };
    for (const auto& row : rows) {
        const auto node = parse_redis_node(row.text, 6379);
        EXPECT_EQ(node ? node->to_string() : "", row.expected) << row.text;
        if (!node) {
            EXPECT_THAT(node.error().to_string(), HasSubstr("'" + std::string(row.text) + "'"));
        }
    }
}

TEST(RedisWire, ReadsRedirections) {
    struct {
        const char* text;
        const char* expected;
    } const rows[] = {
        {"MOVED 3999 127.0.0.1:6381", "for good 3999 127.0.0.1:6381"},
        {"ASK 0 redis-2:6379", "once 0 redis-2:6379"},
        {"MOVED 16383 ::1:7000", "for good 16383 [::1]:7000"},
        {"MOVED 7 :6381", "for good 7 :6381"},
        {"MOVED 16384 127.0.0.1:6381", ""},
        {"MOVED -1 127.0.0.1:6381", ""},
        {"MOVED 1", ""},
        {"MOVED 1 127.0.0.1", ""},
        {"MOVED 1 127.0.0.1:0", ""},
        {"MOVED", ""},
        {"ERR unknown command", ""},
    };
    for (const auto& row : rows) {
        const auto to = parse_redis_redirection(row.text);
        const auto text = !to ? ""
                              : (to->is_lasting ? "for good " : "once ") +
                                    std::to_string(to->slot) + " " + to->node.to_string();
        EXPECT_EQ(text, row.expected) << row.text;
    }
}

// Expected: CLUSTER KEYSLOT of Redis 7.0, and the specification's own example for 123456789.
TEST(RedisWire, KnowsAKeysSlot) {
    EXPECT_EQ(redis_slot_of("123456789"), 0x31c3);
    EXPECT_EQ(redis_slot_of(""), 0);
    EXPECT_EQ(redis_slot_of("foo"), 12182);
    EXPECT_EQ(redis_slot_of("{foo}.bar"), 12182);
    EXPECT_EQ(redis_slot_of("a{foo}{bar}"), 12182);
    EXPECT_EQ(redis_slot_of("foo{}{bar}"), 8363);
    EXPECT_EQ(redis_slot_of("foo{{bar}}zap"), redis_slot_of("{bar"));
}

TEST(RedisWire, KnowsACommandsKey) {
    EXPECT_EQ(key_of_redis_command({"SET", "k", "v"}), "k");
    EXPECT_EQ(key_of_redis_command({"PUBLISH", "k", "v"}), "");
    EXPECT_EQ(key_of_redis_command({"PING"}), "");
    EXPECT_EQ(key_of_redis_command({"EVAL", "return 1", "1", "k", "v"}), "k");
    EXPECT_EQ(key_of_redis_command({"EVAL", "return 1", "0", "v"}), "");
}

}  // namespace
}  // namespace aircheck::net
