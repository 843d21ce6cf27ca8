#pragma once

#include "net/any_stream.hpp"
#include "net/loop_impl.hpp"
#include "net/redis_wire.hpp"
#include "net/tls_context.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace aircheck::net {

/// The context for `tls`. Errors name the file at fault.
[[nodiscard]] Result<TlsContext> redis_tls_context(const RedisTls& tls);

/// One connection to one node: resolve, connect, TLS, AUTH and SELECT, then commands answered in
/// order, or, for a subscriber, whatever comes. A node that owes an answer for too long, or is
/// silent after a PING, is given up. For net's own .cpp files; handlers are dropped by close().
class RedisConnection : public std::enable_shared_from_this<RedisConnection> {
public:
    enum class Role { Commands, Subscriber };
    struct Options {
        RedisNode node;
        Role role = Role::Commands;
        std::string username;
        std::string password;
        int db = 0;
        TlsContext tls;  ///< Null without TLS.
        bool is_verified = true;
        std::string server_name;  ///< "": the node's host.
        std::chrono::milliseconds dial_timeout{5000};
        std::chrono::milliseconds reply_timeout{6000};
    };
    struct Handlers {
        std::function<void()> ready;
        std::function<void(RedisReply reply)> pushed;    ///< Subscribers only.
        std::function<void(const Error& error)> closed;  ///< Once; not after close().
    };
    using OnReply = std::function<void(Result<RedisReply> reply)>;

    RedisConnection(Loop& loop, Options options, Handlers handlers);
    void start();
    /// `done` is for commands: an answer of any kind, or why there will be none.
    void send(const std::vector<std::string>& words, OnReply done);
    [[nodiscard]] const RedisNode& node() const { return options_.node; }
    /// Closes at once; what is owed fails, nothing else is heard of it.
    void close();

private:
    using ErrorCode = boost::system::error_code;
    struct Owed {
        OnReply done;
        Instant since;
    };

    void connect_next();
    void start_tls();
    void log_in();
    void opened();
    void write();
    void read();
    [[nodiscard]] bool take_replies();
    void take(RedisReply reply);
    /// Each second: pings a quiet peer, gives up one that owes too long.
    void watch();
    void end(Error error);
    void fail_owed(const Error& error);

    Loop& loop_;
    Options options_;
    Handlers handlers_;
    boost::asio::steady_timer timer_;
    std::vector<std::string> addresses_;
    std::size_t next_address_ = 0;
    std::optional<AnyStream> stream_;
    RedisReader reader_;
    std::array<char, 16384> in_;
    std::string queued_;
    std::string writing_;
    std::deque<Owed> owed_;
    std::optional<Instant> asked_at_;  ///< A subscriber's oldest unanswered question.
    Instant heard_at_;
    bool is_ready_ = false;
    bool is_closed_ = false;
};

}  // namespace aircheck::net
