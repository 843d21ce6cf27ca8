#include "storage/gcs_credentials.hpp"

#include "core/bytes.hpp"
#include "core/foreign_text.hpp"
#include "net/crypto.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::storage {
namespace {

using nlohmann::json;

constexpr const char* kScope = "https://www.googleapis.com/auth/devstorage.read_write";
constexpr const char* kTokenUri = "https://oauth2.googleapis.com/token";

std::string text_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string part(const json& claims) { return to_base64url(as_bytes(claims.dump())); }

}  // namespace

Result<GcsKey> parse_gcs_credentials(const std::string& text) {
    const auto bad = [](const std::string& why) {
        return fail(Errc::InvalidArgument, "GCS: the credentials " + why);
    };
    const json given = json::parse(text, nullptr, false);
    if (!given.is_object()) return bad("are no JSON object");
    if (const auto type = text_of(given, "type"); type != "service_account") {
        return bad(
            "are of the type \"" + first_words(type) +
            "\"; a service account's key is expected (\"service_account\")"
        );
    }
    GcsKey key{
        text_of(given, "client_email"),
        text_of(given, "private_key"),
        text_of(given, "private_key_id"),
        text_of(given, "token_uri")};
    if (key.token_uri.empty()) key.token_uri = kTokenUri;
    if (key.client_email.empty()) return bad("have no client_email");
    if (key.private_key.empty()) return bad("have no private_key");
    if (!net::rsa_sha256(key.private_key, {})) return bad("have a private_key that is none");
    return key;
}

Result<std::string> token_assertion(const GcsKey& key, WallTime now) {
    const auto issued = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    json header = {{"alg", "RS256"}, {"typ", "JWT"}};
    if (!key.private_key_id.empty()) header["kid"] = key.private_key_id;
    const json claims = {
        {"iss", key.client_email},
        {"scope", kScope},
        {"aud", key.token_uri},
        {"iat", issued},
        {"exp", issued + 3600}};
    const std::string to_sign = part(header) + "." + part(claims);
    AC_TRY(const auto signature, net::rsa_sha256(key.private_key, as_bytes(to_sign)));
    return to_sign + "." + to_base64url(signature);
}

}  // namespace aircheck::storage
