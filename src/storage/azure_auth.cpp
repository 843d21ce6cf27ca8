#include "storage/azure_auth.hpp"

#include "net/crypto.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace aircheck::storage {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// "x-ms-date:…\n", sorted by name.
std::string canonical_headers(const net::Headers& headers) {
    std::map<std::string, std::string> sorted;
    for (const auto& [name, value] : headers) {
        std::string key = lower(name);
        if (key.starts_with("x-ms-")) sorted[std::move(key)] = value;
    }
    std::string out;
    for (const auto& [name, value] : sorted) out += name + ":" + value + "\n";
    return out;
}

std::string canonical_resource(const AzureRequest& request, const std::string& account) {
    std::string out = "/" + account + request.path;
    NamesAndValues sorted;
    for (const auto& [name, value] : request.query) sorted.emplace_back(lower(name), value);
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [name, value] : sorted) out += "\n" + name + ":" + value;
    return out;
}

std::string signature(const AzureKey& key, const std::string& to_sign) {
    return to_base64(net::hmac_sha256(key.key, as_bytes(to_sign)));
}

}  // namespace

std::string shared_key_authorization(const AzureRequest& request, const AzureKey& key) {
    const auto field = [&](std::string_view name) {
        return std::string(request.headers.get(name)) + "\n";
    };
    const std::string length = request.body_bytes == 0 ? "" : std::to_string(request.body_bytes);
    const std::string to_sign =
        request.method + "\n" + field("Content-Encoding") + field("Content-Language") + length +
        "\n" + field("Content-MD5") + field("Content-Type") + "\n" /* Date: x-ms-date has it */ +
        field("If-Modified-Since") + field("If-Match") + field("If-None-Match") +
        field("If-Unmodified-Since") + field("Range") + canonical_headers(request.headers) +
        canonical_resource(request, key.account);
    return "SharedKey " + key.account + ":" + signature(key, to_sign);
}

NamesAndValues blob_read_sas(
    const AzureKey& key,
    const std::string& container,
    const std::string& blob,
    WallTime expires,
    const ResponseHeaders& headers
) {
    constexpr std::string_view kVersion = "2020-12-06";
    const std::string until = to_iso8601(expires).substr(0, 19) + "Z";  // Whole seconds.
    const std::string resource = "/blob/" + key.account + "/" + container + "/" + blob;
    std::string to_sign;
    for (const std::string_view line : {
             std::string_view("r"),
             std::string_view(),  // begins at once
             std::string_view(until),
             std::string_view(resource),
             std::string_view(),  // no stored policy
             std::string_view(),  // any address
             std::string_view(),  // any protocol
             kVersion,
             std::string_view("b"),
             std::string_view(),  // no snapshot
             std::string_view(),  // no encryption scope
             std::string_view(),  // Cache-Control as stored
             std::string_view(headers.content_disposition),
             std::string_view(),  // Content-Encoding
             std::string_view(),  // Content-Language
         }) {
        to_sign += line;
        to_sign += '\n';
    }
    to_sign += headers.content_type;
    NamesAndValues query = {{"sv", std::string(kVersion)}, {"sr", "b"}, {"sp", "r"}, {"se", until}};
    if (!headers.content_disposition.empty()) {
        query.emplace_back("rscd", headers.content_disposition);
    }
    if (!headers.content_type.empty()) query.emplace_back("rsct", headers.content_type);
    query.emplace_back("sig", signature(key, to_sign));
    return query;
}

}  // namespace aircheck::storage
