#include "control/room_service.hpp"

#include "tests/support/loop_thread.hpp"

#include "net/http_server.hpp"
#include "proto/livekit_room.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace aircheck::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What `ws_url` points to, be it LiveKit or not.
class Server {
public:
    explicit Server(net::HttpServerResponse answer) {
        loop_.call([&] {
            server_ = net::HttpServer::start(
                          loop_.loop,
                          {},
                          [answer](const net::HttpServerRequest&, const auto& respond) {
                              respond(answer);
                          }
            ).value();
        });
    }
    ~Server() {
        loop_.call([this] { server_.reset(); });
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] Result<livekit::ListRoomsResponse> list_rooms() {
        recorder::RoomAccess access;
        access.ws_url = "ws://" + server_->local().to_string();
        access.api_key = "devkey";
        access.api_secret = "devsecret";
        net::HttpClient http;
        return RoomService(access, http).list_rooms();
    }

private:
    tests::LoopThread loop_;
    std::unique_ptr<net::HttpServer> server_;
};

net::HttpServerResponse answer_of(int status, const std::string& type, std::string body) {
    net::HttpServerResponse answer;
    answer.status = status;
    if (!type.empty()) answer.headers.set("Content-Type", type);
    answer.body = std::move(body);
    return answer;
}

TEST(RoomService, ReadsLiveKitsAnswer) {
    livekit::ListRoomsResponse rooms;
    rooms.add_rooms()->set_name("lobby");
    Server server(answer_of(200, "application/protobuf", rooms.SerializeAsString()));
    const auto answer = server.list_rooms();
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->rooms(0).name(), "lobby");
}

TEST(RoomService, SaysThatAServerIsNotLiveKit) {
    const net::HttpServerResponse answers[] = {
        answer_of(200, "text/html", "<html><title>It works</title>\n<body>\x1b[2J</html>"),
        answer_of(200, "", ""),  // As a message that would be: no room, anywhere.
        answer_of(301, "text/html", "<a href='/x'>Moved</a>"),
        answer_of(404, "application/json", R"({"detail":"Not Found"})"),
        answer_of(404, "text/plain", "404 page not found\n"),
        answer_of(501, "text/html", "<!DOCTYPE HTML>\n<p>Unsupported method ('POST').</p>"),
    };
    for (const auto& answer : answers) {
        Server server(answer);
        const auto rooms = server.list_rooms();
        ASSERT_FALSE(rooms) << answer.body;
        EXPECT_EQ(rooms.error().code, Errc::Unavailable);
        EXPECT_THAT(
            rooms.error().context,
            AllOf(
                HasSubstr("does not look like LiveKit"),
                HasSubstr("HTTP " + std::to_string(answer.status)),
                HasSubstr("LIVEKIT_URL"),
                Not(HasSubstr("<")),
                Not(HasSubstr("\n")),
                Not(HasSubstr("\x1b"))
            )
        );
    }
    Server html(answers[0]);
    EXPECT_THAT(html.list_rooms().error().context, HasSubstr("HTTP 200 \"It works [2J\""));
}

TEST(RoomService, QuotesWhatLiveKitAndItsProxySay) {
    const std::pair<net::HttpServerResponse, std::pair<Errc, std::string>> rows[] = {
        {answer_of(404, "application/json", R"({"code":"not_found","msg":"no such room"})"),
         {Errc::NotFound, "no such room"}},
        {answer_of(500, "application/json", R"({"code":"internal","msg":"redis is down"})"),
         {Errc::Unavailable, "redis is down"}},
        {answer_of(502, "text/html", "<h1>502 Bad Gateway</h1><hr>nginx"),
         {Errc::Unavailable, "HTTP 502 \"502 Bad Gateway nginx\""}},
        {answer_of(503, "", ""), {Errc::Unavailable, "HTTP 503"}},
        {answer_of(400, "text/plain", "Client sent an HTTP request to an HTTPS server."),
         {Errc::Unavailable, "the port speaks TLS"}},
        {answer_of(401, "text/plain", "invalid token"), {Errc::PermissionDenied, "devkey"}},
        {answer_of(200, "application/protobuf", "\xff\xff"), {Errc::Malformed, "ListRooms"}},
    };
    for (const auto& [answer, expected] : rows) {
        Server server(answer);
        const auto rooms = server.list_rooms();
        ASSERT_FALSE(rooms) << answer.body;
        EXPECT_EQ(rooms.error().code, expected.first) << rooms.error().context;
        EXPECT_THAT(rooms.error().context, HasSubstr(expected.second));
        EXPECT_THAT(rooms.error().context, Not(HasSubstr("look like")));
    }
}

}  // namespace
}  // namespace aircheck::control
