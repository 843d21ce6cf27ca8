#include "app/bus.hpp"
#include "app/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::app {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<Config> load_text(const std::string& text) {
    ConfigSources sources;
    sources.file = NamedText{"egress.yaml", text};
    return load(sources);
}

constexpr const char* kLiveKit = "ws_url: ws://lk:7880\napi_key: k\napi_secret: s\n";

TEST(ConfigRedis, TakesEveryKeyOfLiveKits) {
    const auto config = load_text(
        "redis:\n"
        "  address: redis:6380\n"
        "  username: worker\n"
        "  password: secret\n"
        "  db: 3\n"
        "  tls: {enabled: true, insecure: true, server_name: r.example, ca_cert_file: /ca,\n"
        "        client_cert_file: /cert, client_key_file: /key}\n"
        "  dial_timeout: 1000\n"
        "  read_timeout: 300\n"
        "  write_timeout: 400\n"
        "  max_redirects: 5\n"
        "cluster_id: eu\n"
        "io_create_timeout: 5s\n"
        "io_update_timeout: 10s\n"
        "io_selection_timeout: 2s\n"
    );
    ASSERT_TRUE(config) << config.error().to_string();
    EXPECT_THAT(config->warnings, IsEmpty());
    const auto settings = redis_settings(config->redis);
    EXPECT_EQ(settings.address, "redis:6380");
    EXPECT_EQ(settings.username, "worker");
    EXPECT_EQ(settings.password, "secret");
    EXPECT_EQ(settings.db, 3);
    ASSERT_TRUE(settings.tls);
    EXPECT_FALSE(settings.tls->is_verified);
    EXPECT_EQ(settings.tls->server_name, "r.example");
    EXPECT_EQ(settings.tls->ca_file, "/ca");
    EXPECT_EQ(settings.tls->certificate_file, "/cert");
    EXPECT_EQ(settings.tls->key_file, "/key");
    EXPECT_EQ(settings.dial_timeout, milliseconds(1000));
    EXPECT_EQ(settings.read_timeout, milliseconds(300));
    EXPECT_EQ(settings.write_timeout, milliseconds(400));
    EXPECT_EQ(settings.max_redirects, 5);
    EXPECT_EQ(config->bus.cluster_id, "eu");
    EXPECT_EQ(config->bus.io_create_timeout, 5s);
    EXPECT_EQ(config->bus.io_update_timeout, 10s);
    EXPECT_EQ(config->bus.io_selection_timeout, 2s);
}

TEST(ConfigRedis, ShowsTheTimesThatAreInForce) {
    for (const char* text : {"{}", "{io_update_timeout: 0s, io_selection_timeout: 0s}"}) {
        const std::string shown = print_config(*load_text(text));
        EXPECT_THAT(shown, HasSubstr("io_create_timeout: 15s"));
        EXPECT_THAT(shown, HasSubstr("io_update_timeout: 30s"));
        EXPECT_THAT(shown, HasSubstr("io_selection_timeout: 1s"));
    }
}

TEST(ConfigDelegate, IsLivekitOrNobody) {
    EXPECT_EQ(load_text("{}")->delegate, DelegateTo::None);
    EXPECT_EQ(load_text("delegate: none")->delegate, DelegateTo::None);
    EXPECT_EQ(load_text("delegate: livekit")->delegate, DelegateTo::LiveKit);
    const auto other = load_text("delegate: chrome");
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().to_string(), HasSubstr("delegate"));
    EXPECT_THAT(other.error().to_string(), HasSubstr("chrome"));
}

TEST(ConfigRedis, KnowsSentinelsAndClusters) {
    const auto sentinels = load_text(
        "redis: {sentinel_master_name: m, sentinel_username: u, sentinel_password: p,\n"
        "        sentinel_addresses: ['a:26379', 'b:26379']}\n"
    );
    ASSERT_TRUE(sentinels) << sentinels.error().to_string();
    const auto settings = redis_settings(sentinels->redis);
    EXPECT_EQ(settings.sentinel_master_name, "m");
    EXPECT_EQ(settings.sentinel_username, "u");
    EXPECT_EQ(settings.sentinel_password, "p");
    EXPECT_THAT(settings.sentinel_addresses, ElementsAre("a:26379", "b:26379"));
    // What LiveKit itself takes with sentinels.
    EXPECT_EQ(settings.dial_timeout, milliseconds(2000));
    EXPECT_EQ(settings.read_timeout, milliseconds(200));

    const auto cluster = load_text("redis: {cluster_addresses: ['a:1', 'b:2']}\n");
    ASSERT_TRUE(cluster);
    EXPECT_THAT(redis_settings(cluster->redis).cluster_addresses, ElementsAre("a:1", "b:2"));
    EXPECT_EQ(redis_settings(cluster->redis).max_redirects, 2);
}

