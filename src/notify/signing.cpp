#include "notify/signing.hpp"

#include "core/bytes.hpp"
#include "net/crypto.hpp"
#include "net/jwt.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::notify {
namespace {

std::int64_t seconds_of(WallTime time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

std::string livekit_token(std::string_view body, const ApiKey& key, WallTime now) {
    constexpr std::int64_t kLifetimeSeconds = 300;
    const std::int64_t issued = seconds_of(now);
    const nlohmann::json claims = {
        {"iss", key.name},
        {"nbf", issued},
        {"exp", issued + kLifetimeSeconds},
        {"sha256", to_base64(net::sha256(as_bytes(body)))},
    };
    return net::sign_jwt(claims.dump(), key.secret);
}

StandardHeaders standard_headers(
    std::string_view id, std::string_view body, std::string_view secret, WallTime now
) {
    StandardHeaders headers{std::string(id), std::to_string(seconds_of(now)), {}};
    const std::string content = headers.id + "." + headers.timestamp + "." + std::string(body);
    headers.signature = "v1," + to_base64(net::hmac_sha256(as_bytes(secret), as_bytes(content)));
    return headers;
}

}  // namespace aircheck::notify
