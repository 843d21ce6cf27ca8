#pragma once

#include "core/time.hpp"

#include <string>
#include <string_view>

namespace aircheck::notify {

struct ApiKey {
    std::string name;  ///< LiveKit's API key: the token's `iss`.
    std::string secret;
};

/// The value of `Authorization` for LiveKit's webhooks (livekit-wire 8.1): a token with iss, nbf,
/// exp (five minutes on) and `sha256`, the base64 of the body's SHA-256. Without "Bearer".
[[nodiscard]] std::string livekit_token(std::string_view body, const ApiKey& key, WallTime now);

/// Standard Webhooks 1.0: the three headers that sign `body`. The key is the API secret's bytes, so
/// a receiver's library is given "whsec_" + base64(secret).
struct StandardHeaders {
    std::string id;         ///< webhook-id: the same on every try.
    std::string timestamp;  ///< webhook-timestamp: seconds.
    std::string signature;  ///< webhook-signature: "v1," + base64 HMAC-SHA256 of id.timestamp.body.
};
[[nodiscard]] StandardHeaders standard_headers(
    std::string_view id, std::string_view body, std::string_view secret, WallTime now
);

}  // namespace aircheck::notify