TEST(ConfigRedis, TakesTlsAsLiveKitDoes) {
    struct {
        const char* text;
        bool is_tls;
    } const rows[] = {
        {"redis: {address: 'r:1'}", false},
        {"redis: {address: 'r:1', use_tls: true}", true},
        {"redis: {address: 'r:1', tls: {enabled: true}}", true},
        {"redis: {address: 'r:1', tls: {enabled: false, insecure: true}}", false},
    };
    for (const auto& row : rows) {
        const auto config = load_text(row.text);
        ASSERT_TRUE(config) << row.text;
        const auto settings = redis_settings(config->redis);
        EXPECT_EQ(settings.tls.has_value(), row.is_tls) << row.text;
        EXPECT_TRUE(!settings.tls || settings.tls->is_verified) << row.text;
    }
}

TEST(ConfigRedis, NamesWhatHasNoMeaning) {
    const auto config =
        load_text("redis: {address: 'r:1', pool_size: 10, pool_timeout: 5s}\nio_workers: 5\n");
    ASSERT_TRUE(config);
    ASSERT_EQ(config->warnings.size(), 3u);
    for (const char* name : {"redis.pool_size", "redis.pool_timeout", "io_workers"}) {
        EXPECT_THAT(config->warnings, ::testing::Contains(HasSubstr(name)));
    }
}

TEST(ConfigRedis, RefusesWhatCannotWork) {
    struct {
        const char* text;
        const char* words;
    } const rows[] = {
        {"redis: {password: x}", "redis.address is missing"},
        {"redis: {sentinel_addresses: ['a:1']}", "redis.sentinel_master_name is missing"},
        {"redis: {address: 'r:1', tls: {client_cert_file: /c}}", "client_key_file"},
        {"redis: {address: 'r:1', db: -1}", "redis.db"},
        {"redis: {adress: 'r:1'}", "did you mean redis.address"},
        {"redis: {address: 'x:y'}", "redis.address: 'x:y'"},
        {"redis: {cluster_addresses: ['a:1', 'b:99999']}", "redis.cluster_addresses: 'b:99999'"},
        {"redis: {sentinel_master_name: m, sentinel_addresses: ['a:-1']}",
         "redis.sentinel_addresses: 'a:-1'"},
    };
    for (const auto& row : rows) {
        const auto config = load_text(row.text);
        ASSERT_FALSE(config) << row.text;
        EXPECT_EQ(config.error().code, Errc::InvalidArgument) << row.text;
        EXPECT_THAT(config.error().to_string(), HasSubstr(row.words)) << row.text;
    }
    const auto without_server = load_text("redis: {address: 'r:1'}\n");
    ASSERT_TRUE(without_server);
    const auto refused = check_for_serve(*without_server);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().to_string(), HasSubstr("ws_url, api_key and api_secret"));
    const auto whole = load_text(std::string(kLiveKit) + "redis: {address: 'r:1'}\n");
    ASSERT_TRUE(whole);
    EXPECT_TRUE(check_for_serve(*whole));
}

TEST(ConfigRedis, WarnsOfReceiversForABusThatIsNotThere) {
    const std::string webhooks = "webhooks: [{url: 'http://h/x', also_for_bus: true}]\n";
    const auto without = load_text(webhooks);
    ASSERT_TRUE(without);
    EXPECT_THAT(without->warnings, ElementsAre(HasSubstr("also_for_bus has no effect")));
    const auto with = load_text(webhooks + "redis: {address: 'r:1'}\n");
    ASSERT_TRUE(with);
    EXPECT_THAT(with->warnings, IsEmpty());
}

}  // namespace
}  // namespace aircheck::app
