// The keys of `storage`: where recordings go.
#include "app/config_key_kinds.hpp"
#include "app/config_keys.hpp"
#include "net/url.hpp"

namespace aircheck::app {
namespace {

constexpr std::string_view kNotYet = "is not in this build yet and has no effect";

Result<std::string> read_endpoint(const Value& value) {
    AC_TRY(const auto text, read_text(value));
    if (text.empty() || text.find("://") == std::string::npos) return text;
    static constexpr std::string_view kSchemes[] = {"http", "https"};
    return read_url(value, kSchemes);
}

Result<std::string> read_directory(const Value& value) {
    AC_TRY(auto text, read_text(value));
    if (text.empty()) return fail_at(value, "must name a folder");
    return text;
}

std::string show_metadata(const std::vector<std::pair<std::string, std::string>>& metadata) {
    std::string text;
    for (const auto& [name, value] : metadata) {
        text += (text.empty() ? "" : ", ") + quote(name) + ": " + quote(value);
    }
    return "{" + text + "}";
}

template <typename Access>
Key endpoint_key(std::string_view path, Access access) {
    return key(path, access, read_endpoint, [](const std::string& text) {
        return quote(text.find("://") == std::string::npos ? text : net::redact_url(text));
    });
}

struct ProxyKeys {
    std::string_view url, username, password;
};
constexpr ProxyKeys kS3ProxyKeys = {
    "storage.s3.proxy_config.url",
    "storage.s3.proxy_config.username",
    "storage.s3.proxy_config.password"};
constexpr ProxyKeys kAzureProxyKeys = {
    "storage.azure.proxy_config.url",
    "storage.azure.proxy_config.username",
    "storage.azure.proxy_config.password"};

constexpr ProxyKeys kGcpProxyKeys = {
    "storage.gcp.proxy_config.url",
    "storage.gcp.proxy_config.username",
    "storage.gcp.proxy_config.password"};

/// `access` gives a Config's ProxyConfig.
template <typename Access>
void add_proxy_keys(std::vector<Key>& keys, const ProxyKeys& paths, Access access) {
    keys.push_back(url_key(
        paths.url, {"http", "https"}, [access](auto& c) -> auto& { return access(c).url; }
    ));
    keys.push_back(text_key(
        paths.username, [access](auto& c) -> auto& { return access(c).username; }
    ));
    keys.push_back(secret_key(
        paths.password, [access](auto& c) -> auto& { return access(c).password; }
    ));
}

void add_s3_keys(std::vector<Key>& keys) {
    const auto s3_text = [&](std::string_view path, auto access) {
        keys.push_back(text_key(path, access));
    };
    s3_text(
        "storage.s3.bucket", [](auto& c) -> auto& { return c.storage.s3->bucket; }
    );
    s3_text(
        "storage.s3.region", [](auto& c) -> auto& { return c.storage.s3->region; }
    );
    keys.push_back(endpoint_key(
        "storage.s3.endpoint", [](auto& c) -> auto& { return c.storage.s3->endpoint; }
    ));
    s3_text(
        "storage.s3.access_key", [](auto& c) -> auto& { return c.storage.s3->access_key; }
    );
    keys.push_back(secret_key(
        "storage.s3.secret", [](auto& c) -> auto& { return c.storage.s3->secret; }
    ));
    keys.push_back(secret_key(
        "storage.s3.session_token", [](auto& c) -> auto& { return c.storage.s3->session_token; }
    ));
    keys.push_back(bool_key(
        "storage.s3.force_path_style",
        [](auto& c) -> auto& { return c.storage.s3->force_path_style; }
    ));
    add_proxy_keys(
        keys, kS3ProxyKeys, [](auto& c) -> auto& { return c.storage.s3->proxy; }
    );
    keys.push_back(number_key(
        "storage.s3.max_retries", 0, 100, [](auto& c) -> auto& {
            return c.storage.retries.max_retries;
        }
    ));
    keys.push_back(duration_key(
        "storage.s3.max_retry_delay", [](auto& c) -> auto& { return c.storage.retries.max_delay; }
    ));
    keys.push_back(duration_key(
        "storage.s3.min_retry_delay", [](auto& c) -> auto& { return c.storage.retries.min_delay; }
    ));
    keys.push_back(list_key(
        "storage.s3.metadata",
        [](auto& c) -> auto& { return c.storage.s3->metadata; },
        read_text_map,
        show_metadata
    ));
    s3_text(
        "storage.s3.tagging", [](auto& c) -> auto& { return c.storage.s3->tagging; }
    );
    s3_text(
        "storage.s3.content_disposition",
        [](auto& c) -> auto& { return c.storage.s3->content_disposition; }
    );
}

/// What livekit/egress has of roles, and what only we have.
void add_s3_rights_keys(std::vector<Key>& keys) {
    const auto text = [&](std::string_view path, auto access) {
        keys.push_back(text_key(path, access));
    };
    text(
        "storage.s3.assume_role_arn", [](auto& c) -> auto& { return c.storage.s3->assume_role_arn; }
    );
    keys.push_back(secret_key(
        "storage.s3.assume_role_external_id",
        [](auto& c) -> auto& { return c.storage.s3->assume_role_external_id; }
    ));
    keys.push_back(endpoint_key(
        "storage.s3.sts_endpoint", [](auto& c) -> auto& { return c.storage.s3->sts_endpoint; }
    ));
    text(
        "storage.s3.encryption", [](auto& c) -> auto& { return c.storage.s3->encryption; }
    );
    text(
        "storage.s3.kms_key_id", [](auto& c) -> auto& { return c.storage.s3->kms_key_id; }
    );
    keys.push_back(secret_key(
        "storage.s3.customer_key", [](auto& c) -> auto& { return c.storage.s3->customer_key; }
    ));
    text(
        "storage.s3.storage_class", [](auto& c) -> auto& { return c.storage.s3->storage_class; }
    );
    text(
        "storage.s3.object_lock.mode",
        [](auto& c) -> auto& { return c.storage.s3->object_lock.mode; }
    );
    keys.push_back(number_key(
        "storage.s3.object_lock.days", 0, 36500, [](auto& c) -> auto& {
            return c.storage.s3->object_lock.days;
        }
    ));
    keys.push_back(bool_key(
        "storage.s3.object_lock.legal_hold",
        [](auto& c) -> auto& { return c.storage.s3->object_lock.legal_hold; }
    ));
}

void add_azure_keys(std::vector<Key>& keys) {
    keys.push_back(text_key(
        "storage.azure.account_name", [](auto& c) -> auto& { return c.storage.azure->account_name; }
    ));
    keys.push_back(secret_key(
        "storage.azure.account_key", [](auto& c) -> auto& { return c.storage.azure->account_key; }
    ));
    keys.push_back(text_key(
        "storage.azure.container_name",
        [](auto& c) -> auto& { return c.storage.azure->container_name; }
    ));
    keys.push_back(endpoint_key(
        "storage.azure.endpoint", [](auto& c) -> auto& { return c.storage.azure->endpoint; }
    ));
    keys.push_back(secret_key(
        "storage.azure.sas_token", [](auto& c) -> auto& { return c.storage.azure->sas_token; }
    ));
    keys.push_back(secret_key(
        "storage.azure.connection_string",
        [](auto& c) -> auto& { return c.storage.azure->connection_string; }
    ));
    add_proxy_keys(
        keys, kAzureProxyKeys, [](auto& c) -> auto& { return c.storage.azure->proxy; }
    );
    keys.push_back(list_key(
        "storage.azure.metadata",
        [](auto& c) -> auto& { return c.storage.azure->metadata; },
        read_text_map,
        show_metadata
    ));
    keys.push_back(text_key(
        "storage.azure.content_disposition",
        [](auto& c) -> auto& { return c.storage.azure->content_disposition; }
    ));
}

void add_gcp_keys(std::vector<Key>& keys) {
    keys.push_back(text_key(
        "storage.gcp.bucket", [](auto& c) -> auto& { return c.storage.gcp->bucket; }
    ));
    keys.push_back(secret_key(
        "storage.gcp.credentials_json",
        [](auto& c) -> auto& { return c.storage.gcp->credentials_json; }
    ));
    keys.push_back(endpoint_key(
        "storage.gcp.endpoint", [](auto& c) -> auto& { return c.storage.gcp->endpoint; }
    ));
    add_proxy_keys(
        keys, kGcpProxyKeys, [](auto& c) -> auto& { return c.storage.gcp->proxy; }
    );
    keys.push_back(list_key(
        "storage.gcp.metadata",
        [](auto& c) -> auto& { return c.storage.gcp->metadata; },
        read_text_map,
        show_metadata
    ));
    keys.push_back(text_key(
        "storage.gcp.content_disposition",
        [](auto& c) -> auto& { return c.storage.gcp->content_disposition; }
    ));
}

}  // namespace

void add_storage_keys(std::vector<Key>& keys) {
    keys.push_back(text_key(
        "storage.prefix", [](auto& c) -> auto& { return c.storage.prefix; }
    ));
    keys.push_back(bool_key(
        "storage.generate_presigned_url",
        [](auto& c) -> auto& { return c.storage.generate_presigned_url; }
    ));
    keys.push_back(key(
        "storage.local.directory",
        [](auto& c) -> auto& { return c.storage.local_directory; },
        read_directory,
        [](const std::string& text) { return quote(text); }
    ));
    add_s3_keys(keys);
    add_s3_rights_keys(keys);
    add_gcp_keys(keys);
    add_azure_keys(keys);
    keys.push_back(ignored("storage.alioss", Shape::Subtree, kNotYet));
    keys.push_back(bool_key(
        "disallow_local_storage", [](auto& c) -> auto& { return c.disallow_local_storage; }
    ));
}

}  // namespace aircheck::app
