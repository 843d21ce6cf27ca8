#include "notify/signing.hpp"

#include "core/bytes.hpp"

#include <gtest/gtest.h>

namespace aircheck::notify {
namespace {

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

// Claims and signature computed with Python's hmac and hashlib.
TEST(LivekitToken, IsTheExpectedToken) {
    EXPECT_EQ(
        livekit_token(R"({"event":"egress_ended"})", {"devkey", "secret"}, at(1787221216)),
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJleHAiOjE3ODcyMjE1MTYsImlzcyI6ImRldmtleSIsIm5iZiI6MTc4NzIyMTIxNiwic2hhMjU2IjoiZ3pqK0tCR0"
        "dI"
        "UGgwbnN5bGV4S3crek53VTRFSHhLZmZkNVU1Y0RObnI3VT0ifQ."
        "KlsgUZADeJZ2KGRoLI1IIatUc6b4xot-7hKydwUM80Q"
    );
}

// The example of the Standard Webhooks specification and its libraries' tests.
TEST(StandardHeaders, MatchTheSpecificationsExample) {
    const Bytes key = from_base64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").value();
    const auto headers = standard_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        R"({"test": 2432232314})",
        as_text(key),
        at(1614265330) + 999ms
    );
    EXPECT_EQ(headers.id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
    EXPECT_EQ(headers.timestamp, "1614265330");
    EXPECT_EQ(headers.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

}  // namespace
}  // namespace aircheck::notify
