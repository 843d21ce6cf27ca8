#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <string>
#include <string_view>

namespace aircheck::net {

/// A JSON Web Token (RFC 7519), HS256 only, as LiveKit signs them (livekit-wire.md, section 1).
/// `claims_json` is the payload, a JSON object.
[[nodiscard]] std::string sign_jwt(std::string_view claims_json, std::string_view secret);

/// The claims as JSON text, without verifying anything: to find `iss` and so the secret.
[[nodiscard]] Result<std::string> unverified_jwt_claims(std::string_view token);

/// Verifies algorithm, signature (constant time), `exp` (required) and `nbf` with 60 s of leeway,
/// and gives the claims as JSON text. Errc::PermissionDenied with the reason otherwise.
[[nodiscard]] Result<std::string> verify_jwt(
    std::string_view token, std::string_view secret, WallTime now
);

}  // namespace aircheck::net
