#include "notify/webhook_verify.hpp"

#include "core/bytes.hpp"
#include "net/crypto.hpp"
#include "net/jwt.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace aircheck::notify {
namespace {

using Json = nlohmann::json;

std::string_view without_bearer(std::string_view header) {
    constexpr std::string_view kBearer = "bearer ";
    const bool has = header.size() > kBearer.size() &&
                     std::equal(kBearer.begin(), kBearer.end(), header.begin(), [](char a, char b) {
                         return a == std::tolower(static_cast<unsigned char>(b));
                     });
    if (has) header.remove_prefix(kBearer.size());
    while (header.starts_with(' ')) header.remove_prefix(1);
    while (header.ends_with(' ')) header.remove_suffix(1);
    return header;
}

std::string text_claim(const Json& claims, const char* name) {
    if (!claims.is_object()) return {};
    const auto found = claims.find(name);
    return found != claims.end() && found->is_string() ? found->get<std::string>() : std::string();
}

tl::unexpected<Error> denied(std::string why) {
    return fail(Errc::PermissionDenied, "webhook: " + std::move(why));
}

}  // namespace

Result<std::string> verify_webhook(
    std::string_view authorization,
    std::string_view body,
    const std::map<std::string, std::string>& api_keys,
    WallTime now
) {
    const std::string_view token = without_bearer(authorization);
    if (token.empty()) return denied("no Authorization header");
    const auto unverified = net::unverified_jwt_claims(token);
    if (!unverified) return denied("the Authorization header holds no token");
    const auto key = api_keys.find(text_claim(Json::parse(*unverified, nullptr, false), "iss"));
    if (key == api_keys.end()) return denied("signed by an API key that is not configured");
    const auto claims = net::verify_jwt(token, key->second, now);
    if (!claims) return tl::unexpected(in_context("webhook", claims.error()));
    const std::string claim = text_claim(Json::parse(*claims, nullptr, false), "sha256");
    const auto told = from_base64(claim);
    const auto actual = net::sha256(as_bytes(body));
    if (claim.empty() || !told) return denied("its token has no hash of the body (sha256)");
    if (!net::constant_time_equal(*told, actual)) return denied("the body is not the one signed");
    return key->first;
}

}  // namespace aircheck::notify
