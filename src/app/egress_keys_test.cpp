// Every key of livekit/egress's configuration: what docs/compatibility.md's tables say of it, the
// list of what livekit/egress reads, and what the key does here are held against each other.

#include "app/egress_keys_test.hpp"

#include "app/bus.hpp"
#include "app/options_of.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace aircheck::app {
namespace {

using namespace egress_keys;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

Result<Config> load_text(const std::string& text) {
    ConfigSources sources;
    sources.file = NamedText{"config.yaml", text};
    return load(sources);
}

/// "a.b" and "x" as a.b's YAML: {a: {b: x}}.
std::string nest(const std::string& path, const std::string& value) {
    const auto dot = path.find('.');
    return "{" + path.substr(0, dot) + ": " +
           (dot == std::string::npos ? value : nest(path.substr(dot + 1), value)) + "}";
}

template <typename Value>
std::string show(const Value& value) {
    std::ostringstream text;
    text << std::boolalpha << value;
    return text.str();
}
std::string show(Nanoseconds duration) { return show(duration.count() / 1'000'000) + "ms"; }
std::string show(std::chrono::milliseconds duration) { return show(Nanoseconds(duration)); }
std::string show(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) all += (all.empty() ? "" : " ") + text;
    return all;
}

using Shown = std::map<std::string, std::string>;

void show_redis(const Config& config, Shown& out) {
    const auto redis = redis_settings(config.redis);
    out["redis.address"] = redis.address;
    out["redis.username"] = redis.username;
    out["redis.password"] = redis.password;
    out["redis.db"] = show(redis.db);
    out["redis.use_tls"] = out["redis.tls.enabled"] = show(redis.tls.has_value());
    if (redis.tls) {
        out["redis.tls.insecure"] = show(!redis.tls->is_verified);
        out["redis.tls.server_name"] = redis.tls->server_name;
        out["redis.tls.ca_cert_file"] = redis.tls->ca_file;
        out["redis.tls.client_cert_file"] = redis.tls->certificate_file;
        out["redis.tls.client_key_file"] = redis.tls->key_file;
    }
    out["redis.sentinel_master_name"] = redis.sentinel_master_name;
    out["redis.sentinel_username"] = redis.sentinel_username;
    out["redis.sentinel_password"] = redis.sentinel_password;
    out["redis.sentinel_addresses"] = show(redis.sentinel_addresses);
    out["redis.cluster_addresses"] = show(redis.cluster_addresses);
    out["redis.dial_timeout"] = show(redis.dial_timeout);
    out["redis.read_timeout"] = show(redis.read_timeout);
    out["redis.write_timeout"] = show(redis.write_timeout);
    out["redis.max_redirects"] = show(redis.max_redirects);
    const auto bus = bus_worker_options(config, "worker");
    out["cluster_id"] = bus.cluster_id;
    out["io_create_timeout"] = show(bus.create_timeout);
    out["io_update_timeout"] = show(bus.update_timeout);
    out["io_selection_timeout"] = show(bus.selection_timeout);
}

void show_storage(const Config& config, Shown& out) {
    const auto defaults = recording_defaults(config);
    out["storage.prefix"] = defaults.storage_prefix;
    out["storage.generate_presigned_url"] = show(config.storage.generate_presigned_url);
    out["storage.s3.max_retries"] = show(defaults.retry.max_retries);
    out["storage.s3.max_retry_delay"] = show(defaults.retry.max_delay);
    out["storage.s3.min_retry_delay"] = show(defaults.retry.min_delay);
    out["disallow_local_storage"] = show(!defaults.local_storage_allowed);
    if (const auto* gcs = std::get_if<storage::GcsDestination>(&defaults.destination)) {
        out["gcp"] = out["storage.gcp.bucket"] = gcs->bucket;
        out["storage.gcp.credentials_json"] = gcs->credentials;
        out["storage.gcp.proxy_config"] = gcs->proxy;
    }
    if (const auto* azure = std::get_if<storage::AzureDestination>(&defaults.destination)) {
        out["azure"] = out["storage.azure.container_name"] = azure->container;
        out["storage.azure.account_name"] = azure->account;
        out["storage.azure.account_key"] = azure->account_key;
    }
    if (!std::holds_alternative<storage::S3Destination>(defaults.destination)) return;
    const auto& s3 = std::get<storage::S3Destination>(defaults.destination);
    out["s3"] = out["storage.s3.bucket"] = s3.bucket;
    out["storage.s3.access_key"] = s3.access_key;
    out["storage.s3.secret"] = s3.secret;
    out["storage.s3.session_token"] = s3.session_token;
    out["storage.s3.region"] = s3.region;
    out["storage.s3.endpoint"] = s3.endpoint;
    out["storage.s3.force_path_style"] =
        show(s3.addressing == storage::S3Destination::Addressing::Path);
    for (const auto& [name, value] : s3.metadata) out["storage.s3.metadata"] += name + "=" + value;
    out["storage.s3.tagging"] = s3.tagging;
    out["storage.s3.assume_role_arn"] = s3.assume_role_arn;
    out["storage.s3.assume_role_external_id"] = s3.assume_role_external_id;
    out["storage.s3.content_disposition"] = s3.content_disposition;
    out["storage.s3.proxy_config.url"] = out["storage.s3.proxy_config.username"] =
        out["storage.s3.proxy_config.password"] = s3.proxy;
}

