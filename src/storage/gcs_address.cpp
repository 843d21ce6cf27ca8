#include "storage/gcs_address.hpp"

#include "core/bytes.hpp"
#include "net/crypto.hpp"
#include "storage/query.hpp"
#include "storage/sigv4.hpp"
#include "storage/store_http.hpp"

#include <algorithm>
#include <string_view>

namespace aircheck::storage {
namespace {

constexpr const char* kEndpoint = "https://storage.googleapis.com";
constexpr const char* kAlgorithm = "GOOG4-RSA-SHA256";

/// "Bucket naming guidelines" (Google Cloud Storage): a-z, 0-9, dashes, underscores, dots.
bool is_bucket_name(std::string_view name) {
    const auto is_alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    };
    return name.size() >= 3 && name.size() <= 222 && is_alphanumeric(name.front()) &&
           is_alphanumeric(name.back()) && std::all_of(name.begin(), name.end(), [&](char c) {
               return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
           });
}

bool is_metadata_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

std::string endpoint_of(const GcsDestination& destination) {
    if (destination.endpoint.empty()) return kEndpoint;
    const bool has_scheme = destination.endpoint.find("://") != std::string::npos;
    return has_scheme ? destination.endpoint : "https://" + destination.endpoint;
}

net::Url at_endpoint(const GcsDestination& destination, const std::string& path) {
    auto url = net::Url::parse(endpoint_of(destination)).value_or(net::Url{});
    while (url.path.ends_with('/')) url.path.pop_back();
    url.path += path;
    return url;
}

}  // namespace

Result<> check_destination(const GcsDestination& destination) {
    const auto bad = [&](const std::string& why) {
        return fail(Errc::InvalidArgument, "GCS: " + why);
    };
    if (destination.bucket.empty()) return bad("no bucket is set (bucket)");
    if (!is_bucket_name(destination.bucket)) {
        return bad("\"" + destination.bucket.substr(0, 300) + "\" is no bucket's name (bucket)");
    }
    const std::string text = endpoint_of(destination);
    const auto endpoint = net::Url::parse(text);
    if (!endpoint || (endpoint->scheme != "https" && endpoint->scheme != "http") ||
        !endpoint->query.empty()) {
        return bad("\"" + net::redact_url(text) + "\" is no HTTP address (endpoint)");
    }
    for (const auto& [name, value] : destination.metadata) {
        if (!is_metadata_name(name) || !is_header_value(value)) {
            return bad("metadata \"" + name + "\" is not plain ASCII (metadata)");
        }
    }
    if (!is_header_value(destination.content_disposition)) {
        return bad("the disposition is not plain ASCII (content_disposition)");
    }
    if (destination.credentials.empty()) return {};
    return parse_gcs_credentials(destination.credentials).map([](const auto&) {});
}

net::Url url_of(const GcsDestination& destination, const std::string& key) {
    return at_endpoint(
        destination,
        "/" + destination.bucket + (key.empty() ? "" : "/" + net::percent_encode(key, "/"))
    );
}

net::Url json_url_of(const GcsDestination& destination, const std::string& key) {
    return at_endpoint(
        destination,
        "/storage/v1/b/" + destination.bucket + "/o" +
            (key.empty() ? "" : "/" + net::percent_encode(key))
    );
}

net::Url upload_url_of(const GcsDestination& destination) {
    return at_endpoint(destination, "/upload/storage/v1/b/" + destination.bucket + "/o");
}

Result<std::string> signed_gcs_link(
    const GcsDestination& destination,
    const GcsKey& signer,
    LinkMethod method,
    const std::string& key,
    std::chrono::seconds ttl,
    const ResponseHeaders& headers,
    WallTime now
) {
    net::Url url = url_of(destination, key);
    const std::string moment = amz_date(now);
    const std::string scope = moment.substr(0, 8) + "/auto/storage/goog4_request";
    NamesAndValues query = {
        {"X-Goog-Algorithm", kAlgorithm},
        {"X-Goog-Credential", signer.client_email + "/" + scope},
        {"X-Goog-Date", moment},
        {"X-Goog-Expires", std::to_string(ttl.count())},
        {"X-Goog-SignedHeaders", "host"}};
    if (!headers.content_type.empty()) {
        query.emplace_back("response-content-type", headers.content_type);
    }
    if (!headers.content_disposition.empty()) {
        query.emplace_back("response-content-disposition", headers.content_disposition);
    }
    url.query = canonical_query(query);
    const std::string canonical = std::string(method == LinkMethod::Head ? "HEAD" : "GET") + "\n" +
                                  url.path + "\n" + url.query + "\nhost:" + url.host_header() +
                                  "\n\nhost\nUNSIGNED-PAYLOAD";
    const std::string to_sign = std::string(kAlgorithm) + "\n" + moment + "\n" + scope + "\n" +
                                to_hex(net::sha256(as_bytes(canonical)));
    AC_TRY(const auto signature, net::rsa_sha256(signer.private_key, as_bytes(to_sign)));
    url.query += "&X-Goog-Signature=" + to_hex(signature);
    return url.to_string();
}

}  // namespace aircheck::storage
