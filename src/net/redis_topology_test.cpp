// The client against several real Redis servers: behind a sentinel, and as a cluster.
#include "tests/support/redis_peer.hpp"

#include "net/redis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::net {
namespace {

using ::testing::HasSubstr;
using tests::RedisPeer;
using tests::RedisServer;
using tests::settings_for;
using Words = std::vector<std::string>;

TEST(Redis, FollowsAFailoverBySentinel) {
    const RedisServer first;
    const RedisServer second({"--replicaof", "127.0.0.1", std::to_string(first.port())});
    const RedisServer sentinel({"--sentinel"});
    RedisPeer to_sentinel(settings_for(sentinel));
    ASSERT_EQ(
        to_sentinel.text(
            {"SENTINEL", "MONITOR", "livekit", "127.0.0.1", std::to_string(first.port()), "1"}
        ),
        "OK"
    );
    RedisSettings settings;
    settings.sentinel_addresses = {"127.0.0.1:1", sentinel.address()};  // The first is down.
    settings.sentinel_master_name = "livekit";
    RedisPeer client(settings);
    client.subscribe("news");
    ASSERT_EQ(client.text({"SET", "key", "1"}), "OK");
    // Until the sentinel knows of the replica it has nobody to promote.
    std::string failover;
    for (int i = 0; i < 600 && failover != "OK"; ++i) {
        failover = to_sentinel.text({"SENTINEL", "FAILOVER", "livekit"});
        if (failover != "OK") std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ASSERT_EQ(failover, "OK");
    RedisPeer direct(settings_for(second));
    bool arrived = false;
    for (int i = 0; i < 600 && !arrived; ++i) {
        static_cast<void>(client.command({"SET", "key", "2"}));
        const auto role = direct.command({"ROLE"});
        arrived = role && role->items[0].text == "master" && direct.text({"GET", "key"}) == "2";
        if (!arrived) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(arrived);
    EXPECT_TRUE(client.hears("news", "from the new master"));
}

class RedisCluster : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(to_first_.text({"CLUSTER", "ADDSLOTSRANGE", "0", "8191"}), "OK");
        ASSERT_EQ(to_second_.text({"CLUSTER", "ADDSLOTSRANGE", "8192", "16383"}), "OK");
        ASSERT_EQ(
            to_second_.text(
                {"CLUSTER",
                 "MEET",
                 "127.0.0.1",
                 std::to_string(first_.port()),
                 std::to_string(first_bus_)}
            ),
            "OK"
        );
        for (RedisPeer* client : {&to_first_, &to_second_}) ASSERT_TRUE(is_whole(*client));
    }
    static bool is_whole(RedisPeer& client) {
        for (int i = 0; i < 600; ++i) {
            const auto info = client.text({"CLUSTER", "INFO"});
            if (info.find("cluster_state:ok") != std::string::npos &&
                info.find("cluster_known_nodes:2") != std::string::npos) {
                return true;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        return false;
    }
    static Words options(std::uint16_t bus_port) {
        return {
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            "nodes.conf",
            "--cluster-port",
            std::to_string(bus_port)};
    }
    [[nodiscard]] RedisSettings settings() const {
        RedisSettings all;
        all.cluster_addresses = {first_.address(), second_.address()};
        return all;
    }

    const std::uint16_t first_bus_ = tests::free_port();
    RedisServer first_{options(first_bus_)};
    RedisServer second_{options(tests::free_port())};
    RedisPeer to_first_{settings_for(first_)};
    RedisPeer to_second_{settings_for(second_)};
};

TEST_F(RedisCluster, FindsEachKeysNode) {
    RedisPeer client(settings());
    for (int i = 0; i < 100; ++i) {
        const std::string key = "key" + std::to_string(i);
        ASSERT_EQ(client.text({"SET", key, key}), "OK") << key;
        const bool is_first = redis_slot_of(key) < 8192;
        EXPECT_EQ((is_first ? to_first_ : to_second_).text({"GET", key}), key);
    }
    client.subscribe("news");
    EXPECT_TRUE(client.events.wait_for("news ready"));
    for (RedisPeer* node : {&to_first_, &to_second_}) {
        EXPECT_TRUE(node->command({"PUBLISH", "news", "from a node"}));
    }
    EXPECT_TRUE(client.events.wait_for("news: from a node", 2));
}

TEST_F(RedisCluster, FollowsASlotOnItsWay) {
    const std::string first_id = to_first_.text({"CLUSTER", "MYID"});
    const std::string second_id = to_second_.text({"CLUSTER", "MYID"});
    const std::string slot = std::to_string(redis_slot_of("bar"));  // 5061: the first's.
    ASSERT_EQ(to_first_.text({"CLUSTER", "SETSLOT", slot, "MIGRATING", second_id}), "OK");
    ASSERT_EQ(to_second_.text({"CLUSTER", "SETSLOT", slot, "IMPORTING", first_id}), "OK");
    RedisPeer client(settings());
    EXPECT_EQ(client.text({"SET", "bar", "moving"}), "OK");
    EXPECT_EQ(client.text({"GET", "bar"}), "moving");
    EXPECT_THAT(to_first_.text({"GET", "bar"}), HasSubstr("ASK")) << "it is on the second";
}

TEST_F(RedisCluster, GivesUpAfterTooManyRedirections) {
    auto none = settings();
    none.max_redirects = 0;
    none.cluster_addresses = {second_.address()};
    EXPECT_THAT(RedisPeer(none).text({"GET", "bar"}), HasSubstr("MOVED 5061"));
}

}  // namespace
}  // namespace aircheck::net
