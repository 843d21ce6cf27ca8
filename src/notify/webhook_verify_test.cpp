#include "notify/webhook_verify.hpp"

#include "notify/signing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::notify {
namespace {

constexpr std::int64_t kIssued = 1787221216;
constexpr std::string_view kBody = R"({"event":"egress_ended"})";

// Tokens made by PyJWT, which LiveKit's Python SDK signs with; valid for 300 s from kIssued.
constexpr const char* kHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";
constexpr const char* kClaims =
    "eyJpc3MiOiJkZXZrZXkiLCJuYmYiOjE3ODcyMjEyMTYsImV4cCI6MTc4NzIyMTUxNiwic2hhMjU2IjoiZ3pqK0tCR0dIUG"
    "gw"
    "bnN5bGV4S3crek53VTRFSHhLZmZkNVU1Y0RObnI3VT0ifQ.";
const std::string kGood =
    std::string(kHeader) + kClaims + "YXVX6eTl2UKM0hgUpBve6WVSc2mMSu7LcsyX9ALtUV8";
const std::string kOtherSecret =
    std::string(kHeader) + kClaims + "5pHUEfnmbJ-RKuzopL6koyrrtH_oBsaSzTIhv0l7iPU";
const std::string kAlgorithmNone = std::string("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.") + kClaims;
const std::string kNoHash = std::string(kHeader) +
                            "eyJpc3MiOiJkZXZrZXkiLCJuYmYiOjE3ODcyMjEyMTYsImV4cCI6MTc4NzIyMTUxNn0."
                            "Pg-QmR7FVMJ8SCzK6QraRJBfnFxqMeIUw2z8oJTshRw";
const std::string kUnknownKey =
    std::string(kHeader) +
    "eyJpc3MiOiJvdGhlciIsIm5iZiI6MTc4NzIyMTIxNiwiZXhwIjoxNzg3MjIxNTE2LCJzaGEyNTYiOiJnemorS0JHR0hQaD"
    "Bu"
    "c3lsZXhLdyt6TndVNEVIeEtmZmQ1VTVjRE5ucjdVPSJ9.SG9tX9ryiYdWtUcuJ3RYFsllhzvddqTkd4s6U8E_sq4";

struct Row {
    std::string name, header;
    std::string body = std::string(kBody);
    std::int64_t seconds_later = 1;
    std::string refusal;  ///< Part of the message; "": accepted.
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class Verify : public testing::TestWithParam<Row> {};

TEST_P(Verify, AcceptsOrSaysWhy) {
    const std::map<std::string, std::string> keys = {{"another", "key"}, {"devkey", "secret"}};
    const WallTime now(std::chrono::seconds(kIssued + GetParam().seconds_later));
    const auto verified = verify_webhook(GetParam().header, GetParam().body, keys, now);
    if (GetParam().refusal.empty()) {
        ASSERT_TRUE(verified) << verified.error().to_string();
        EXPECT_EQ(*verified, "devkey");
        return;
    }
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, Errc::PermissionDenied);
    EXPECT_THAT(verified.error().context, testing::HasSubstr(GetParam().refusal));
    EXPECT_THAT(verified.error().context, testing::Not(testing::HasSubstr("secret")));
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    Verify,
    testing::Values(
        Row{"Good", kGood, std::string(kBody), 1, ""},
        Row{"Bearer", "Bearer " + kGood, std::string(kBody), 1, ""},
        Row{"LowerCaseBearer", "bearer  " + kGood, std::string(kBody), 1, ""},
        Row{"InTheLeeway", kGood, std::string(kBody), 359, ""},
        Row{"EarlyInTheLeeway", kGood, std::string(kBody), -59, ""},
        Row{"Expired", kGood, std::string(kBody), 361, "expired"},
        Row{"NotYet", kGood, std::string(kBody), -61, "nbf"},
        Row{"OtherBody", kGood, R"({"event": "egress_ended"})", 1, "body is not the one"},
        Row{"EmptyBody", kGood, "", 1, "body is not the one"},
        Row{"NoHeader", "", std::string(kBody), 1, "no Authorization"},
        Row{"OnlyBearer", "Bearer ", std::string(kBody), 1, "token"},
        Row{"Garbage", "a.b.c", std::string(kBody), 1, "token"},
        Row{"OtherSecret", kOtherSecret, std::string(kBody), 1, "signature"},
        Row{"AlgorithmNone", kAlgorithmNone, std::string(kBody), 1, "token"},
        Row{"UnknownKey", kUnknownKey, std::string(kBody), 1, "not configured"},
        Row{"NoHash", kNoHash, std::string(kBody), 1, "sha256"}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(Verify, TakesWhatWeSign) {
    const WallTime now{std::chrono::seconds(kIssued)};
    const std::string token = livekit_token(kBody, {"k2", "s2"}, now);
    EXPECT_EQ(
        verify_webhook(token, kBody, {{"devkey", "secret"}, {"k2", "s2"}}, now).value(), "k2"
    );
}

}  // namespace
}  // namespace aircheck::notify