/// What the parts of the service are told, by the key that says it.
Shown options(const Config& config) {
    Shown out;
    show_redis(config, out);
    show_storage(config, out);
    const auto defaults = recording_defaults(config);
    out["api_key"] = defaults.access.api_key;
    out["api_secret"] = defaults.access.api_secret;
    out["ws_url"] = defaults.access.ws_url;
    out["health_port"] = show(config.health_port);
    out["prometheus_port"] = show(config.prometheus_port);
    out["logging.level"] = config.logging.level == log::Level::Warn ? "warn" : "another";
    out["logging.json"] = show(config.logging.format == log::Format::Json);
    out["session_limits.file_output_max_duration"] = show(defaults.session_limit.value_or(0s));
    out["session_limits.segment_output_max_duration"] =
        show(defaults.segment_session_limit.value_or(0s));
    out["session_limits.stream_output_max_duration"] =
        show(defaults.stream_session_limit.value_or(0s));
    out["session_limits.file_output_max_size"] = show(defaults.max_bytes.value_or(0));
    const auto admission = admission_options(config, {});
    out["cpu_cost.max_cpu_utilization"] = show(admission.max_cpu_utilization);
    out["cpu_cost.max_memory"] = show(admission.max_memory_bytes);
    return out;
}

TEST(EgressKeys, HonouredOnesReachTheOptionTheyAreFor) {
    const auto usual = options(load_text("").value());
    for (const auto& row : rows_of(kHonoured)) {
        SCOPED_TRACE(row.key + ": " + row.given);
        const auto config = load_text(row.given);
        ASSERT_TRUE(config) << config.error().to_string();
        auto shown = options(*config);
        EXPECT_EQ(shown[row.key], row.expected);
        const auto before = usual.find(row.key);
        EXPECT_TRUE(before == usual.end() || before->second != row.expected) << "the default";
        EXPECT_EQ(
            config->warnings.size(),
            row.key == "s3" || row.key == "gcp" || row.key == "azure" ? 1U : 0U
        );
    }
}

TEST(EgressKeys, OthersAreNamedWithTheirReason) {
    for (const auto& row : rows_of(kWarned)) {
        SCOPED_TRACE(row.key);
        const auto config = load_text(nest(row.key, row.given));
        ASSERT_TRUE(config) << config.error().to_string();
        ASSERT_EQ(config->warnings.size(), 1U);
        const auto& warning = config->warnings[0];
        const auto dot = row.key.rfind('.');
        const auto in_section = row.key.substr(0, dot) + " (" + row.key.substr(dot + 1) + ")";
        EXPECT_THAT(warning, HasSubstr("config.yaml:1: "));
        EXPECT_THAT(warning, AnyOf(HasSubstr(row.key), HasSubstr(in_section)));
        EXPECT_THAT(warning, HasSubstr(row.expected));
    }
}

TEST(EgressKeys, StoresThatCannotBeReachedAreRefused) {
    for (const auto& row : rows_of(kRefused)) {
        const auto config = load_text(row.given);
        ASSERT_FALSE(config) << row.key;
        EXPECT_EQ(config.error().code, Errc::InvalidArgument);
        EXPECT_THAT(config.error().to_string(), HasSubstr(row.expected));
    }
}

TEST(EgressKeys, ATopLevelStoreIsReadOnlyWithoutAStorageSection) {
    const auto config =
        load_text("s3: {bucket: b, access_key: k, secret: s}\nstorage: {prefix: p}");
    ASSERT_TRUE(config) << config.error().to_string();
    EXPECT_FALSE(config->storage.s3);
    ASSERT_EQ(config->warnings.size(), 1U);
    EXPECT_THAT(
        config->warnings[0],
        StartsWith("config.yaml:1: s3 (bucket, access_key, secret) is an older place of storage's")
    );
}

TEST(EgressKeys, AZeroTimeoutIsTheDefaultAndNotNone) {
    const auto config =
        load_text("{io_create_timeout: 0s, io_update_timeout: 0s, io_selection_timeout: 0s}");
    ASSERT_TRUE(config);
    const auto bus = bus_worker_options(*config, "worker");
    EXPECT_EQ(bus.create_timeout, 15s);
    EXPECT_EQ(bus.update_timeout, 30s);
    EXPECT_EQ(bus.selection_timeout, 1s);
}

