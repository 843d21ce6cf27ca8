#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <map>
#include <string>
#include <string_view>

namespace aircheck::notify {

/// Verifies a webhook as LiveKit signs it (livekit-wire 8.1) and gives the API key that signed.
///
/// `authorization` is the header's value, with or without "Bearer "; `body` the bytes as received;
/// `api_keys` name → secret. Compares in constant time.
/// Errc::PermissionDenied, saying what is wrong: no header, unknown key, signature, expiry, body
/// hash.
[[nodiscard]] Result<std::string> verify_webhook(
    std::string_view authorization,
    std::string_view body,
    const std::map<std::string, std::string>& api_keys,
    WallTime now
);

}  // namespace aircheck::notify
