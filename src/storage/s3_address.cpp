#include "storage/s3_address.hpp"

#include "core/bytes.hpp"
#include "net/url.hpp"
#include "storage/store_http.hpp"

#include <algorithm>
#include <initializer_list>
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

/// Role, encryption and lock.
Result<> check_options(const S3Destination& destination) {
    const auto bad = [&](const std::string& why) {
        return fail(Errc::InvalidArgument, "S3: " + why);
    };
    const auto is_one_of = [](const std::string& text, std::initializer_list<const char*> all) {
        return std::any_of(all.begin(), all.end(), [&](const char* one) { return text == one; });
    };
    if (!destination.assume_role_arn.empty() && !destination.assume_role_arn.starts_with("arn:")) {
        return bad("the role is no ARN (assume_role_arn)");
    }
    if (destination.assume_role_arn.empty() && !destination.assume_role_external_id.empty()) {
        return bad("an external id without a role (assume_role_arn, assume_role_external_id)");
    }
    if (!is_one_of(destination.encryption, {"", "AES256", "aws:kms", "aws:kms:dsse"})) {
        return bad("the encryption is none of AES256, aws:kms, aws:kms:dsse (encryption)");
    }
    if (!destination.kms_key_id.empty() && !destination.encryption.starts_with("aws:kms")) {
        return bad("a KMS key without aws:kms (encryption, kms_key_id)");
    }
    const auto key = from_base64(destination.customer_key);
    if (!destination.customer_key.empty() && (!key || key->size() != 32)) {
        return bad("the customer's key is not 32 bytes in base64 (customer_key)");
    }
    if (!destination.customer_key.empty() && !destination.encryption.empty()) {
        return bad("a customer's key beside another encryption (customer_key, encryption)");
    }
    if (!is_one_of(destination.lock_mode, {"", "GOVERNANCE", "COMPLIANCE"})) {
        return bad("the lock is neither GOVERNANCE nor COMPLIANCE (object_lock.mode)");
    }
    if (destination.lock_mode.empty() != (destination.lock_days <= 0)) {
        return bad("a lock has a mode and days (object_lock.mode, object_lock.days)");
    }
    for (const auto& text : {destination.kms_key_id, destination.storage_class}) {
        if (!is_header_value(text)) return bad("not plain ASCII (kms_key_id, storage_class)");
    }
    return {};
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
    if (destination.access_key.empty() != destination.secret.empty()) {
        return bad("access_key and secret belong together (access_key, secret)");
    }
    AC_CHECK_OK(check_options(destination));
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
