#include "net/jwt.hpp"

#include "core/bytes.hpp"
#include "net/crypto.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace aircheck::net {
namespace {

using Json = nlohmann::json;

/// LiveKit's tokens have about 1 KiB; metadata in them may be larger.
constexpr std::size_t kMaxTokenBytes = 256 * 1024;
constexpr double kLeewaySeconds = 60;

struct Parts {
    std::string_view header;
    std::string_view claims;
    std::string_view signature;
    std::string_view signed_text;  ///< "header.claims".
};

std::optional<Parts> split(std::string_view token) {
    if (token.size() > kMaxTokenBytes) return std::nullopt;
    const auto first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const auto second = token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    if (token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
    return Parts{
        token.substr(0, first),
        token.substr(first + 1, second - first - 1),
        token.substr(second + 1),
        token.substr(0, second)};
}

std::optional<std::string> decoded(std::string_view part) {
    const auto bytes = from_base64(part);
    if (!bytes) return std::nullopt;
    return std::string(as_text(*bytes));
}

/// A JSON object, or a discarded value.
Json parse_object(std::string_view text) {
    auto json = Json::parse(text, nullptr, false);
    return json.is_object() ? json : Json(Json::value_t::discarded);
}

tl::unexpected<Error> denied(std::string why) {
    return fail(Errc::PermissionDenied, "token: " + std::move(why));
}

/// exp and nbf (RFC 7519 §4.1.4, §4.1.5).
Result<> check_times(const Json& claims, WallTime now) {
    const double seconds = to_seconds(now.time_since_epoch());
    const auto exp = claims.find("exp");
    if (exp == claims.end() || !exp->is_number()) return denied("no expiry (exp)");
    if (!(seconds < exp->get<double>() + kLeewaySeconds)) return denied("expired");
    const auto nbf = claims.find("nbf");
    if (nbf == claims.end()) return {};
    if (!nbf->is_number()) return denied("nbf is not a number");
    if (!(seconds >= nbf->get<double>() - kLeewaySeconds)) return denied("not valid yet (nbf)");
    return {};
}

}  // namespace

std::string sign_jwt(std::string_view claims_json, std::string_view secret) {
    std::string token = to_base64url(as_bytes(R"({"alg":"HS256","typ":"JWT"})"));
    token += '.';
    token += to_base64url(as_bytes(claims_json));
    const auto signature = hmac_sha256(as_bytes(secret), as_bytes(token));
    token += '.';
    token += to_base64url(signature);
    return token;
}

Result<std::string> unverified_jwt_claims(std::string_view token) {
    const auto parts = split(token);
    if (!parts) return fail(Errc::Malformed, "token: not three parts joined by dots");
    auto claims = decoded(parts->claims);
    if (!claims || parse_object(*claims).is_discarded()) {
        return fail(Errc::Malformed, "token: the claims are no JSON object");
    }
    return *std::move(claims);
}

Result<std::string> verify_jwt(std::string_view token, std::string_view secret, WallTime now) {
    if (secret.empty()) return denied("there is no secret to verify it with");
    const auto parts = split(token);
    if (!parts) return denied("not three parts joined by dots");

    const auto header_text = decoded(parts->header);
    const auto header = header_text ? parse_object(*header_text) : Json(Json::value_t::discarded);
    if (header.is_discarded()) return denied("the header is no JSON object");
    // The algorithm is ours to choose, never the token's (RFC 8725 §3.1).
    const auto alg = header.find("alg");
    if (alg == header.end() || *alg != "HS256") return denied("not signed with HS256");
    if (header.contains("crit")) return denied("demands extensions (crit)");

    const auto signature = from_base64(parts->signature);
    const auto expected = hmac_sha256(as_bytes(secret), as_bytes(parts->signed_text));
    if (!signature || !constant_time_equal(*signature, expected)) return denied("wrong signature");

    auto claims_text = decoded(parts->claims);
    const auto claims = claims_text ? parse_object(*claims_text) : Json(Json::value_t::discarded);
    if (claims.is_discarded()) return denied("the claims are no JSON object");
    AC_CHECK_OK(check_times(claims, now));
    return *std::move(claims_text);
}

}  // namespace aircheck::net
