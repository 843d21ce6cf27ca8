#include "api/auth.hpp"

#include "net/crypto.hpp"
#include "net/jwt.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::api {
namespace {

using nlohmann::json;

Result<Access> from_livekit_token(
    std::string_view token, const AuthOptions& options, WallTime now
) {
    AC_TRY(const auto unverified, net::unverified_jwt_claims(token));
    const json hint = json::parse(unverified, nullptr, false);
    const std::string issuer = hint.is_object() && hint.contains("iss") && hint["iss"].is_string()
                                   ? hint["iss"].get<std::string>()
                                   : "";
    const auto secret = options.api_keys.find(issuer);
    if (secret == options.api_keys.end()) {
        return fail(Errc::PermissionDenied, "the token's API key is not known here");
    }
    AC_TRY(const auto text, net::verify_jwt(token, secret->second, now));
    const json claims = json::parse(text, nullptr, false);
    const json video = claims.is_object() ? claims.value("video", json::object()) : json::object();
    const auto granted = [&](const char* grant) {
        return video.is_object() && video.contains(grant) && video[grant].is_boolean() &&
               video[grant].get<bool>();
    };
    Access access;
    access.caller = issuer;
    access.may_record = granted("roomRecord");
    access.may_read = access.may_record || granted("roomList") || granted("roomAdmin");
    if (video.is_object() && video.contains("room") && video["room"].is_string()) {
        access.only_room = video["room"].get<std::string>();
    }
    return access;
}

}  // namespace

Result<Access> authenticate(
    std::string_view authorization, const AuthOptions& options, WallTime now
) {
    std::string_view token = authorization;
    for (const std::string_view scheme : {"Bearer ", "bearer "}) {
        if (token.starts_with(scheme)) token.remove_prefix(scheme.size());
    }
    if (token.empty()) return fail(Errc::PermissionDenied, "no authorization");
    const std::string digest = to_hex(net::sha256(as_bytes(token)));
    const StaticToken* known = nullptr;
    for (const StaticToken& candidate : options.tokens) {
        if (net::constant_time_equal(as_bytes(candidate.sha256), as_bytes(digest)))
            known = &candidate;
    }
    if (known != nullptr) {
        return Access{
            known->name,
            known->may_record || known->is_admin,
            known->may_read || known->may_record || known->is_admin,
            known->is_admin,
            {}};
    }
    auto access = from_livekit_token(token, options, now);
    if (!access && access.error().code != Errc::PermissionDenied) {
        return fail(Errc::PermissionDenied, "the token is neither ours nor a LiveKit access token");
    }
    return access;
}

}  // namespace aircheck::api
