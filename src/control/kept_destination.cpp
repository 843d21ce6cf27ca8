// Destinations as they are kept, each kind of store with its own fields.
#include "control/secrets.hpp"
#include "net/crypto.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::control {
namespace {

using nlohmann::json;
using storage::AzureDestination;
using storage::GcsDestination;
using storage::LocalDestination;
using storage::S3Destination;

constexpr std::string_view kPurpose = "destination";

/// Paths and names need not be UTF-8, and JSON has to be.
std::string to_text(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// What is kept of one: `open` may be read by anyone, `secrets` are sealed.
struct Fields {
    json open;
    json secrets;
};

Fields fields_of(const LocalDestination& local) {
    return {{{"kind", "local"}, {"root", local.root}}, nullptr};
}

Fields fields_of(const S3Destination& s3) {
    return {
        {{"kind", "s3"},
         {"bucket", s3.bucket},
         {"region", s3.region},
         {"endpoint", s3.endpoint},
         {"prefix", s3.prefix},
         {"addressing", static_cast<int>(s3.addressing)},
         {"parts", static_cast<int>(s3.parts)},
         {"content_disposition", s3.content_disposition},
         {"metadata", s3.metadata},
         {"tagging", s3.tagging},
         {"assume_role_arn", s3.assume_role_arn},
         {"sts_endpoint", s3.sts_endpoint},
         {"encryption", s3.encryption},
         {"kms_key_id", s3.kms_key_id},
         {"storage_class", s3.storage_class},
         {"lock_mode", s3.lock_mode},
         {"lock_days", s3.lock_days},
         {"legal_hold", static_cast<int>(s3.legal_hold)}},
        {{"access_key", s3.access_key},
         {"secret", s3.secret},
         {"assume_role_external_id", s3.assume_role_external_id},
         {"customer_key", s3.customer_key},
         {"session_token", s3.session_token}}};
}

Fields fields_of(const AzureDestination& azure) {
    return {
        {{"kind", "azure"},
         {"account", azure.account},
         {"container", azure.container},
         {"endpoint", azure.endpoint},
         {"prefix", azure.prefix},
         {"content_disposition", azure.content_disposition},
         {"metadata", azure.metadata}},
        {{"account_key", azure.account_key}, {"sas_token", azure.sas_token}}};
}

Fields fields_of(const GcsDestination& gcs) {
    return {
        {{"kind", "gcs"},
         {"bucket", gcs.bucket},
         {"endpoint", gcs.endpoint},
         {"metadata_host", gcs.metadata_host},
         {"prefix", gcs.prefix},
         {"content_disposition", gcs.content_disposition},
         {"metadata", gcs.metadata}},
        {{"credentials", gcs.credentials}}};
}

LocalDestination local_of(const Fields& kept) { return {kept.open.at("root").get<std::string>()}; }

S3Destination s3_of(const Fields& kept) {
    S3Destination s3;
    s3.bucket = kept.open.at("bucket");
    s3.region = kept.open.at("region");
    s3.endpoint = kept.open.at("endpoint");
    s3.prefix = kept.open.at("prefix");
    s3.addressing = static_cast<S3Destination::Addressing>(kept.open.at("addressing").get<int>());
    s3.parts = static_cast<S3Destination::Parts>(kept.open.value("parts", 0));
    s3.content_disposition = kept.open.at("content_disposition");
    s3.metadata = kept.open.at("metadata").get<std::map<std::string, std::string>>();
    s3.tagging = kept.open.at("tagging");
    // Not there in what was kept before these were known.
    s3.assume_role_arn = kept.open.value("assume_role_arn", "");
    s3.sts_endpoint = kept.open.value("sts_endpoint", "");
    s3.encryption = kept.open.value("encryption", "");
    s3.kms_key_id = kept.open.value("kms_key_id", "");
    s3.storage_class = kept.open.value("storage_class", "");
    s3.lock_mode = kept.open.value("lock_mode", "");
    s3.lock_days = kept.open.value("lock_days", 0);
    s3.legal_hold = static_cast<S3Destination::LegalHold>(kept.open.value("legal_hold", 0));
    s3.assume_role_external_id = kept.secrets.value("assume_role_external_id", "");
    s3.customer_key = kept.secrets.value("customer_key", "");
    s3.access_key = kept.secrets.at("access_key");
    s3.secret = kept.secrets.at("secret");
    s3.session_token = kept.secrets.at("session_token");
    return s3;
}

AzureDestination azure_of(const Fields& kept) {
    AzureDestination azure;
    azure.account = kept.open.at("account");
    azure.container = kept.open.at("container");
    azure.endpoint = kept.open.at("endpoint");
    azure.prefix = kept.open.at("prefix");
    azure.content_disposition = kept.open.at("content_disposition");
    azure.metadata = kept.open.at("metadata").get<std::map<std::string, std::string>>();
    azure.account_key = kept.secrets.at("account_key");
    azure.sas_token = kept.secrets.at("sas_token");
    return azure;
}

GcsDestination gcs_of(const Fields& kept) {
    GcsDestination gcs;
    gcs.bucket = kept.open.at("bucket");
    gcs.endpoint = kept.open.at("endpoint");
    gcs.metadata_host = kept.open.at("metadata_host");
    gcs.prefix = kept.open.at("prefix");
    gcs.content_disposition = kept.open.at("content_disposition");
    gcs.metadata = kept.open.at("metadata").get<std::map<std::string, std::string>>();
    gcs.credentials = kept.secrets.at("credentials");
    return gcs;
}

Result<storage::Destination> destination_of(const std::string& kind, const Fields& kept) {
    if (kind == "s3") return s3_of(kept);
    if (kind == "azure") return azure_of(kept);
    if (kind == "gcs") return gcs_of(kept);
    return fail(Errc::Malformed, "kept destination: unknown kind \"" + kind + "\"");
}

}  // namespace

KeptDestination keep_destination(const storage::Destination& destination, BytesView secrets_key) {
    Fields fields = std::visit([](const auto& one) { return fields_of(one); }, destination);
    KeptDestination kept;
    storage::Destination copy = destination;
    const storage::StoreNetwork* network = storage::network_of(copy);
    if (network != nullptr) {
        fields.open["reach"] = static_cast<int>(network->reach);
        fields.open["ca_file"] = network->ca_file;
        fields.secrets["proxy"] = network->proxy;
        kept.sealed = net::seal(secrets_key, to_text(fields.secrets), kPurpose);
    }
    kept.json = to_text(fields.open);
    return kept;
}

Result<storage::Destination> open_destination(const KeptDestination& kept, BytesView secrets_key) {
    try {
        Fields fields{json::parse(kept.json), nullptr};
        const std::string kind = fields.open.at("kind");
        if (kind == "local") return local_of(fields);
        AC_TRY(const auto text, net::open_sealed(secrets_key, kept.sealed, kPurpose));
        fields.secrets = json::parse(text);
        AC_TRY(auto destination, destination_of(kind, fields));
        storage::StoreNetwork& network = *storage::network_of(destination);
        network.reach =
            static_cast<storage::StoreNetwork::Reach>(fields.open.at("reach").get<int>());
        network.ca_file = fields.open.at("ca_file");
        network.proxy = fields.secrets.at("proxy");
        return destination;
    } catch (const json::exception&) {
        return fail(Errc::Malformed, "kept destination");
    }
}

}  // namespace aircheck::control
