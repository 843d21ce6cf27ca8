// The client against one real Redis server, also with TLS.
#include "net/redis.hpp"

#include "tests/support/redis_peer.hpp"

#include "net/test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::net {
namespace {

using ::testing::HasSubstr;
using testing::TestCertificate;
using tests::RedisPeer;
using tests::RedisServer;
using tests::settings_for;

TEST(Redis, DoesCommandsInOrder) {
    const RedisServer server;
    RedisPeer client(settings_for(server));
    const std::string binary("a\0\r\n\xff", 5);
    EXPECT_EQ(client.text({"SET", "key", binary}), "OK");
    EXPECT_EQ(client.text({"GET", "key"}), binary);
    EXPECT_TRUE(client.command({"GET", "other"})->is_null());
    EXPECT_EQ(client.text({"SET", "lock", "1", "NX", "PX", "60000"}), "OK");
    EXPECT_TRUE(client.command({"SET", "lock", "2", "NX", "PX", "60000"})->is_null());
    std::vector<std::future<Result<RedisReply>>> counts;
    for (int i = 0; i < 1000; ++i) counts.push_back(client.begin({"INCR", "count"}));
    for (std::int64_t i = 0; i < 1000; ++i) {
        EXPECT_EQ(counts[static_cast<std::size_t>(i)].get()->integer, i + 1);
    }
    EXPECT_EQ(client.command({"EVAL", "return {1,{'x'}}", "0"})->items[1].items[0].text, "x");
}

TEST(Redis, TellsWhatRedisRefuses) {
    const RedisServer server;
    RedisPeer client(settings_for(server));
    ASSERT_EQ(client.text({"SET", "key", "text"}), "OK");
    const auto refused = client.command({"INCR", "key"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::Failed);
    EXPECT_THAT(refused.error().to_string(), HasSubstr("not an integer"));
    EXPECT_EQ(client.text({"GET", "key"}), "text") << "the connection lives on";
}

TEST(Redis, HearsWhatItSubscribesTo) {
    const RedisServer server;
    RedisPeer client(settings_for(server));
    client.subscribe("A|b");
    client.subscribe("C");
    ASSERT_TRUE(client.events.wait_for("A|b ready"));
    ASSERT_TRUE(client.events.wait_for("C ready"));
    EXPECT_EQ(client.command({"PUBLISH", "A|b", "one"})->integer, 1);
    EXPECT_EQ(client.command({"PUBLISH", "B", "nobody"})->integer, 0);
    EXPECT_TRUE(client.events.wait_for("A|b: one"));
    client.unsubscribe("A|b");
    client.subscribe("D");  // Its confirmation comes after the end of A|b.
    ASSERT_TRUE(client.events.wait_for("D ready"));
    EXPECT_EQ(client.command({"PUBLISH", "A|b", "two"})->integer, 0);
    EXPECT_EQ(client.command({"PUBLISH", "C", "three"})->integer, 1);
    EXPECT_TRUE(client.events.wait_for("C: three"));
}

TEST(Redis, LogsInAndSelects) {
    const RedisServer server(
        {"--requirepass", "secret", "--user", "worker", "on", ">other", "~*", "&*", "+@all"}
    );
    auto settings = settings_for(server);
    settings.password = "secret";
    settings.db = 3;
    RedisPeer by_password(settings);
    EXPECT_EQ(by_password.text({"SET", "key", "in three"}), "OK");
    settings.username = "worker";
    settings.password = "other";
    RedisPeer by_name(settings);
    EXPECT_EQ(by_name.text({"GET", "key"}), "in three");
    EXPECT_EQ(by_name.text({"ACL", "WHOAMI"}), "worker");
    settings.db = 0;
    EXPECT_TRUE(RedisPeer(settings).command({"GET", "key"})->is_null());
}

TEST(Redis, DoesNotTalkWhereItMayNot) {
    const RedisServer server({"--requirepass", "secret"});
    for (const char* password : {"", "wrong"}) {
        auto settings = settings_for(server);
        settings.password = password;
        settings.patience = std::chrono::milliseconds(500);
        RedisPeer client(settings);
        const auto reply = client.command({"GET", "key"});
        ASSERT_FALSE(reply) << password;
        EXPECT_EQ(reply.error().code, Errc::Unavailable);
    }
}

TEST(Redis, ComesBackAfterARestart) {
    RedisServer server;
    RedisPeer client(settings_for(server));
    client.subscribe("news");
    ASSERT_TRUE(client.events.wait_for("news ready"));
    ASSERT_TRUE(client.events.wait_for("connected"));
    server.stop();
    ASSERT_TRUE(client.events.wait_for("lost"));
    auto waiting = client.begin({"SET", "key", "kept"});
    server.start();
    EXPECT_EQ(waiting.get()->text, "OK");
    ASSERT_TRUE(client.events.wait_for("connected", 2));
    EXPECT_TRUE(client.hears("news", "again"));
}

TEST(Redis, DoesNotWaitForEver) {
    RedisServer server;
    auto settings = settings_for(server);
    settings.read_timeout = settings.write_timeout = std::chrono::seconds(1);
    settings.patience = std::chrono::seconds(3);
    RedisPeer client(settings);
    ASSERT_EQ(client.text({"SET", "key", "1"}), "OK");
    server.signal(SIGSTOP);
    EXPECT_EQ(client.command({"GET", "key"}).error().code, Errc::Unavailable) << "no answer";
    EXPECT_EQ(client.command({"GET", "key"}).error().code, Errc::Unavailable) << "no connection";
    server.signal(SIGCONT);
    ASSERT_TRUE(client.events.wait_for("connected", 2));
    EXPECT_EQ(client.text({"GET", "key"}), "1");
}

TEST(Redis, RefusesMoreThanItWouldKeep) {
    RedisServer server;
    auto settings = settings_for(server);
    settings.patience = std::chrono::minutes(10);  // None may give up before the last one waits.
    RedisPeer client(settings);
    ASSERT_TRUE(client.events.wait_for("connected"));
    server.stop();
    ASSERT_TRUE(client.events.wait_for("lost"));
    for (std::size_t i = 0; i < Redis::kMaxWaiting; ++i) {
        static_cast<void>(client.begin({"PUBLISH", "channel", "message"}));
    }
    const auto refused = client.command({"GET", "key"});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().to_string(), HasSubstr("too many commands"));
}

TEST(Redis, NamesSettingsThatCannotBeUsed) {
    struct {
        const char* name;
        void (*change)(RedisSettings&);
        const char* words;
    } const rows[] = {
        {"address",
         [](RedisSettings& s) { s.address = "redis://x"; },
         "redis.address: 'redis://x'"},
        {"none", [](RedisSettings& s) { s.address = ""; }, "redis.address"},
        {"sentinel",
         [](RedisSettings& s) {
             s.sentinel_addresses = {"a:1", "b:"};
             s.sentinel_master_name = "m";
         },
         "redis.sentinel_addresses: 'b:'"},
        {"master",
         [](RedisSettings& s) { s.sentinel_addresses = {"a:1"}; },
         "redis.sentinel_master_name"},
        {"cluster", [](RedisSettings& s) { s.cluster_addresses = {":1"}; }, "cluster_addresses"},
        {"ca",
         [](RedisSettings& s) { s.tls.emplace().ca_file = "/none/ca.pem"; },
         "redis.tls.ca_cert_file '/none/ca.pem'"},
        {"certificate",
         [](RedisSettings& s) { s.tls.emplace().certificate_file = "/none/c.pem"; },
         "redis.tls.client_cert_file '/none/c.pem'"},
    };
    for (const auto& row : rows) {
        Loop loop;
        RedisSettings settings;
        settings.address = "127.0.0.1:6379";
        row.change(settings);
        const auto redis = Redis::create(loop, settings);
        ASSERT_FALSE(redis) << row.name;
        EXPECT_EQ(redis.error().code, Errc::InvalidArgument) << row.name;
        EXPECT_THAT(redis.error().to_string(), HasSubstr(row.words)) << row.name;
    }
}

TEST(Redis, SpeaksTlsAndKnowsWhomItTrusts) {
    const TestCertificate ours("DNS:localhost,IP:127.0.0.1");
    const TestCertificate others("DNS:localhost,IP:127.0.0.1");
    const auto tls_port = tests::free_port();
    const RedisServer server(
        {"--tls-port",
         std::to_string(tls_port),
         "--tls-cert-file",
         ours.certificate,
         "--tls-key-file",
         ours.key,
         "--tls-ca-cert-file",
         ours.certificate}
    );
    RedisTls with_client;
    with_client.ca_file = with_client.certificate_file = ours.certificate;
    with_client.key_file = ours.key;
    struct {
        const char* name;
        RedisTls tls;
        bool is_trusted;
    } rows[] = {
        {"all right", with_client, true},
        {"not verified", with_client, true},
        {"another authority", with_client, false},
        {"another name", with_client, false},
        {"no client certificate", with_client, false},
        {"the system's authorities", with_client, false},
    };
    rows[1].tls.ca_file = others.certificate;
    rows[1].tls.is_verified = false;
    rows[2].tls.ca_file = others.certificate;
    rows[3].tls.server_name = "redis.example";
    rows[4].tls.certificate_file = rows[4].tls.key_file = "";
    rows[5].tls.ca_file = "";
    for (const auto& row : rows) {
        RedisSettings settings;
        settings.address = "127.0.0.1:" + std::to_string(tls_port);
        settings.tls = row.tls;
        if (!row.is_trusted) settings.patience = std::chrono::milliseconds(500);
        RedisPeer client(settings);
        const auto reply = client.command({"SET", "key", row.name});
        EXPECT_EQ(reply.has_value(), row.is_trusted) << row.name;
    }
}

}  // namespace
}  // namespace aircheck::net