TEST(EgressKeys, LevelsOfLiveKitsLoggerAreKnown) {
    const std::pair<const char*, log::Level> rows[] = {
        {"debug", log::Level::Debug},
        {"INFO", log::Level::Info},
        {"''", log::Level::Info},
        {"error", log::Level::Error},
        {"dpanic", log::Level::Error},
        {"fatal", log::Level::Error}};
    for (const auto& [name, level] : rows) {
        const auto config = load_text(std::string("logging: {level: ") + name + "}");
        ASSERT_TRUE(config) << name;
        EXPECT_EQ(config->logging.level, level) << name;
    }
}

const std::filesystem::path& source_folder() {
    static const auto folder =
        std::filesystem::path(AIRCHECK_TEST_DATA).parent_path().parent_path();
    return folder;
}

/// What stands between backticks, `a.{b, c}` taken apart.
std::vector<std::string> names_in(const std::string& cell) {
    std::vector<std::string> names;
    for (auto at = cell.find('`'); at != std::string::npos; at = cell.find('`', at + 1)) {
        const auto end = cell.find('`', at + 1);
        const auto text = cell.substr(at + 1, end - at - 1);
        at = end;
        const auto open = text.find('{');
        std::istringstream parts(open == std::string::npos ? text : text.substr(open + 1));
        for (std::string part; std::getline(parts, part, ',');) {
            part.erase(0, part.find_first_not_of(' '));
            part.erase(std::min(part.find('}'), part.size()));
            names.push_back(open == std::string::npos ? part : text.substr(0, open) + part);
        }
    }
    return names;
}

struct Documented {
    std::map<std::string, std::string>
        verdicts;  ///< "same", "better", "warned", "refused", by key.
    std::set<std::string> tests;
};

Documented documented() {
    std::ifstream file(source_folder() / "docs/compatibility.md");
    Documented found;
    bool is_here = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## ")) is_here = line == "## Configuration keys";
        if (!is_here || !line.starts_with("| `")) continue;
        std::vector<std::string> cells;
        std::istringstream parts(line.substr(1));
        for (std::string cell; std::getline(parts, cell, '|');) cells.push_back(cell);
        EXPECT_EQ(cells.size(), 4U) << line;
        if (cells.size() != 4) continue;
        const auto verdict = cells[1].substr(1, cells[1].size() - 2);
        for (const auto& key : names_in(cells[0])) {
            EXPECT_TRUE(found.verdicts.emplace(key, verdict).second)
                << key << " stands there twice";
        }
        const auto tests = names_in(cells[3]);
        EXPECT_FALSE(tests.empty()) << line;
        found.tests.insert(tests.begin(), tests.end());
    }
    return found;
}

TEST(EgressKeys, TheTableInTheDocumentationIsTheWholeTruth) {
    std::map<std::string, std::set<std::string>> expected;
    for (const auto& row : rows_of(kHonoured)) expected[row.key] = {"same", "better"};
    for (const auto& row : rows_of(kWarned)) expected[row.key] = {"warned"};
    for (const auto& row : rows_of(kRefused)) expected[row.key] = {"refused"};
    const auto table = documented();
    EXPECT_GT(table.verdicts.size(), 100U);
    for (const auto& [key, verdict] : table.verdicts) {
        ASSERT_TRUE(expected.contains(key)) << key << " is documented and not tested";
        EXPECT_TRUE(expected[key].contains(verdict)) << key << " is not '" << verdict << "'";
    }
    for (const auto& [key, verdicts] : expected) {
        EXPECT_TRUE(table.verdicts.contains(key)) << key << " is tested and not documented";
    }
}

TEST(EgressKeys, NoKeyThatLivekitEgressReadsIsMissing) {
    const auto table = documented();
    std::ifstream file(std::filesystem::path(AIRCHECK_TEST_DATA) / "egress/config_keys.txt");
    std::size_t count = 0;
    for (std::string key; std::getline(file, key);) {
        if (key.empty() || key.starts_with("#")) continue;
        ++count;
        EXPECT_TRUE(table.verdicts.contains(key)) << key;
    }
    EXPECT_GT(count, 100U);
}

TEST(EgressKeys, TheTestsThatTheDocumentationNamesAreThere) {
    std::set<std::string> there;
    for (const auto* folder : {"src", "tests/integration"}) {
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(source_folder() / folder)) {
            there.insert(entry.path().filename().string());
        }
    }
    for (const auto& test : documented().tests) EXPECT_TRUE(there.contains(test)) << test;
}

}  // namespace
}  // namespace aircheck::app
