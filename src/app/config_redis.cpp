#include "app/bus.hpp"
#include "app/config_key_kinds.hpp"
#include "app/config_keys.hpp"

#include <algorithm>

namespace aircheck::app {
namespace {

constexpr std::string_view kOneConnection =
    "has no meaning here: one connection carries all commands";
constexpr std::int64_t kLongestTimeoutMs = 600'000;
const Names<DelegateTo> kDelegates = {{"none", DelegateTo::None}, {"livekit", DelegateTo::LiveKit}};

}  // namespace

bool RedisConfig::is_configured() const {
    return !address.empty() || !sentinel_addresses.empty() || !cluster_addresses.empty();
}

void add_redis_keys(std::vector<Key>& keys) {
    const auto text = [&](std::string_view path, auto access) {
        keys.push_back(text_key(path, access));
    };
    const auto secret = [&](std::string_view path, auto access) {
        keys.push_back(secret_key(path, access));
    };
    const auto milliseconds = [&](std::string_view path, auto access) {
        keys.push_back(number_key(path, 0, kLongestTimeoutMs, access));
    };
    const auto addresses = [&](std::string_view path, auto access) {
        keys.push_back(list_key(path, access, read_text_list, show_texts));
    };
    text(
        "redis.address", [](auto& c) -> auto& { return c.redis.address; }
    );
    text(
        "redis.username", [](auto& c) -> auto& { return c.redis.username; }
    );
    secret(
        "redis.password", [](auto& c) -> auto& { return c.redis.password; }
    );
    keys.push_back(number_key(
        "redis.db", 0, 1'000'000, [](auto& c) -> auto& { return c.redis.db; }
    ));
    keys.push_back(bool_key(
        "redis.use_tls", [](auto& c) -> auto& { return c.redis.use_tls; }
    ));
    keys.push_back(bool_key(
        "redis.tls.enabled", [](auto& c) -> auto& { return c.redis.tls.enabled; }
    ));
    keys.push_back(bool_key(
        "redis.tls.insecure", [](auto& c) -> auto& { return c.redis.tls.insecure; }
    ));
    text(
        "redis.tls.server_name", [](auto& c) -> auto& { return c.redis.tls.server_name; }
    );
    text(
        "redis.tls.ca_cert_file", [](auto& c) -> auto& { return c.redis.tls.ca_cert_file; }
    );
    text(
        "redis.tls.client_cert_file", [](auto& c) -> auto& { return c.redis.tls.client_cert_file; }
    );
    text(
        "redis.tls.client_key_file", [](auto& c) -> auto& { return c.redis.tls.client_key_file; }
    );
    text(
        "redis.sentinel_master_name", [](auto& c) -> auto& { return c.redis.sentinel_master_name; }
    );
    text(
        "redis.sentinel_username", [](auto& c) -> auto& { return c.redis.sentinel_username; }
    );
    secret(
        "redis.sentinel_password", [](auto& c) -> auto& { return c.redis.sentinel_password; }
    );
    addresses(
        "redis.sentinel_addresses", [](auto& c) -> auto& { return c.redis.sentinel_addresses; }
    );
    addresses(
        "redis.cluster_addresses", [](auto& c) -> auto& { return c.redis.cluster_addresses; }
    );
    milliseconds(
        "redis.dial_timeout", [](auto& c) -> auto& { return c.redis.dial_timeout_ms; }
    );
    milliseconds(
        "redis.read_timeout", [](auto& c) -> auto& { return c.redis.read_timeout_ms; }
    );
    milliseconds(
        "redis.write_timeout", [](auto& c) -> auto& { return c.redis.write_timeout_ms; }
    );
    keys.push_back(number_key(
        "redis.max_redirects", 0, 100, [](auto& c) -> auto& { return c.redis.max_redirects; }
    ));
    keys.push_back(ignored("redis.pool_size", Shape::Scalar, kOneConnection));
    keys.push_back(ignored("redis.pool_timeout", Shape::Scalar, kOneConnection));
    text(
        "cluster_id", [](auto& c) -> auto& { return c.bus.cluster_id; }
    );
    keys.push_back(key(
        "delegate",
        [](auto& c) -> auto& { return c.delegate; },
        [](const Value& value) { return read_choice(value, kDelegates); },
        [](DelegateTo to) { return name_of(to, kDelegates); }
    ));
    keys.push_back(duration_key(
        "io_create_timeout", [](auto& c) -> auto& { return c.bus.io_create_timeout; }
    ));
    keys.push_back(duration_key(
        "io_update_timeout", [](auto& c) -> auto& { return c.bus.io_update_timeout; }
    ));
    keys.push_back(duration_key(
        "io_selection_timeout", [](auto& c) -> auto& { return c.bus.io_selection_timeout; }
    ));
    keys.push_back(
        ignored("io_workers", Shape::Scalar, "has no meaning here: each job is told on its own")
    );
}

Result<> check_redis(Config& config) {
    const RedisConfig& redis = config.redis;
    const bool is_meant = !redis.username.empty() || !redis.password.empty() || redis.use_tls ||
                          redis.tls.enabled || !redis.sentinel_master_name.empty();
    if (is_meant && !redis.is_configured()) {
        return fail(
            Errc::InvalidArgument,
            "redis.address is missing (or redis.sentinel_addresses, redis.cluster_addresses)"
        );
    }
    if (!redis.sentinel_addresses.empty() && redis.sentinel_master_name.empty()) {
        return fail(
            Errc::InvalidArgument,
            "redis.sentinel_master_name is missing beside redis.sentinel_addresses"
        );
    }
    if (redis.tls.client_cert_file.empty() != redis.tls.client_key_file.empty()) {
        return fail(
            Errc::InvalidArgument,
            "redis.tls.client_cert_file and redis.tls.client_key_file go together: one is missing"
        );
    }
    if (redis.is_configured()) {
        AC_CHECK_OK(net::check_redis_settings(redis_settings(redis)));
    }
    const auto or_default = [](Nanoseconds& timeout, Nanoseconds usual) {
        if (timeout == Nanoseconds::zero()) timeout = usual;
    };
    const BusConfig usual;
    or_default(config.bus.io_create_timeout, usual.io_create_timeout);
    or_default(config.bus.io_update_timeout, usual.io_update_timeout);
    or_default(config.bus.io_selection_timeout, usual.io_selection_timeout);
    const auto for_bus = [](const WebhookConfig& webhook) { return webhook.also_for_bus; };
    if (!redis.is_configured() &&
        std::any_of(config.webhooks.begin(), config.webhooks.end(), for_bus)) {
        config.warnings.emplace_back(
            "webhooks: also_for_bus has no effect: redis is not set, so no jobs come from a bus"
        );
    }
    return {};
}

Result<> check_redis_for_serve(const Config& config) {
    if (!config.redis.is_configured()) return {};
    if (!config.livekit.ws_url.empty() && !config.livekit.api_key.empty()) return {};
    return fail(
        Errc::InvalidArgument,
        "redis: jobs from livekit-server's bus need ws_url, api_key and api_secret (LIVEKIT_URL, "
        "LIVEKIT_API_KEY, LIVEKIT_API_SECRET)"
    );
}

}  // namespace aircheck::app
