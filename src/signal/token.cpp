#include "signal/token.hpp"

#include "net/jwt.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aircheck::signal {
namespace {

using Json = nlohmann::json;

std::int64_t unix_seconds(WallTime time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

void put_true(Json& object, const char* key, bool value) {
    if (value) object[key] = true;
}

void put_set(Json& object, const char* key, const std::optional<bool>& value) {
    if (value) object[key] = *value;
}

void put_text(Json& object, const char* key, const std::string& value) {
    if (!value.empty()) object[key] = value;
}

Json to_json(const VideoGrant& grant) {
    Json video = Json::object();
    put_true(video, "roomCreate", grant.room_create);
    put_true(video, "roomList", grant.room_list);
    put_true(video, "roomRecord", grant.room_record);
    put_true(video, "roomAdmin", grant.room_admin);
    put_true(video, "roomJoin", grant.room_join);
    put_text(video, "room", grant.room);
    put_set(video, "canPublish", grant.can_publish);
    put_set(video, "canSubscribe", grant.can_subscribe);
    put_set(video, "canPublishData", grant.can_publish_data);
    put_true(video, "hidden", grant.hidden);
    put_true(video, "recorder", grant.recorder);
    put_true(video, "agent", grant.agent);
    return video;
}

/// Members of another type than expected read as absent: a grant that is not plainly given is not
/// given.
const Json* member(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

std::string text_of(const Json& object, const char* key) {
    const Json* value = member(object, key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<bool> flag_of(const Json& object, const char* key) {
    const Json* value = member(object, key);
    if (value == nullptr || !value->is_boolean()) return std::nullopt;
    return value->get<bool>();
}

VideoGrant grant_of(const Json& video) {
    const auto given = [&](const char* key) { return flag_of(video, key).value_or(false); };
    VideoGrant grant;
    grant.room_create = given("roomCreate");
    grant.room_list = given("roomList");
    grant.room_record = given("roomRecord");
    grant.room_admin = given("roomAdmin");
    grant.room_join = given("roomJoin");
    grant.room = text_of(video, "room");
    grant.can_publish = flag_of(video, "canPublish");
    grant.can_subscribe = flag_of(video, "canSubscribe");
    grant.can_publish_data = flag_of(video, "canPublishData");
    grant.hidden = given("hidden");
    grant.recorder = given("recorder");
    grant.agent = given("agent");
    return grant;
}

TokenClaims claims_of(const Json& json) {
    TokenClaims claims;
    claims.issuer = text_of(json, "iss");
    claims.identity = text_of(json, "sub");
    if (claims.identity.empty()) claims.identity = text_of(json, "jti");
    claims.name = text_of(json, "name");
    claims.metadata = text_of(json, "metadata");
    claims.kind = text_of(json, "kind");
    claims.body_sha256 = text_of(json, "sha256");
    if (const Json* attributes = member(json, "attributes");
        attributes != nullptr && attributes->is_object()) {
        for (const auto& [key, value] : attributes->items()) {
            if (value.is_string()) claims.attributes[key] = value.get<std::string>();
        }
    }
    if (const Json* video = member(json, "video")) claims.video = grant_of(*video);
    if (const Json* expiry = member(json, "exp"); expiry != nullptr && expiry->is_number()) {
        // Far-away expiries would overflow nanoseconds: the year 2200 is far enough.
        constexpr double kFarthest = 7'258'118'400.0;
        const double seconds = std::clamp(expiry->get<double>(), 0.0, kFarthest);
        claims.expires_at = WallTime(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
    }
    return claims;
}

}  // namespace

std::string sign_token(
    const ApiKey& key, const TokenClaims& claims, WallTime now, Nanoseconds life
) {
    Json json = Json::object();
    json["iss"] = key.key;
    put_text(json, "sub", claims.identity);
    put_text(json, "name", claims.name);
    put_text(json, "metadata", claims.metadata);
    put_text(json, "kind", claims.kind);
    put_text(json, "sha256", claims.body_sha256);
    if (!claims.attributes.empty()) json["attributes"] = claims.attributes;
    json["iat"] = unix_seconds(now);
    json["nbf"] = unix_seconds(now);
    json["exp"] = unix_seconds(now + life);
    if (Json video = to_json(claims.video); !video.empty()) json["video"] = std::move(video);
    // Identities and names come from outside and may hold broken UTF-8: replaced, never thrown
    // about.
    return net::sign_jwt(json.dump(-1, ' ', false, Json::error_handler_t::replace), key.secret);
}

std::string recorder_token(
    const ApiKey& key,
    std::string_view room,
    std::string_view egress_id,
    WallTime now,
    Nanoseconds life
) {
    TokenClaims claims;
    claims.identity = egress_id;
    claims.kind = "egress";
    claims.video.room_join = true;
    claims.video.room = room;
    claims.video.can_subscribe = true;
    claims.video.can_publish = false;
    claims.video.can_publish_data = false;
    claims.video.hidden = true;
    claims.video.recorder = true;
    return sign_token(key, claims, now, life);
}

std::string api_token(const ApiKey& key, const VideoGrant& grant, WallTime now, Nanoseconds life) {
    TokenClaims claims;
    claims.video = grant;
    return sign_token(key, claims, now, life);
}

Result<TokenClaims> verify_token(
    std::string_view token, const SecretLookup& secret_of, WallTime now
) {
    constexpr std::size_t kLongest = 64 * 1024;
    if (token.starts_with("Bearer ")) token.remove_prefix(7);
    if (token.size() > kLongest) {
        return fail(Errc::PermissionDenied, "access token: longer than 64 kB");
    }
    const auto unverified = net::unverified_jwt_claims(token);
    if (!unverified) {
        return fail(Errc::PermissionDenied, "access token: " + unverified.error().context);
    }
    const Json claimed = Json::parse(*unverified, nullptr, false);
    const auto secret = secret_of(text_of(claimed, "iss"));
    if (!secret) return fail(Errc::PermissionDenied, "access token: unknown API key");
    AC_TRY(const std::string verified, net::verify_jwt(token, *secret, now));
    const Json json = Json::parse(verified, nullptr, false);
    if (!json.is_object()) {
        return fail(Errc::PermissionDenied, "access token: the claims are no JSON object");
    }
    return claims_of(json);
}

}  // namespace aircheck::signal
