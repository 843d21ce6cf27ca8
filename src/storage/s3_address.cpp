#include "storage/s3_address.hpp"

#include "net/url.hpp"
#include "storage/store_http.hpp"

#include <algorithm>
#include <string_view>

namespace aircheck::storage {
namespace {

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_bucket_name(std::string_view name) {
    return name.size() >= 3 && name.size() <= 255 && is_alphanumeric(name.front()) &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
           });
}

/// Of a header's name (RFC 9110 §5.1), as far as metadata uses it.
bool is_header_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
    });
}

std::string endpoint_of(const S3Destination& destination) {
    if (destination.endpoint.empty()) {
        const std::string region = region_of(destination);
        return "https://s3." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn" : "");
    }
    const bool has_scheme = destination.endpoint.find("://") != std::string::npos;
    return has_scheme ? destination.endpoint : "https://" + destination.endpoint;
}

bool is_amazon(std::string_view host) {
    return host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
}

bool uses_path_style(const S3Destination& destination, const net::Url& endpoint) {
    using Addressing = S3Destination::Addressing;
    if (destination.addressing != Addressing::Auto) {
        return destination.addressing == Addressing::Path;
    }
    // A dot in the bucket's name makes a host that no wildcard certificate covers.
    return !is_amazon(endpoint.host) || destination.bucket.find('.') != std::string::npos;
}

}  // namespace

std::string region_of(const S3Destination& destination) {
    return destination.region.empty() ? "us-east-1" : destination.region;
}

Result<> check_destination(const S3Destination& destination) {
    const auto bad = [&](const std::string& why) {
        return fail(Errc::InvalidArgument, "S3: " + why);
    };
    if (destination.bucket.empty()) return bad("no bucket is set (bucket)");
    if (!is_bucket_name(destination.bucket)) {
        return bad("\"" + destination.bucket.substr(0, 300) + "\" is no bucket's name (bucket)");
    }
    if (destination.access_key.empty() || destination.secret.empty()) {
        return bad("bucket \"" + destination.bucket + "\" has no credentials (access_key, secret)");
    }
    // Before the endpoint: AWS's has the region in it.
    if (!std::all_of(destination.region.begin(), destination.region.end(), [](char c) {
            return is_alphanumeric(c) || c == '-';
        })) {
        return bad("\"" + destination.region + "\" is no region (region)");
    }
    const std::string text = endpoint_of(destination);
    const auto endpoint = net::Url::parse(text);
    if (!endpoint || (endpoint->scheme != "https" && endpoint->scheme != "http") ||
        !endpoint->query.empty()) {
        return bad("\"" + net::redact_url(text) + "\" is no HTTP address (endpoint)");
    }
    for (const auto& [name, value] : destination.metadata) {
        if (!is_header_name(name) || !is_header_value(value)) {
            return bad("metadata \"" + name + "\" is not plain ASCII (metadata)");
        }
    }
    if (!is_header_value(destination.tagging)) return bad("the tags are not plain ASCII (tagging)");
    if (!is_header_value(destination.content_disposition)) {
        return bad("the disposition is not plain ASCII (content_disposition)");
    }
    return {};
}

S3Address address_of(const S3Destination& destination, const std::string& key) {
    const auto endpoint = net::Url::parse(endpoint_of(destination));
    S3Address address;
    if (!endpoint) return address;
    address.scheme = endpoint->scheme;
    address.host = endpoint->host_header();
    std::string_view base = endpoint->path;
    while (base.ends_with('/')) base.remove_suffix(1);
    address.path = base;
    if (uses_path_style(destination, *endpoint)) {
        address.path += "/" + net::percent_encode(destination.bucket);
    } else {
        address.host = destination.bucket + "." + address.host;
    }
    address.path += "/" + net::percent_encode(key, "/");
    return address;
}

bool wants_equal_parts(const S3Destination& destination) {
    using Parts = S3Destination::Parts;
    if (destination.parts != Parts::Auto) return destination.parts == Parts::Equal;
    const auto endpoint = net::Url::parse(endpoint_of(destination));
    return endpoint && endpoint->host.ends_with(".r2.cloudflarestorage.com");
}

}  // namespace aircheck::storage
