#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::api {

/// A token of `http.tokens`, or AIRCHECK_TOKEN (all scopes).
struct StaticToken {
    std::string name;
    std::string sha256;  ///< 64 lower-case hexadecimal digits.
    bool may_record = false;
    bool may_read = false;
    bool is_admin = false;
};

/// What a caller may do.
struct Access {
    std::string caller;  ///< For the log: the token's name, or its API key.
    bool may_record = false;
    bool may_read = false;
    bool is_admin = false;
    std::string only_room{};  ///< Set: sees and changes what belongs to this room alone.

    [[nodiscard]] bool may_see(const std::string& room_name) const {
        return only_room.empty() || only_room == room_name;
    }
};

struct AuthOptions {
    std::map<std::string, std::string> api_keys;  ///< LiveKit's: name → secret.
    std::vector<StaticToken> tokens;
};

/// Who sends `authorization` ("Bearer …"): the bearer of a static token, or of a LiveKit access
/// token
/// (`roomRecord` to record; `roomList`, `roomAdmin` or `roomRecord` to read; `room` limits it).
/// Compared in constant time. Errc::PermissionDenied with the reason: nobody.
[[nodiscard]] Result<Access> authenticate(
    std::string_view authorization, const AuthOptions& options, WallTime now
);

}  // namespace aircheck::api
