#include "net/url.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace aircheck::net {
namespace {

struct ParseRow {
    std::string_view text, scheme, user_info, host;
    std::uint16_t port;
    std::string_view path, query, host_header, again;
};

TEST(Url, SplitsAndJoins) {
    const ParseRow rows[] = {
        {"https://Example.COM/a/b?x=1#f",
         "https",
         "",
         "example.com",
         443,
         "/a/b",
         "x=1",
         "example.com",
         "https://example.com/a/b?x=1"},
        {"http://127.0.0.1:8080",
         "http",
         "",
         "127.0.0.1",
         8080,
         "",
         "",
         "127.0.0.1:8080",
         "http://127.0.0.1:8080"},
        {"WSS://[2001:DB8::1]:443/rtc",
         "wss",
         "",
         "2001:db8::1",
         443,
         "/rtc",
         "",
         "[2001:db8::1]",
         "wss://[2001:db8::1]/rtc"},
        {"ws://[::1]:7880?access_token=a.b",
         "ws",
         "",
         "::1",
         7880,
         "",
         "access_token=a.b",
         "[::1]:7880",
         "ws://[::1]:7880?access_token=a.b"},
        {"http://user:p%40ss@host:1/%20%2F",
         "http",
         "user:p%40ss",
         "host",
         1,
         "/%20%2F",
         "",
         "host:1",
         "http://user:p%40ss@host:1/%20%2F"},
        {"http://host:/", "http", "", "host", 80, "/", "", "host", "http://host/"},
        {"http://host:443/", "http", "", "host", 443, "/", "", "host:443", "http://host:443/"},
        {"s3://my_bucket/a//../b",
         "s3",
         "",
         "my_bucket",
         0,
         "/a//../b",
         "",
         "my_bucket",
         "s3://my_bucket/a//../b"},
        {"file:///var/lib/x.mp4",
         "file",
         "",
         "",
         0,
         "/var/lib/x.mp4",
         "",
         "",
         "file:///var/lib/x.mp4"},
        {"redis://:pw@cache:6379/0",
         "redis",
         ":pw",
         "cache",
         6379,
         "/0",
         "",
         "cache:6379",
         "redis://:pw@cache:6379/0"},
    };
    for (const auto& row : rows) {
        const auto url = Url::parse(row.text);
        ASSERT_TRUE(url) << url.error().to_string();
        EXPECT_EQ(url->scheme, row.scheme) << row.text;
        EXPECT_EQ(url->user_info, row.user_info) << row.text;
        EXPECT_EQ(url->host, row.host) << row.text;
        EXPECT_EQ(url->port, row.port) << row.text;
        EXPECT_EQ(url->path, row.path) << row.text;
        EXPECT_EQ(url->query, row.query) << row.text;
        EXPECT_EQ(url->host_header(), row.host_header) << row.text;
        EXPECT_EQ(url->to_string(), row.again) << row.text;
    }
}

TEST(Url, RefusesWhatIsNone) {
    const std::string_view texts[] = {
        "",
        "host",
        "//host/path",
        "http:/host",
        "http://",
        "http:///path",
        "http://:80/",
        "1http://host",
        "ht tp://host",
        "http://ho st/",
        "http://host/a b",
        "s3://my_bucket/key name",
        "http://host/\r\nX: y",
        std::string_view("http://host/\0", 13),
        "http://host:0/",
        "http://host:65536/",
        "http://host:+80/",
        "http://host:80a/",
        "http://host:8 0/",
        "http://ho%73t/",
        "http://h\xc3\xb6st/",
        "http://host\\@evil/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[127.0.0.1]/",
        "http://[fe80::1%eth0]/",
        "http://::1/",
    };
    for (const auto text : texts) {
        const auto url = Url::parse(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().code, Errc::Malformed) << text;
    }
}

TEST(Url, ErrorsDoNotShowSecrets) {
    const auto url = Url::parse("http://user:hunter2@ho st/?token=hunter2");
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().context.find("hunter2"), std::string::npos) << url.error().context;
    EXPECT_NE(url.error().context.find("ho st"), std::string::npos) << url.error().context;
}

TEST(Url, ChangesBetweenHttpAndWebSocket) {
    struct Row {
        std::string_view text, http, websocket;
        bool secure;
    };
    const Row rows[] = {
        {"ws://h/", "http://h/", "ws://h/", false},
        {"wss://h/x?y=1", "https://h/x?y=1", "wss://h/x?y=1", true},
        {"http://h:7880", "http://h:7880", "ws://h:7880", false},
        {"https://h", "https://h", "wss://h", true},
        {"s3://h", "s3://h", "s3://h", false},
    };
    for (const auto& row : rows) {
        const auto url = Url::parse(row.text).value();
        EXPECT_EQ(url.as_http().to_string(), row.http);
        EXPECT_EQ(url.as_websocket().to_string(), row.websocket);
        EXPECT_EQ(url.is_secure(), row.secure);
    }
}

TEST(PercentEncoding, KeepsUnreservedCharactersOnly) {
    EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
    EXPECT_EQ(percent_encode("a b/c+d"), "a%20b%2Fc%2Bd");
    EXPECT_EQ(percent_encode("a b/c", "/"), "a%20b/c");
    EXPECT_EQ(percent_encode("\xc3\xa4%"), "%C3%A4%25");
    EXPECT_EQ(percent_encode(std::string_view("\0", 1)), "%00");
}

TEST(PercentEncoding, DecodesAndLeavesBrokenSequences) {
    EXPECT_EQ(percent_decode("a%20b%2fc"), "a b/c");
    EXPECT_EQ(percent_decode("%C3%A4"), "\xc3\xa4");
    EXPECT_EQ(percent_decode("a+b"), "a+b");
    for (const std::string_view text : {"%", "%2", "%zz", "%2z", "100%"}) {
        EXPECT_EQ(percent_decode(text), text);
    }
}

TEST(Query, GivesDecodedPairsInOrder) {
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(parse_query(""), Pairs{});
    EXPECT_EQ(
        parse_query("a=1&b=%20&a=x+y&c&=d&&e=f=g"),
        (Pairs{{"a", "1"}, {"b", " "}, {"a", "x y"}, {"c", ""}, {"", "d"}, {"e", "f=g"}})
    );
}

TEST(RedactUrl, HidesPasswordsAndQueryValues) {
    struct Row {
        std::string_view text, expected;
    };
    const Row rows[] = {
        {"https://h/p", "https://h/p"},
        {"https://u:secret@h:1/p?a=1&sig=secret#secret", "https://u:{...}@h:1/p?a={...}&sig={...}"},
        {"postgres://u:sec/ret@h/db?sslmode=on", "postgres://u:{...}@h/db?sslmode={...}"},
        {"redis://:secret@h", "redis://:{...}@h"},
        {"https://user@h/", "https://user@h/"},
        {"https://h:80/a@b", "https://h:80/a@b"},
        {"https://[::1]/a@b", "https://[::1]/a@b"},
        {"https://h/?secret", "https://h/?{...}"},
        {"u:secret@h/db", "u:{...}@h/db"},
        {"", ""},
    };
    for (const auto& row : rows) EXPECT_EQ(redact_url(row.text), row.expected) << row.text;
}

}  // namespace
}  // namespace aircheck::net
