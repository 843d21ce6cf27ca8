#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "net/socket.hpp"
#include "transport/relay.hpp"
#include "transport/wire.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::transport {

/// The allocations of one connection: one at each TURN server that the room's server names.
///
/// Made only when they are wanted, given back when media takes another path. Four servers at most,
/// those over UDP first. Lives on the loop's thread; handlers run from loop events and from tick().
class Relays {
public:
    struct Handlers {
        /// `preference`: among relays.
        std::function<void(PathId path, const net::Endpoint& relayed, std::uint16_t preference)>
            ready;
        std::function<void(PathId path)> lost;  ///< Failed, or given back; was it ready or not.
        std::function<
            void(PathId path, const net::Endpoint& peer, BytesView packet, Instant arrival)>
            packet;
        std::function<void(PathId path)> expiring;  ///< Works still, but not for long.
        std::function<void()> woken;                ///< Deadlines may have changed.
    };

    Relays(net::Loop& loop, RelayAccess access, Handlers handlers);

    /// The servers, with credentials for allocations that are made from now on.
    void set_servers(std::vector<TurnServer> servers);
    [[nodiscard]] bool has_servers() const { return !servers_.empty(); }
    /// Makes an allocation at each server, beside those that there are.
    void open();
    /// Those that work, but whose credentials the server takes no more.
    [[nodiscard]] std::vector<PathId> expiring() const;
    /// Gives all back but `path`.
    void release_but(PathId path, Instant now);
    void close(Instant now);
    /// Whether one is ready or being made.
    [[nodiscard]] bool has_any() const { return !relays_.empty(); }

    void send(PathId path, const net::Endpoint& to, BytesView packet);
    /// The server's URI.
    [[nodiscard]] std::string name_of(PathId path) const;
    /// What became of each, for an error's words; "" while there are none.
    [[nodiscard]] std::string words() const;
    void set_polled();
    std::size_t drain();
    void tick(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

private:
    struct Entry {
        std::unique_ptr<Relay> relay;
        std::uint16_t preference = 0;
        bool is_ready = false;
    };
    void on_changed(PathId path);
    void forget(const Relay& relay);

    net::Loop& loop_;
    RelayAccess access_;
    Handlers handlers_;
    std::vector<TurnServer> servers_;
    std::map<PathId, Entry> relays_;
    std::vector<std::unique_ptr<Relay>> retired_;  ///< Freed by tick().
    std::map<std::string, std::string> failures_;  ///< By server.
    PathId next_path_ = kFirstRelayPath;
    bool is_polled_ = false;
};

}  // namespace aircheck::transport
