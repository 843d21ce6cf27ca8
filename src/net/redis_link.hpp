#pragma once

#include "net/redis_connection.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

namespace aircheck::net {

/// Finds the node to connect to, each time anew: after a failover it is another one. For net's own
/// .cpp files.
class RedisLocator {
public:
    using OnNode = std::function<void(Result<RedisNode> node)>;

    /// `settings` are usable: their addresses were checked. `tls` may be null.
    RedisLocator(Loop& loop, const RedisSettings& settings, TlsContext tls);
    ~RedisLocator();
    /// The address; or of the nodes of a cluster the next one; or what the first sentinel says that
    /// knows. Not within the call, and not after destruction.
    void locate(OnNode on_node);
    /// Options for a connection to `node`, with the login of the settings.
    [[nodiscard]] RedisConnection::Options options_for(const RedisNode& node) const;

private:
    void ask_sentinel(std::size_t asked, std::string complaints);

    Loop& loop_;
    const RedisSettings settings_;
    TlsContext tls_;
    std::vector<RedisNode> nodes_;
    std::size_t next_ = 0;
    OnNode on_node_;
    std::shared_ptr<RedisConnection> sentinel_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// A connection that comes back: after a loss it locates and connects again, with pauses that grow
/// from 100 ms to 2 s. For net's own .cpp files.
class RedisLink : public std::enable_shared_from_this<RedisLink> {
public:
    struct Command {
        std::vector<std::string> words;
        std::function<void(Result<RedisReply> reply)> done;
        Instant give_up_at;
        int redirects_left = 0;
        bool is_asking = false;  ///< Preceded by ASKING: a slot on its way to this node.
    };
    struct Handlers {
        std::function<void()> ready;
        std::function<void(RedisReply reply)> pushed;
        std::function<void(const Error& error)> lost;  ///< At each failure to connect, too.
    };

    /// To `fixed`, or where `locator` says when there is none.
    RedisLink(
        Loop& loop,
        std::shared_ptr<RedisLocator> locator,
        std::optional<RedisNode> fixed,
        RedisConnection::Role role,
        Handlers handlers
    );
    void start();
    /// Sends at once or when connected; fails with Errc::Unavailable when that takes too long.
    void send(Command command);
    [[nodiscard]] bool is_ready() const { return is_ready_; }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    /// The node it is or was connected to.
    [[nodiscard]] const RedisNode& node() const { return node_; }
    /// Drops the connection and looks for a node anew.
    void renew(const Error& why);
    /// What waits for a connection, taken out.
    [[nodiscard]] std::deque<Command> take_waiting();
    void close();

private:
    void connect();
    void opened();
    void lost(const Error& error);
    void transmit(Command command);
    void watch_waiting();

    Loop& loop_;
    std::shared_ptr<RedisLocator> locator_;
    std::optional<RedisNode> fixed_;
    RedisConnection::Role role_;
    Handlers handlers_;
    Timer retry_;
    Timer patience_;
    Nanoseconds pause_;
    RedisNode node_;
    std::shared_ptr<RedisConnection> connection_;
    std::deque<Command> waiting_;
    bool is_watching_ = false;
    bool is_ready_ = false;
    std::string why_lost_;  ///< Why there is no connection; "" while there is one.
    bool is_closed_ = false;
};

}  // namespace aircheck::net
