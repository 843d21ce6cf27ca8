#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::signal {

/// A LiveKit API key and its secret.
struct ApiKey {
    std::string key;
    std::string secret;
};

/// The `video` grants of an access token. Absent booleans are false, but the three nullable ones,
/// which are true when absent.
struct VideoGrant {
    bool room_create = false;
    bool room_list = false;
    bool room_record = false;
    bool room_admin = false;
    bool room_join = false;
    std::string room;  ///< The room the grant applies to; "" = none named.
    std::optional<bool> can_publish;
    std::optional<bool> can_subscribe;
    std::optional<bool> can_publish_data;
    bool hidden = false;
    bool recorder = false;
    bool agent = false;
};

/// What a LiveKit access token says (a JWT, livekit-wire.md section 1). Unknown claims and grants
/// are ignored when reading.
struct TokenClaims {
    std::string issuer;    ///< `iss`: the API key's name.
    std::string identity;  ///< `sub`.
    std::string name;
    std::string metadata;
    std::string kind;  ///< "standard", "egress", "agent" …; "" = absent, which means standard.
    std::map<std::string, std::string> attributes;
    VideoGrant video;
    std::string body_sha256;  ///< `sha256` of webhooks: base64 of a body's digest; "" = absent.
    WallTime expires_at{};
};

/// Signs `claims` with `key` (its name replaces `claims.issuer`): `iat` and `nbf` are `now`, `exp`
/// is `now + life` (`claims.expires_at` is not looked at).
[[nodiscard]] std::string sign_token(
    const ApiKey& key, const TokenClaims& claims, WallTime now, Nanoseconds life
);

/// The token a recorder joins `room` with: identity = the egress id, hidden, kind egress, may
/// subscribe and nothing else.
[[nodiscard]] std::string recorder_token(
    const ApiKey& key,
    std::string_view room,
    std::string_view egress_id,
    WallTime now,
    Nanoseconds life = std::chrono::hours(24)
);

/// A token for a server API (RoomService, Egress): `grant` without an identity.
[[nodiscard]] std::string api_token(
    const ApiKey& key,
    const VideoGrant& grant,
    WallTime now,
    Nanoseconds life = std::chrono::minutes(10)
);

/// The secret of an API key's name, or nothing when the key is unknown.
using SecretLookup = std::function<std::optional<std::string>(std::string_view key)>;

/// Verifies a token (a "Bearer " before it is tolerated) and gives its claims.
/// Errc::PermissionDenied with the reason: unknown key, signature, expired, no expiry.
[[nodiscard]] Result<TokenClaims> verify_token(
    std::string_view token, const SecretLookup& secret_of, WallTime now
);

}  // namespace aircheck::signal
