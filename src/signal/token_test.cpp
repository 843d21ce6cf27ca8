#include "signal/token.hpp"

#include "net/jwt.hpp"
#include "signal/refusal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace aircheck::signal {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const ApiKey kKey{"APIkey", "0123456789abcdef0123456789abcdef"};
const WallTime kNow{std::chrono::seconds(1'787'220'915)};

std::optional<std::string> secret_of(std::string_view key) {
    if (key == "APIkey") return kKey.secret;
    return std::nullopt;
}

TEST(RecorderToken, HasTheClaimsOfAnEgressWorker) {
    const auto claims =
        net::verify_jwt(recorder_token(kKey, "my-room", "EG_abc", kNow), kKey.secret, kNow);
    ASSERT_TRUE(claims) << claims.error().to_string();
    // livekit-wire.md section 1, to the letter.
    EXPECT_EQ(json::parse(*claims), json::parse(R"({
        "iss":"APIkey","sub":"EG_abc","iat":1787220915,"nbf":1787220915,"exp":1787307315,
        "kind":"egress",
        "video":{"roomJoin":true,"room":"my-room","canSubscribe":true,"canPublish":false,
                 "canPublishData":false,"hidden":true,"recorder":true}})"));
}

TEST(ApiToken, IsReadBack) {
    VideoGrant grant;
    grant.room_record = true;
    grant.room_list = true;
    const auto claims = verify_token("Bearer " + api_token(kKey, grant, kNow), secret_of, kNow);
    ASSERT_TRUE(claims) << claims.error().to_string();
    EXPECT_TRUE(claims->video.room_record);
    EXPECT_TRUE(claims->video.room_list);
    EXPECT_FALSE(claims->video.room_admin);
    EXPECT_FALSE(claims->video.can_publish);
    EXPECT_EQ(claims->issuer, "APIkey");
    EXPECT_EQ(claims->expires_at, kNow + std::chrono::minutes(10));
}

TEST(VerifyToken, RefusesWithTheReason) {
    const std::string good = api_token(kKey, {}, kNow);
    struct Row {
        std::string token;
        WallTime now;
        const char* words;
    };
    for (const Row& row : {
             Row{"", kNow, ""},
             Row{"a.b.c", kNow, ""},
             Row{std::string(100'000, 'x'), kNow, "longer"},
             Row{api_token({"other", kKey.secret}, {}, kNow), kNow, "unknown API key"},
             Row{api_token({"APIkey", "wrong"}, {}, kNow), kNow, ""},
             Row{good, kNow + std::chrono::hours(1), ""},
             Row{good, kNow - std::chrono::hours(1), ""},
             Row{net::sign_jwt(R"({"iss":"APIkey"})", kKey.secret), kNow, ""},
             Row{net::sign_jwt(R"({"iss":7,"exp":9999999999})", kKey.secret), kNow, "unknown"},
         }) {
        const auto claims = verify_token(row.token, secret_of, row.now);
        ASSERT_FALSE(claims) << row.words;
        EXPECT_EQ(claims.error().code, make_error_code(Errc::PermissionDenied));
        EXPECT_THAT(claims.error().to_string(), HasSubstr(row.words));
    }
}

TEST(VerifyToken, GrantsOfAnotherTypeAreNotGiven) {
    const auto claims = verify_token(
        net::sign_jwt(
            R"({"iss":"APIkey","exp":1787220999,"jti":"me","attributes":{"a":"b","c":1},
                "video":{"roomRecord":"true","roomAdmin":1,"room":[],"future":true}})",
            kKey.secret
        ),
        secret_of,
        kNow
    );
    ASSERT_TRUE(claims) << claims.error().to_string();
    EXPECT_FALSE(claims->video.room_record);
    EXPECT_FALSE(claims->video.room_admin);
    EXPECT_EQ(claims->video.room, "");
    EXPECT_EQ(claims->identity, "me");
    EXPECT_EQ(claims->attributes, (std::map<std::string, std::string>{{"a", "b"}}));
}

TEST(Refusal, SaysWhoseFaultItIs) {
    struct Row {
        int status;
        const char* body;
        Refusal::Kind kind;
        bool may_retry;
        const char* words;
    };
    using Kind = Refusal::Kind;
    for (const Row& row : {
             Row{0, "", Kind::Unreachable, true, "connection refused"},
             Row{400, "no room name", Kind::BadRequest, false, "no room name"},
             Row{401, "invalid API key: x", Kind::BadToken, false, "LIVEKIT_API_KEY"},
             Row{401, "token is expired", Kind::BadToken, false, "clock"},
             Row{404, "requested room does not exist", Kind::RoomNotFound, false, "auto_create"},
             Row{404, "<html>", Kind::NotLiveKit, false, "LIVEKIT_URL"},
             Row{200, "hello", Kind::NotLiveKit, false, "LIVEKIT_URL"},
             Row{429, "", Kind::Busy, true, "429"},
             Row{503, "no node", Kind::Busy, true, "503"},
             Row{500, "", Kind::ServerError, true, "500"},
         }) {
        const Refusal refusal = explain_refusal(
            row.status, row.body, "connection refused", "wss://lk.example/rtc?access_token=secret"
        );
        EXPECT_EQ(refusal.kind, row.kind) << row.status << row.body;
        EXPECT_EQ(refusal.may_retry, row.may_retry) << row.status;
        EXPECT_THAT(refusal.words, HasSubstr(row.words));
        EXPECT_THAT(refusal.words, HasSubstr("wss://lk.example/rtc"));
        EXPECT_THAT(refusal.words, testing::Not(HasSubstr("secret=")));
        EXPECT_THAT(refusal.words, testing::Not(HasSubstr("access_token")));
    }
    const auto hostile =
        explain_refusal(500, "\x1b[2J\n" + std::string(9000, 'x'), "", "ws://lk.example");
    EXPECT_LT(hostile.words.size(), 400u);
    EXPECT_THAT(hostile.words, testing::Not(HasSubstr("\x1b")));
    // livekit-server quotes the token that it refuses (v1.11.0).
    const std::string token =
        "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJrIn0." + std::string(300, 'S') + "_-";
    const auto quoting = explain_refusal(
        401,
        "invalid token: " + token + ", error: go-jose/go-jose: error in cryptographic",
        "",
        "ws://lk"
    );
    EXPECT_THAT(quoting.words, HasSubstr("invalid token: ***, error: go-jose"));
    EXPECT_THAT(quoting.words, HasSubstr("api_secret"));
}

}  // namespace
}  // namespace aircheck::signal
