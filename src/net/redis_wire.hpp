#pragma once

#include "core/result.hpp"
#include "net/redis.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::net {

/// Appends a command as Redis takes it (RESP2: an array of bulk strings).
void append_redis_command(std::string& out, const std::vector<std::string>& words);

/// Takes answers apart as they arrive, with hiredis' reader. An answer of more than 16 MiB, or
/// of more than 100,000 items, is refused. For net's own .cpp files.
class RedisReader {
public:
    RedisReader();
    ~RedisReader();
    void feed(std::string_view bytes);
    /// The next whole answer; empty when there is none yet. After an error nothing comes any more.
    [[nodiscard]] Result<std::optional<RedisReply>> next();

private:
    struct Reader;
    std::unique_ptr<Reader> reader_;
};

/// Where a node listens.
struct RedisNode {
    std::string host;
    std::uint16_t port = 0;
    [[nodiscard]] std::string to_string() const;
    bool operator==(const RedisNode&) const = default;
};

/// "host:port", "[::1]:port", "host" (with `default_port`). Errc::InvalidArgument names the text.
[[nodiscard]] Result<RedisNode> parse_redis_node(std::string_view text, std::uint16_t default_port);

/// What a cluster's node answers for a key that is elsewhere.
struct RedisRedirection {
    bool is_lasting = false;  ///< MOVED; else ASK, for this command alone.
    std::uint16_t slot = 0;
    RedisNode node;  ///< `host` is "" for the answering node's own.
};
/// Empty when `error` is another error.
[[nodiscard]] std::optional<RedisRedirection> parse_redis_redirection(std::string_view error);

/// The key of a command, for its slot; "" when it has none (PUBLISH, PING …).
[[nodiscard]] std::string_view key_of_redis_command(const std::vector<std::string>& words);

}  // namespace aircheck::net
