#include "net/jwt.hpp"

#include "core/bytes.hpp"
#include "net/crypto.hpp"

#include <gtest/gtest.h>

namespace aircheck::net {
namespace {

WallTime at(std::int64_t unix_seconds) { return WallTime(std::chrono::seconds(unix_seconds)); }

// RFC 7515, appendix A.1: the example signed with HMAC SHA-256; its claims expire at 1300819380.
constexpr std::string_view kRfcToken =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    "."
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr std::string_view kRfcKey =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
constexpr std::int64_t kRfcExpiry = 1300819380;

std::string rfc_key() { return std::string(as_text(from_base64(kRfcKey).value())); }

/// A token with any header and claims, correctly signed.
std::string token_of(std::string_view header, std::string_view claims, std::string_view secret) {
    auto token = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims));
    return token + "." + to_base64url(hmac_sha256(as_bytes(secret), as_bytes(token)));
}

constexpr std::string_view kHs256 = R"({"alg":"HS256"})";

TEST(Jwt, VerifiesTheExampleOfRfc7515) {
    const auto claims = verify_jwt(kRfcToken, rfc_key(), at(kRfcExpiry - 10));
    ASSERT_TRUE(claims) << claims.error().to_string();
    EXPECT_EQ(
        *claims,
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
    );
    EXPECT_EQ(unverified_jwt_claims(kRfcToken).value(), *claims);
}

TEST(Jwt, SignsLikeOtherLibraries) {
    // The example that jwt.io has shown for years.
    EXPECT_EQ(
        sign_jwt(
            R"({"sub":"1234567890","name":"John Doe","iat":1516239022})", "your-256-bit-secret"
        ),
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
        "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    );
}

TEST(Jwt, HoldsTimesWithAMinuteOfLeeway) {
    struct Row {
        std::string_view claims;
        std::int64_t now;
        std::string_view reason;  ///< "" when valid.
    };
    const Row rows[] = {
        {R"({"exp":1000})", 1059, ""},
        {R"({"exp":1000})", 1060, "expired"},
        {R"({"exp":1000.5})", 1060, ""},
        {R"({"exp":1000,"nbf":500})", 440, ""},
        {R"({"exp":1000,"nbf":500})", 439, "not valid yet"},
        {R"({"exp":1000,"nbf":"500"})", 600, "nbf"},
        {R"({"nbf":500})", 600, "no expiry"},
        {R"({"exp":"1000"})", 600, "no expiry"},
        {R"({"exp":null})", 600, "no expiry"},
        {R"({"exp":-1})", 600, "expired"},
        {R"([1000])", 600, "no JSON object"},
    };
    for (const auto& row : rows) {
        const auto result = verify_jwt(token_of(kHs256, row.claims, "s"), "s", at(row.now));
        if (row.reason.empty()) {
            ASSERT_TRUE(result) << row.claims << ": " << result.error().to_string();
            EXPECT_EQ(*result, row.claims);
            continue;
        }
        ASSERT_FALSE(result) << row.claims;
        EXPECT_EQ(result.error().code, Errc::PermissionDenied);
        EXPECT_NE(result.error().context.find(row.reason), std::string::npos)
            << result.error().context;
    }
}

TEST(Jwt, TheTokenDoesNotChooseItsAlgorithm) {
    const auto none = to_base64url(as_bytes(R"({"alg":"none"})")) + "." +
                      to_base64url(as_bytes(R"({"exp":2000})")) + ".";
    const std::string tokens[] = {
        none,
        token_of(R"({"alg":"none"})", R"({"exp":2000})", "s"),
        token_of(R"({"alg":"HS384"})", R"({"exp":2000})", "s"),
        token_of(R"({"alg":"RS256"})", R"({"exp":2000})", "s"),
        token_of(R"({"alg":"hs256"})", R"({"exp":2000})", "s"),
        token_of(R"({"alg":["HS256"]})", R"({"exp":2000})", "s"),
        token_of(R"({"typ":"JWT"})", R"({"exp":2000})", "s"),
    };
    for (const auto& token : tokens) {
        const auto result = verify_jwt(token, "s", at(1000));
        ASSERT_FALSE(result) << token;
        EXPECT_NE(result.error().context.find("HS256"), std::string::npos) << token;
    }
    const auto crit = token_of(R"({"alg":"HS256","crit":["x"]})", R"({"exp":2000})", "s");
    EXPECT_FALSE(verify_jwt(crit, "s", at(1000)));
}

TEST(Jwt, RefusesWrongSecretsAndChangedTokens) {
    const auto now = at(kRfcExpiry - 10);
    EXPECT_FALSE(verify_jwt(kRfcToken, "another", now));
    EXPECT_FALSE(verify_jwt(kRfcToken, "", now));
    // An empty secret must not make tokens signed with an empty key valid.
    EXPECT_FALSE(verify_jwt(token_of(kHs256, R"({"exp":2000})", ""), "", at(1000)));
    for (std::size_t i = 0; i + 1 < kRfcToken.size(); ++i) {
        std::string changed(kRfcToken);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        const auto result = verify_jwt(changed, rfc_key(), now);
        ASSERT_FALSE(result) << i;
        EXPECT_EQ(result.error().code, Errc::PermissionDenied);
    }
}

TEST(Jwt, RefusesWhatIsNoToken) {
    const std::string_view texts[] = {"", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "{}.{}.{}"};
    for (const auto text : texts) {
        EXPECT_FALSE(verify_jwt(text, "s", at(0))) << text;
        const auto claims = unverified_jwt_claims(text);
        ASSERT_FALSE(claims) << text;
        EXPECT_EQ(claims.error().code, Errc::Malformed);
    }
    EXPECT_FALSE(unverified_jwt_claims("a." + std::string(1'000'000, 'a') + ".b"));
    // Nesting deep enough to exhaust a recursive parser's stack.
    const std::string deep = R"({"exp":)" + std::string(150'000, '[');
    EXPECT_FALSE(verify_jwt(token_of(kHs256, deep, "s"), "s", at(0)));
}

}  // namespace
}  // namespace aircheck::net
