#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "net/socket.hpp"
#include "transport/turn_client.hpp"
#include "transport/turn_frames.hpp"
#include "transport/turn_url.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::net {
class ByteStream;
class Loop;
}  // namespace aircheck::net

namespace aircheck::transport {

/// How TURN servers are reached.
struct RelayAccess {
    std::string ca_file;  ///< Extra trust anchors (PEM) for "turns:", or "".
};

/// A TurnClient with its socket: one allocation at one server, the thin shell.
///
/// The server's addresses are tried in turn, 3 s each while others are left; where the server sends
/// us elsewhere that is followed, three times at most. Over TCP and TLS it goes through the proxy
/// that the environment names (net::proxy_from_environment). Lives on the loop's thread; must not
/// be destroyed in a handler of its own.
class Relay final : private TurnClient::Output {
public:
    struct Handlers {
        std::function<void()> changed;  ///< State; from a loop event or from tick().
        std::function<void(const net::Endpoint& peer, BytesView packet, Instant arrival)> packet;
    };

    Relay(net::Loop& loop, TurnServer server, RelayAccess access, Handlers handlers);
    ~Relay() override;
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    /// Idle while the server is looked for. Ready, Failed and Closed as TurnClient's.
    [[nodiscard]] TurnClient::State state() const;
    [[nodiscard]] bool is_expiring() const { return client_ && client_->is_expiring(); }
    [[nodiscard]] const net::Endpoint& relayed() const { return client_->relayed(); }
    [[nodiscard]] const TurnServer& server() const { return server_; }
    /// Why it failed, naming the server.
    [[nodiscard]] std::string failure() const;

    void send(const net::Endpoint& peer, BytesView packet, Instant now);
    void tick(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;
    /// From now on a UDP socket is read by drain() alone.
    void set_polled();
    /// Hands over what has arrived by UDP; returns the number of datagrams.
    std::size_t drain();
    /// Gives the allocation back.
    void close(Instant now);

private:
    void send_to_server(BytesView message) override;
    void on_relayed(const net::Endpoint& peer, BytesView packet, Instant arrival) override;
    void connect_next(Instant now);
    [[nodiscard]] bool open_udp();
    void open_stream(const net::Endpoint& to);
    void start_client(Instant now);
    void settle(Instant now);
    void give_up(std::string why);
    void watch();

    net::Loop& loop_;
    TurnServer server_;
    RelayAccess access_;
    Handlers handlers_;
    std::vector<std::string> addresses_;  ///< Those left to be tried.
    net::Endpoint remote_;
    std::unique_ptr<net::UdpSocket> socket_;
    std::unique_ptr<net::ByteStream> stream_;
    std::vector<std::unique_ptr<net::ByteStream>> dead_streams_;  ///< Freed by tick().
    net::UdpSocket::OnDatagram on_datagram_;
    TurnFrames frames_;
    std::optional<TurnClient> client_;
    TurnClient::State told_ = TurnClient::State::Idle;
    bool told_expiring_ = false;
    std::optional<Instant> address_deadline_;
    std::string failure_;
    unsigned redirections_ = 0, mismatches_ = 0;
    bool is_polled_ = false, is_over_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::transport
