#include "app/bus.hpp"
#include "app/doctor.hpp"
#include "net/loop.hpp"
#include "net/redis.hpp"

namespace aircheck::app {
namespace {

/// "10.0.0.5:6379", or what takes its place.
std::string address_of(const RedisConfig& redis) {
    const auto joined = [](std::string what, const std::vector<std::string>& addresses) {
        for (const std::string& address : addresses) what += " " + address;
        return what;
    };
    if (!redis.sentinel_addresses.empty()) return joined("sentinels", redis.sentinel_addresses);
    if (!redis.cluster_addresses.empty()) return joined("cluster", redis.cluster_addresses);
    return redis.address;
}

/// PING on a connection as the worker makes it.
Result<net::RedisReply> ping(const RedisConfig& config) {
    net::RedisSettings settings = redis_settings(config);
    settings.patience = settings.dial_timeout + std::chrono::seconds(2);  // So that it says why.
    net::Loop loop;
    AC_TRY(const auto redis, net::Redis::create(loop, std::move(settings)));
    Result<net::RedisReply> reply = fail(Errc::Failed, "no answer");
    redis->command({"PING"}, [&](Result<net::RedisReply> answer) {
        reply = std::move(answer);
        loop.stop();
    });
    loop.run("doctor");
    return reply;
}

}  // namespace

void check_redis(const Config& config, Findings& findings) {
    if (!config.redis.is_configured()) return;
    const std::string where = address_of(config.redis) + ": ";
    const auto reply = ping(config.redis);
    if (reply) {
        findings.push_back(fine("redis", where + "answers"));
        return;
    }
    const std::string why = reply.error().to_string();
    const auto says = [&](const char* word) { return why.find(word) != std::string::npos; };
    std::pair<const char*, const char*> cure{
        "redis.address", "is livekit-server's Redis running, and reachable from here?"};
    if (says("AUTH") || says("WRONGPASS")) {
        cure = {
            "redis.username, redis.password", "use those of livekit-server's own redis section"};
    } else if (says("SELECT")) {
        cure = {"redis.db", "use that of livekit-server's own redis section"};
    } else if (says("NOPERM")) {
        cure = {"redis.username", "give this user livekit-server's rights"};
    } else if (says("TLS") || ((config.redis.use_tls || config.redis.tls.enabled) && says("in time"))) {
        // A Redis without TLS says nothing to a greeting of TLS.
        cure = {
            "redis.use_tls, redis.tls",
            "does this Redis speak TLS, and is its certificate for that name?"};
    } else if (!config.redis.sentinel_addresses.empty()) {
        cure.first = "redis.sentinel_addresses, redis.sentinel_master_name";
    } else if (!config.redis.cluster_addresses.empty()) {
        cure.first = "redis.cluster_addresses";
    }
    findings.push_back(error("redis", where + why, cure.first, cure.second));
}

}  // namespace aircheck::app
