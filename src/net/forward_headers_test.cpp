#include "net/forward_headers.hpp"

#include "net/http_forward.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

namespace aircheck::net {
namespace {

std::string text_of(const Headers& headers) {
    std::string text;
    for (const auto& [name, value] : headers) text += name + "=" + value + ";";
    return text;
}

struct FieldsRow {
    std::string name;
    Headers given;
    std::string kept;
    friend void PrintTo(const FieldsRow& row, std::ostream* out) { *out << row.name; }
};

class EndToEnd : public testing::TestWithParam<FieldsRow> {};

TEST_P(EndToEnd, LeavesOutWhatIsOfOneConnection) {
    EXPECT_EQ(text_of(end_to_end(GetParam().given)), GetParam().kept);
}

// RFC 9110 §7.6.1, and RFC 9112 §6 on who frames a message.
INSTANTIATE_TEST_SUITE_P(
    Rfc9110,
    EndToEnd,
    testing::Values(
        FieldsRow{
            "KeepsTheRestAsItIs",
            {{"Authorization", "Bearer a.b.c"}, {"X-Twirp-Timeout-Ms", "10000"}, {"Cookie", "a=1"}},
            "Authorization=Bearer a.b.c;X-Twirp-Timeout-Ms=10000;Cookie=a=1;"},
        FieldsRow{
            "KeepsRepetitions",
            {{"Set-Cookie", "a"}, {"Set-Cookie", "b"}},
            "Set-Cookie=a;Set-Cookie=b;"},
        FieldsRow{
            "Listed",
            {{"connection", "close"},
             {"Keep-Alive", "timeout=5"},
             {"TE", "trailers"},
             {"Trailer", "X"},
             {"transfer-encoding", "chunked"},
             {"Upgrade", "h2c"},
             {"Proxy-Authorization", "Basic x"},
             {"Proxy-Connection", "close"},
             {"Proxy-Authenticate", "Basic"},
             {"Expect", "100-continue"},
             {"X", "y"}},
            "X=y;"},
        FieldsRow{
            "NamedByConnection",
            {{"Connection", "close , X-Hop,,x-other"},
             {"x-hop", "1"},
             {"X-Other", "2"},
             {"X", "3"},
             {"Connection", "Y"},
             {"y", "4"}},
            "X=3;"},
        FieldsRow{
            "Length",
            {{"Content-Length", "7"}, {"Content-Type", "text/plain"}},
            "Content-Type=text/plain;"},
        FieldsRow{
            "NoLineBreaks",
            {{"A", "b\r\nC: d"}, {"E", std::string("f\0g", 3)}, {"H", "\t"}},
            "H=\t;"}
    ),
    [](const auto& row) { return row.param.name; }
);

HttpServerRequest request_of(std::string method, std::string path, std::string query) {
    HttpServerRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    request.remote = {"192.0.2.7", 40000};
    return request;
}

TEST(ForwardedRequest, IsTheSameForAnotherServer) {
    auto request = request_of("POST", "/twirp/livekit.RoomService/ListRooms", "a=%20b&c");
    request.headers = {
        {"Host", "aircheck.example"},
        {"Authorization", "Bearer a.b.c"},
        {"Connection", "keep-alive"},
        {"Content-Length", "99"},
        {"Content-Type", "application/json"},
    };
    request.body = "{}";
    EXPECT_EQ(
        forwarded_request(request, Url::parse("wss://project.example/base/").value()),
        "POST /base/twirp/livekit.RoomService/ListRooms?a=%20b&c HTTP/1.1\r\n"
        "Host: project.example\r\n"
        "Authorization: Bearer a.b.c\r\n"
        "Content-Type: application/json\r\n"
        "X-Forwarded-For: 192.0.2.7\r\n"
        "Via: 1.1 aircheck\r\n"
        "Connection: close\r\n"
        "Content-Length: 2\r\n\r\n{}"
    );
}

TEST(ForwardedRequest, AsksForAnUpgradeInItsOwnName) {
    auto request = request_of("GET", "/rtc", "access_token=t");
    request.headers = {
        {"Host", "aircheck.example"},
        {"Connection", "keep-alive, Upgrade"},
        {"Upgrade", "WebSocket"},
        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
        {"Sec-WebSocket-Version", "13"},
        {"X-Forwarded-For", "198.51.100.1"},
        {"Via", "1.1 balancer"},
    };
    request.body = "never sent";
    request.remote.address = "::ffff:192.0.2.7";  // A listener for both families.
    EXPECT_EQ(
        forwarded_request(request, Url::parse("http://127.0.0.1:7880").value()),
        "GET /rtc?access_token=t HTTP/1.1\r\n"
        "Host: 127.0.0.1:7880\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "X-Forwarded-For: 198.51.100.1, 192.0.2.7\r\n"
        "Via: 1.1 balancer, 1.1 aircheck\r\n"
        "Connection: Upgrade\r\n"
        "Upgrade: websocket\r\n\r\n"
    );
}

TEST(ForwardedRequest, AWebSocketIsAskedForByBothFields) {
    struct Row {
        std::string method, connection, upgrade;
        bool asks;
    };
    const Row rows[] = {
        {"GET", "Upgrade", "websocket", true},
        {"GET", "keep-alive, upgrade", "WebSocket", true},
        {"GET", "keep-alive", "websocket", false},
        {"GET", "", "websocket", false},
        {"GET", "upgrade", "h2c", false},
        {"POST", "Upgrade", "websocket", false},
    };
    for (const auto& row : rows) {
        auto request = request_of(row.method, "/rtc", "");
        request.headers = {{"Connection", row.connection}, {"Upgrade", row.upgrade}};
        EXPECT_EQ(asks_for_websocket(request), row.asks) << row.method << " " << row.connection;
    }
}

TEST(ForwardedRequest, IsKnownWhenItComesBack) {
    EXPECT_TRUE(was_forwarded({{"Via", "1.1 balancer, 1.1 Aircheck (x)"}}));
    EXPECT_TRUE(was_forwarded({{"Via", "1.1 a"}, {"via", "1.1 aircheck"}}));
    EXPECT_FALSE(was_forwarded({{"Via", "1.1 aircheck.example, aircheck"}}));
    EXPECT_FALSE(was_forwarded({{"X", "1.1 aircheck"}}));
}

TEST(SwitchingProtocols, SaysWhatTheServerAgreedTo) {
    EXPECT_EQ(
        switching_protocols(
            {{"Upgrade", "websocket"},
             {"Connection", "Upgrade"},
             {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
             {"Sec-WebSocket-Extensions", "permessage-deflate"}}
        ),
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
}

TEST(ForwardShared, LeavesDescriptorsToRecordings) {
    rlimit descriptors{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
    ForwardShared shared;
    std::vector<std::shared_ptr<void>> taken;
    while (auto place = shared.take_place()) taken.push_back(std::move(place));
    EXPECT_EQ(taken.size(), std::min<std::size_t>(2048, descriptors.rlim_cur / 8));
    taken.pop_back();
    EXPECT_NE(shared.take_place(), nullptr);
    EXPECT_NE(shared.take_place(), nullptr) << "given back at once when nobody keeps it";
}

TEST(ForwardShared, WarnsOnceASecond) {
    ForwardShared shared;
    const Instant start{};
    EXPECT_TRUE(shared.may_warn(start));
    EXPECT_FALSE(shared.may_warn(start + 999ms));
    EXPECT_TRUE(shared.may_warn(start + 1s));
    EXPECT_FALSE(shared.may_warn(start + 1s));
}

}  // namespace
}  // namespace aircheck::net
