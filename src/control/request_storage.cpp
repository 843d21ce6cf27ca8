#include "control/plain_request.hpp"
#include "net/proxy_url.hpp"
#include "storage/azure_address.hpp"
#include "storage/gcs_address.hpp"

#include <utility>

namespace aircheck::control {
namespace {

/// How the stores of requests are reached.
void set_network(storage::StoreNetwork& network, const RecordingDefaults& defaults) {
    network.ca_file = defaults.ca_file;
    network.retry = defaults.retry;
}

/// Judged when connecting, where the request says by itself where to go.
void judge_addresses(storage::StoreNetwork& network, const RecordingDefaults& defaults) {
    network.reach = defaults.request_reach;
    network.allow = defaults.network_allow;
}

Answer<storage::S3Destination> s3_destination(
    const livekit::S3Upload& s3, const RecordingDefaults& defaults
) {
    if (s3.bucket().empty()) return invalid("request has missing or invalid field: s3.bucket");
    if (s3.access_key().empty() != s3.secret().empty()) {
        return invalid("s3.access_key and s3.secret belong together");
    }
    storage::S3Destination destination;
    destination.bucket = s3.bucket();
    destination.region = s3.region();
    destination.endpoint = s3.endpoint();
    destination.access_key = s3.access_key();
    destination.secret = s3.secret();
    destination.session_token = s3.session_token();
    // A request's bucket without keys is written with the configuration's, as in livekit/egress.
    if (const auto* own = std::get_if<storage::S3Destination>(&defaults.destination);
        own != nullptr && s3.access_key().empty()) {
        destination.access_key = own->access_key;
        destination.secret = own->secret;
        destination.session_token = own->session_token;
    }
    const auto* configured = std::get_if<storage::S3Destination>(&defaults.destination);
    if (configured == nullptr && destination.access_key.empty()) {
        return invalid("s3: no access_key in the request, and none is configured");
    }
    if (!s3.assume_role_arn().empty()) {
        destination.assume_role_arn = s3.assume_role_arn();
        destination.assume_role_external_id = s3.assume_role_external_id();
    } else if (!s3.assume_role_external_id().empty()) {
        return invalid("s3.assume_role_external_id belongs to an s3.assume_role_arn");
    } else if (configured != nullptr && s3.access_key().empty()) {
        destination.assume_role_arn = configured->assume_role_arn;
        destination.assume_role_external_id = configured->assume_role_external_id;
    }
    if (configured != nullptr) destination.sts_endpoint = configured->sts_endpoint;
    if (s3.force_path_style()) {
        destination.addressing = storage::S3Destination::Addressing::Path;
    }
    if (!s3.content_disposition().empty()) {
        destination.content_disposition = s3.content_disposition();
    }
    for (const auto& [key, value] : s3.metadata()) destination.metadata[key] = value;
    destination.tagging = s3.tagging();
    if (s3.has_proxy()) {
        destination.proxy =
            net::proxy_url(s3.proxy().url(), s3.proxy().username(), s3.proxy().password());
    }
    destination.prefix = defaults.storage_prefix;
    set_network(destination, defaults);
    // Without either it is AWS's own address, which may be private inside its networks.
    if (!s3.endpoint().empty() || s3.has_proxy()) judge_addresses(destination, defaults);
    return destination;
}

/// An account is reached at Azure's own address, the configured one where the configuration has it.
Answer<storage::AzureDestination> azure_destination(
    const livekit::AzureBlobUpload& azure, const RecordingDefaults& defaults
) {
    if (azure.container_name().empty()) {
        return invalid("request has missing or invalid field: azure.container_name");
    }
    if (azure.account_name().empty() && !azure.account_key().empty()) {
        return invalid("azure.account_key belongs to an azure.account_name");
    }
    storage::AzureDestination destination;
    destination.account = azure.account_name();
    destination.container = azure.container_name();
    destination.account_key = azure.account_key();
    const auto* own = std::get_if<storage::AzureDestination>(&defaults.destination);
    if (own != nullptr && (azure.account_name().empty() || azure.account_name() == own->account)) {
        destination.account = own->account;
        destination.endpoint = own->endpoint;
        destination.proxy = own->proxy;
        if (azure.account_key().empty()) {
            destination.account_key = own->account_key;
            destination.sas_token = own->sas_token;
        }
    }
    if (destination.account_key.empty() && destination.sas_token.empty()) {
        return invalid("azure: no account_key in the request, and none of that account configured");
    }
    destination.prefix = defaults.storage_prefix;
    set_network(destination, defaults);
    if (auto fits = storage::check_destination(destination); !fits) {
        return invalid("azure: " + fits.error().context);
    }
    return destination;
}

/// Without credentials it is written with the configuration's, which may be the machine's own.
Answer<storage::GcsDestination> gcs_destination(
    const livekit::GCPUpload& gcp, const RecordingDefaults& defaults
) {
    if (gcp.bucket().empty()) return invalid("request has missing or invalid field: gcp.bucket");
    storage::GcsDestination destination;
    destination.bucket = gcp.bucket();
    destination.credentials = gcp.credentials();
    const auto* own = std::get_if<storage::GcsDestination>(&defaults.destination);
    if (own != nullptr) {
        destination.endpoint = own->endpoint;
        destination.metadata_host = own->metadata_host;
        if (gcp.credentials().empty()) destination.credentials = own->credentials;
    } else if (gcp.credentials().empty()) {
        return invalid("gcp: no credentials in the request, and none are configured");
    }
    if (gcp.has_proxy()) {
        destination.proxy =
            net::proxy_url(gcp.proxy().url(), gcp.proxy().username(), gcp.proxy().password());
    }
    destination.prefix = defaults.storage_prefix;
    set_network(destination, defaults);
    // A key's JSON says where to ask for a token, as a proxy says where to go.
    if (!gcp.credentials().empty() || gcp.has_proxy()) judge_addresses(destination, defaults);
    if (auto fits = storage::check_destination(destination); !fits) {
        return invalid("gcp: " + fits.error().context);
    }
    return destination;
}

}  // namespace

Answer<storage::Destination> destination_of(
    const livekit::StorageConfig& storage, const RecordingDefaults& defaults
) {
    switch (storage.provider_case()) {
        case livekit::StorageConfig::kS3: {
            auto s3 = s3_destination(storage.s3(), defaults);
            if (!s3) return tl::unexpected(s3.error());
            return *std::move(s3);
        }
        case livekit::StorageConfig::kGcp: {
            auto gcs = gcs_destination(storage.gcp(), defaults);
            if (!gcs) return tl::unexpected(gcs.error());
            return *std::move(gcs);
        }
        case livekit::StorageConfig::kAzure: {
            auto azure = azure_destination(storage.azure(), defaults);
            if (!azure) return tl::unexpected(azure.error());
            return *std::move(azure);
        }
        case livekit::StorageConfig::kAliOSS:
            return beyond_us("aliOSS storage");
        case livekit::StorageConfig::PROVIDER_NOT_SET:
            break;
    }
    const bool local = std::holds_alternative<storage::LocalDestination>(defaults.destination);
    if (local && !defaults.local_storage_allowed) {
        return invalid("local storage is not allowed, and the request names no store");
    }
    return defaults.destination;
}

}  // namespace aircheck::control
