#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::net {

class Loop;

/// TLS towards Redis, as LiveKit's `redis.tls` has it.
struct RedisTls {
    bool is_verified = true;       ///< False: `insecure`, no check of certificate and name.
    std::string server_name;       ///< Expected name, and SNI; "": the address's host.
    std::string ca_file;           ///< PEM; the only trust anchors when set, else the system's.
    std::string certificate_file;  ///< Client certificate (PEM chain); "": none.
    std::string key_file;          ///< Its key.
};

/// Where Redis is and how it is spoken to: the fields of LiveKit's `redis` section that have a
/// meaning for one pipelined connection. Addresses are "host:port", "[::1]:port", or a host alone
/// (port 6379, sentinels 26379). What counts, in LiveKit's order: sentinels, cluster, address.
struct RedisSettings {
    std::string address;
    std::string username;
    std::string password;
    int db = 0;  ///< Not with a cluster.
    std::optional<RedisTls> tls;
    std::string sentinel_master_name;
    std::string sentinel_username;
    std::string sentinel_password;
    std::vector<std::string> sentinel_addresses;
    std::vector<std::string> cluster_addresses;
    int max_redirects = 2;  ///< How often one command follows MOVED or ASK.
    std::chrono::milliseconds dial_timeout{5000};
    /// How long an answer may be owed (sum of both) before the connection is given up.
    std::chrono::milliseconds read_timeout{3000};
    std::chrono::milliseconds write_timeout{3000};
    /// How long a command waits for a connection.
    std::chrono::milliseconds patience{5000};
};

/// Errc::InvalidArgument naming the key: an address that cannot be one, sentinels without their
/// master's name. Asks no remote.
[[nodiscard]] Result<> check_redis_settings(const RedisSettings& settings);

/// One answer of Redis (RESP2).
struct RedisReply {
    enum class Kind { Null, Integer, Text, Array, Error };
    Kind kind = Kind::Null;
    std::int64_t integer = 0;
    std::string text;  ///< Text and Error ("ERR …").
    std::vector<RedisReply> items;

    [[nodiscard]] bool is_null() const { return kind == Kind::Null; }
    [[nodiscard]] bool is_text(std::string_view expected) const {
        return kind == Kind::Text && text == expected;
    }
};

/// A client of Redis on a loop: commands in order on one connection (by key over several with a
/// cluster), publish and subscribe, reconnecting by itself with growing pauses, after a failover
/// to the new master.
///
/// While there is no connection, commands wait: at most `kMaxWaiting`, each as long as
/// `patience` says, then they fail with Errc::Unavailable; what was under way when a connection
/// broke fails at once, whether Redis did it or not. Subscriptions are renewed after each
/// reconnection; messages published meanwhile are lost, as is Redis's way. Callbacks run on the
/// loop, never inside a call, and not after destruction. On the loop's thread only.
class Redis {
public:
    static constexpr std::size_t kMaxWaiting = 4096;

    /// An answer of kind Error comes as a value's opposite: Errc::Failed with Redis's words.
    using OnReply = std::function<void(Result<RedisReply> reply)>;
    /// `message` is borrowed until it returns.
    using OnMessage = std::function<void(std::string_view message)>;
    /// At each change; `why` is empty when connected.
    using OnConnection = std::function<void(bool is_connected, const Error& why)>;

    /// Starts connecting. Errors: an address, or a file of `tls`, that cannot be used, by name.
    [[nodiscard]] static Result<std::unique_ptr<Redis>> create(Loop& loop, RedisSettings settings);
    ~Redis();
    Redis(const Redis&) = delete;
    Redis& operator=(const Redis&) = delete;

    /// Sends `words` ("SET", "key", …; binary is fine). `done` may be empty.
    void command(std::vector<std::string> words, OnReply done);
    /// Hears `channel` from now on; `on_ready` (may be empty) runs once, when Redis has confirmed
    /// it. A second subscription of the same channel replaces the first one's handler.
    void subscribe(
        const std::string& channel, OnMessage on_message, std::function<void()> on_ready = {}
    );
    void unsubscribe(const std::string& channel);

    /// True while commands and subscriptions both have a connection.
    [[nodiscard]] bool is_connected() const;
    void on_connection(OnConnection handler);

private:
    struct Impl;
    explicit Redis(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// A cluster's slot of `key`: CRC16 (XMODEM) modulo 16384, of what stands in the first non-empty
/// {braces}, if any.
[[nodiscard]] std::uint16_t redis_slot_of(std::string_view key);

}  // namespace aircheck::net
