// Which store is in force, and whether it is complete.
#include "app/config_keys.hpp"
#include "core/foreign_text.hpp"
#include "storage/azure_address.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace aircheck::app {
namespace {

/// Whether anything but the general variables, which other programs share, speaks of `section`.
bool is_asked_for(const Config& config, std::string_view section) {
    return std::any_of(config.origins.begin(), config.origins.end(), [&](const auto& entry) {
        const auto& [path, origin] = entry;
        const bool no_store =
            path == "storage.s3.max_retries" || path == "storage.s3.max_retry_delay" ||
            path == "storage.s3.min_retry_delay" || path == "storage.s3.aws_log_level";
        return path.starts_with(section) && !no_store &&
               origin.kind != SourceKind::GeneralVariable &&
               (origin.kind != SourceKind::DotEnv || origin.name.starts_with("AIRCHECK_"));
    });
}

/// A kind of store, as it may be configured.
struct StoreKind {
    std::string_view section;  ///< "storage.s3"
    std::string_view bucket;   ///< The key that names the place, and with it the store.
    bool (*has_bucket)(const StorageConfig&);
    void (*forget)(StorageConfig&);
};
/// In the order in which livekit/egress looks.
constexpr std::array kStores = {
    StoreKind{
        "storage.s3",
        "storage.s3.bucket (or AWS_BUCKET)",
        [](const StorageConfig& storage) { return !storage.s3->bucket.empty(); },
        [](StorageConfig& storage) { storage.s3.reset(); }},
    StoreKind{
        "storage.gcp",
        "storage.gcp.bucket (or GCP_BUCKET)",
        [](const StorageConfig& storage) { return !storage.gcp->bucket.empty(); },
        [](StorageConfig& storage) { storage.gcp.reset(); }},
    StoreKind{
        "storage.azure",
        "storage.azure.container_name (or AZURE_STORAGE_CONTAINER)",
        [](const StorageConfig& storage) { return !storage.azure->container_name.empty(); },
        [](StorageConfig& storage) { storage.azure.reset(); }},
};

/// Leaves one store at most: the first that somebody asked for by name, else the first that
/// variables name which other programs share.
Result<> choose_store(Config& config) {
    const StoreKind* chosen = nullptr;
    for (const bool wants_asked : {true, false}) {
        for (const StoreKind& store : kStores) {
            const bool asked = is_asked_for(config, std::string(store.section) + ".");
            if (chosen != nullptr || asked != wants_asked) continue;
            if (store.has_bucket(config.storage)) chosen = &store;
            if (chosen == nullptr && asked) {
                return fail(Errc::InvalidArgument, std::string(store.bucket) + " is missing");
            }
        }
    }
    for (const StoreKind& store : kStores) {
        if (&store == chosen) continue;
        if (store.has_bucket(config.storage)) {
            config.warnings.push_back(
                std::string(store.bucket) + " has no effect beside " + std::string(chosen->section)
            );
        }
        store.forget(config.storage);
    }
    return {};
}

/// Neither key nor secret: the machine's own are looked for when they are needed.
Result<> finish_s3(const Config& config) {
    const S3Config& s3 = *config.storage.s3;
    if (s3.access_key.empty() == s3.secret.empty()) return {};
    return fail(
        Errc::InvalidArgument,
        s3.access_key.empty() ? "storage.s3.access_key (or AWS_ACCESS_KEY) is missing"
                              : "storage.s3.secret (or AWS_SECRET_KEY) is missing"
    );
}

/// A connection string says what account, key, SAS and endpoint say; both at once would be two
/// places.
Result<> read_connection_string(Config& config) {
    AzureConfig& azure = *config.storage.azure;
    if (azure.connection_string.empty()) return {};
    constexpr std::string_view kPath = "storage.azure.connection_string";
    if (!azure.account_name.empty() || !azure.account_key.empty() || !azure.sas_token.empty()) {
        const auto origin = config.origins.find(kPath);
        const bool shared =
            origin != config.origins.end() && origin->second.kind == SourceKind::GeneralVariable;
        if (shared) return {};
        return fail_setting(
            config, kPath, "says what account_name, account_key and sas_token say: set one of them"
        );
    }
    storage::AzureDestination said;
    if (auto read = storage::apply_connection_string(azure.connection_string.reveal(), said);
        !read) {
        return tl::unexpected(read.error());
    }
    azure.account_name = said.account;
    azure.account_key = Secret(said.account_key);
    azure.sas_token = Secret(said.sas_token);
    if (azure.endpoint.empty()) azure.endpoint = said.endpoint;
    return {};
}

Result<> finish_azure(Config& config) {
    AC_CHECK_OK(read_connection_string(config));
    const AzureConfig& azure = *config.storage.azure;
    if (azure.account_name.empty()) {
        return fail(
            Errc::InvalidArgument,
            "storage.azure.account_name (or AZURE_STORAGE_ACCOUNT) is missing"
        );
    }
    if (azure.account_key.empty() && azure.sas_token.empty()) {
        return fail(
            Errc::InvalidArgument,
            "storage.azure.account_key (or AZURE_STORAGE_KEY) is missing, and there is no "
            "sas_token or connection_string; identities of the machine are not in this build yet"
        );
    }
    return {};
}

/// A folder that only a .env names is a default, as the container image brings one, and no decision
/// against a store.
const Origin* chosen_local_folder(const Config& config) {
    const auto found = config.origins.find("storage.local.directory");
    const bool is_chosen =
        found != config.origins.end() && found->second.kind != SourceKind::DotEnv;
    return is_chosen ? &found->second : nullptr;
}

/// A store that this build cannot reach must not turn silently into a local folder.
Result<> check_later_storage(const Config& config) {
    if (config.storage.has_store() || chosen_local_folder(config) != nullptr) return {};
    constexpr std::string_view kInstead =
        "is not in this build yet, and no other storage is set: recordings would stay on this "
        "machine; "
        "set storage.s3, storage.gcp or storage.azure, or storage.local.directory if that is meant";
    constexpr const char* kPath = "storage.alioss";
    if (config.origins.contains(kPath)) return fail_setting(config, kPath, std::string(kInstead));
    return {};
}

/// Google's own variable names a file; ours, and livekit/egress's key, may hold the text itself.
Result<> read_credentials_file(Config& config) {
    Secret& credentials = config.storage.gcp->credentials_json;
    const std::string& text = credentials.reveal();
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos || text[begin] == '{') return {};
    std::ifstream file(text, std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(file)), {});
    if (!file.is_open() || content.empty()) {
        return fail_setting(
            config,
            "storage.gcp.credentials_json",
            "names '" + first_words(text) +
                "', which cannot be read (it is the JSON itself, or a file with it)"
        );
    }
    credentials = Secret(std::move(content));
    return {};
}

}  // namespace

