#include "api/forwarding.hpp"

#include "api/cors.hpp"

#include <gtest/gtest.h>

#include <string>

namespace aircheck::api {
namespace {

TEST(Forwarding, IsForWhatLiveKitServesAndAircheckDoesNot) {
    for (const std::string path :
         {"/twirp/livekit.RoomService/ListRooms",
          "/twirp/livekit.SIP/CreateSIPParticipant",
          "/twirp/livekit.AgentDispatchService/CreateDispatch",
          "/rtc",
          "/rtc/v1",
          "/rtc/validate",
          "/rtc/v1/validate",
          "/agent"}) {
        EXPECT_TRUE(is_livekits_own(path)) << path;
    }
}

/// Each is something of ours, or might be read as something else by the server behind.
TEST(Forwarding, IsForNothingElse) {
    for (const std::string path :
         {"/",
          "",
          "*",
          "/twirp",
          "/twirp/",
          "/twirp/livekit.RoomService",
          "/twirp/livekit.RoomService/",
          "/twirp/livekit.RoomService/ListRooms/",
          "/twirp//livekit.RoomService/ListRooms",
          "/prefix/twirp/livekit.RoomService/ListRooms",
          "/twirp/livekit.RoomService/../../debug",
          "/twirp/livekit.Egress/StartWebEgress",
          "/twirp/livekit.Egress/NoSuchMethod",
          "/twirp/livekit.egress/StartWebEgress",
          "/twirp/LIVEKIT.EGRESS/StartWebEgress",
          "/twirp//livekit.Egress/StartWebEgress",
          "/twirp/./livekit.Egress/StartWebEgress",
          "/twirp/x/../livekit.Egress/StartWebEgress",
          "/twirp/livekit%2eEgress/StartWebEgress",
          "/twirp/livekit.Egress%2FStartWebEgress",
          "/twirp/livekit.Egress/StartWebEgress%20",
          "/twirp/livekit.Egress;x/StartWebEgress",
          "/rtcx",
          "/rtc/",
          "/rtc//v1",
          "/rtc/../debug/pprof",
          "/rtc/%2e%2e/debug",
          "/rtc\\..\\debug",
          "/rtc/.",
          "/agent/x",
          "/agents",
          "/metrics",
          "/debug/rooms",
          "/settings/regions",
          "/webhooks/livekit",
          "/api/v1/conversations"}) {
        EXPECT_FALSE(is_livekits_own(path)) << path;
    }
}

TEST(Forwarding, GoesToTheConfiguredServerOnly) {
    const auto forwarding = forwarding_to("wss://project.example/base", "/ca.pem");
    ASSERT_TRUE(forwarding);
    EXPECT_EQ(forwarding->to.host, "project.example");
    EXPECT_EQ(forwarding->to.port, 443);
    EXPECT_EQ(forwarding->ca_file, "/ca.pem");
    net::HttpServerRequest request;
    request.target = "http://elsewhere.example/rtc";
    request.path = "/rtc";
    EXPECT_TRUE(forwarding->takes(request));
    request.path = "/twirp/livekit.Egress/ListEgress";
    EXPECT_FALSE(forwarding->takes(request));

    const auto bad = forwarding_to("nonsense", "");
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().context.find("ws_url"), std::string::npos) << bad.error().context;
}

struct FailureRow {
    std::string path;
    net::HttpForwarding::Failure why;
    int status;
    std::string content_type, words;
};

TEST(Forwarding, FailsInTheWordsOfTheApiThatWasAsked) {
    using Failure = net::HttpForwarding::Failure;
    const FailureRow rows[] = {
        {"/twirp/livekit.RoomService/ListRooms",
         Failure::Unreachable,
         502,
         "application/json",
         R"({"code":"unavailable","msg":"the LiveKit server that)"},
        {"/twirp/livekit.RoomService/ListRooms",
         Failure::Busy,
         503,
         "application/json",
         R"({"code":"unavailable","msg":"aircheck passes on as many)"},
        {"/rtc", Failure::NoAnswer, 502, "application/problem+json", "has not answered"},
        {"/rtc/validate", Failure::Loop, 502, "application/problem+json", "ws_url leads back"},
        {"/agent", Failure::Unreachable, 502, "application/problem+json", R"("Bad Gateway")"},
    };
    for (const FailureRow& row : rows) {
        net::HttpServerRequest request;
        request.path = row.path;
        request.headers = {{"Origin", "https://app.example"}};
        const auto answer = forward_failure(request, row.why);
        EXPECT_EQ(answer.status, row.status) << row.path;
        EXPECT_EQ(answer.headers.get("Content-Type"), row.content_type) << row.path;
        EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "https://app.example");
        EXPECT_NE(answer.body.find(row.words), std::string::npos) << answer.body;
    }
}

TEST(Forwarding, WhereItIsOffTheSettingIsNamed) {
    net::HttpServerRequest request;
    for (const std::string path : {"/rtc", "/twirp/livekit.RoomService/ListRooms"}) {
        request.path = path;
        const auto answer = not_forwarded(request);
        EXPECT_EQ(answer.status, 404);
        EXPECT_NE(answer.body.find("http.forward"), std::string::npos) << answer.body;
    }
    EXPECT_NE(not_forwarded(request).body.find(R"("code":"bad_route")"), std::string::npos);
}

// As livekit-server 1.11 answers the same.
TEST(Cors, APreflightIsGrantedForADay) {
    net::HttpServerRequest request;
    request.method = "OPTIONS";
    request.headers = {
        {"Origin", "https://app.example"},
        {"Access-Control-Request-Method", "POST"},
        {"Access-Control-Request-Headers", "authorization,content-type"}};
    const auto answer = answer_preflight(request);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 204);
    EXPECT_EQ(answer->headers.get("Access-Control-Allow-Origin"), "https://app.example");
    EXPECT_EQ(answer->headers.get("Access-Control-Allow-Methods"), "POST");
    EXPECT_EQ(answer->headers.get("Access-Control-Allow-Headers"), "authorization,content-type");
    EXPECT_EQ(answer->headers.get("Access-Control-Max-Age"), "86400");
    EXPECT_FALSE(answer->headers.has("Access-Control-Allow-Credentials"));

    request.method = "POST";
    EXPECT_FALSE(answer_preflight(request));
    request.method = "OPTIONS";
    request.headers = {{"Origin", "https://app.example"}};
    EXPECT_FALSE(answer_preflight(request)) << "an OPTIONS of another kind";
}

TEST(Cors, AnswersMayBeReadByTheOriginThatAsked) {
    net::HttpServerRequest request;
    net::HttpServerResponse last;
    const auto respond = [&](net::HttpServerResponse answer) { last = std::move(answer); };
    allowing_origin(request, respond)({200, {}, "x", std::nullopt});
    EXPECT_FALSE(last.headers.has("Access-Control-Allow-Origin")) << "no browser";
    request.headers = {{"Origin", "https://app.example"}};
    allowing_origin(request, respond)({401, {{"Content-Type", "a/b"}}, "x", std::nullopt});
    EXPECT_EQ(last.status, 401);
    EXPECT_EQ(last.body, "x");
    EXPECT_EQ(last.headers.get("Content-Type"), "a/b");
    EXPECT_EQ(last.headers.get("Access-Control-Allow-Origin"), "https://app.example");
    EXPECT_EQ(last.headers.get("Vary"), "Origin");
}

}  // namespace
}  // namespace aircheck::api