void begin_stores(Config& config) {
    config.storage.s3.emplace();
    config.storage.gcp.emplace();
    config.storage.azure.emplace();
}

Result<> finish_stores(Config& config) {
    AC_CHECK_OK(choose_store(config));
    if (config.storage.s3) AC_CHECK_OK(finish_s3(config));
    if (config.storage.gcp) AC_CHECK_OK(read_credentials_file(config));
    if (config.storage.azure) AC_CHECK_OK(finish_azure(config));
    AC_CHECK_OK(check_later_storage(config));
    if (config.storage.retries.min_delay > config.storage.retries.max_delay) {
        return fail_setting(
            config,
            "storage.s3.min_retry_delay",
            "must not be longer than storage.s3.max_retry_delay"
        );
    }
    const Origin* local = chosen_local_folder(config);
    if (config.storage.has_store() && local != nullptr) {
        config.warnings.push_back(
            local->to_string() + ": storage.local.directory has no effect beside " +
            std::string(store_section(config)) + ": recordings go to the bucket"
        );
    }
    return {};
}

std::string_view store_section(const Config& config) {
    if (config.storage.s3) return "storage.s3";
    return config.storage.gcp ? "storage.gcp" : "storage.azure";
}

bool is_of_another_store(const Config& config, std::string_view path) {
    if (path.starts_with("storage.s3.")) {
        return !config.storage.s3 && path.find("retr") == std::string_view::npos;
    }
    if (path.starts_with("storage.gcp.")) return !config.storage.gcp;
    return path.starts_with("storage.azure.") && !config.storage.azure;
}

}  // namespace aircheck::app
