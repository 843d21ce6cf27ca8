#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "net/socket.hpp"
#include "transport/stun.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::transport {

/// One allocation at one TURN server (RFC 8656): what is sent to a peer goes by the server, and
/// what peers send to the relayed address comes back by it.
///
/// A peer gets a permission when it is first sent to, and a channel once it has answered; until
/// then packets go as indications. Permissions, channels and the allocation are renewed in time,
/// for peers that were sent to within a minute. Packets wait for their permission, four a peer; 32
/// peers at most. Requests are repeated as RFC 8489 §6.2.1 has it. What does not belong to a
/// request of ours, or comes from a peer that we never sent to, is counted and dropped. Long-term
/// credentials (RFC 8489 §9.2) with MD5 and SHA-1. Sans-I/O; not thread-safe. No allocation per
/// packet once a channel stands.
class TurnClient {
public:
    /// Calls come from inside the client's own entry points; only send() may be called from them.
    class Output {
    public:
        virtual ~Output() = default;
        /// One message to the server, borrowed until it returns.
        virtual void send_to_server(BytesView message) = 0;
        /// A packet that came by the server, likewise.
        virtual void on_relayed(const net::Endpoint& peer, BytesView packet, Instant arrival) = 0;
    };
    enum class Framing : std::uint8_t { Datagram, Stream };
    struct Config {
        std::string username;
        std::string credential;
        Framing framing = Framing::Datagram;
        net::Endpoint family;  ///< Relayed addresses of this endpoint's family are asked for.
    };
    /// Closed: by close(). Failed and Closed are final.
    enum class State : std::uint8_t { Idle, Allocating, Ready, Failed, Closed };
    struct Counters {
        std::uint64_t ignored = 0;       ///< Messages that were not for us, or malformed.
        std::uint64_t unknown_peer = 0;  ///< Packets from peers that we never sent to.
        std::uint64_t unsent = 0;        ///< Packets to peers that got no permission.
    };

    /// `output` outlives the client.
    TurnClient(Config config, Output& output);

    /// Asks for an allocation; once. Credentials longer than STUN allows make it Failed.
    void start(Instant now);
    /// One message of the server: STUN or ChannelData, without padding.
    void on_message(BytesView message, Instant arrival);
    void on_tick(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;
    void send(const net::Endpoint& peer, BytesView packet, Instant now);
    /// Gives the allocation back (Refresh with a lifetime of zero).
    void close(Instant now);

    [[nodiscard]] State state() const { return state_; }
    /// Where peers reach us, once Ready.
    [[nodiscard]] const net::Endpoint& relayed() const { return relayed_; }
    /// Why it Failed: what the server said, or did not say.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    /// With Failed: the server sends us there instead (ALTERNATE-SERVER, RFC 8489 §10).
    [[nodiscard]] const std::optional<net::Endpoint>& alternate() const { return alternate_; }
    /// With Failed: the server still has an allocation for this socket's address (437).
    [[nodiscard]] bool is_mismatched() const { return is_mismatched_; }
    /// Ready still, but the server takes the credentials no more: it will end with its lifetime.
    [[nodiscard]] bool is_expiring() const { return is_expiring_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    static constexpr std::size_t kMaxPeers = 32;
    enum class Purpose : std::uint8_t { Allocate, Refresh, Deallocate, Permission, Channel };
    struct Peer {
        net::Endpoint endpoint;
        std::uint16_t channel = 0;  ///< 0: none asked for.
        bool has_answered = false, is_bound = false, is_permitted = false, is_refused = false;
        Instant last_sent, renew_permission, renew_channel;
        std::vector<Bytes> waiting;
    };
    struct Transaction {
        stun::TransactionId id{};
        Purpose purpose = Purpose::Allocate;
        net::Endpoint peer;
        bool is_signed = false;
        unsigned sends = 0, refusals = 0;
        Instant next_send;
    };

    // turn_client.cpp: the allocation's life.
    void request(Purpose purpose, const net::Endpoint& peer, unsigned refusals, Instant now);
    void send_request(Transaction& transaction, Instant now);
    void on_response(const stun::MessageView& message, Instant now);
    bool authenticate_again(
        const Transaction& refused, const stun::MessageView& answer, Instant now
    );
    void on_success(const Transaction& done, const stun::MessageView& answer, Instant now);
    void on_error(const Transaction& done, const stun::MessageView& answer, Instant now);
    void on_timeout(const Transaction& lost);
    void set_lifetime(const stun::MessageView& answer, Instant now);
    void fail_with(std::string why);

    // turn_peers.cpp: permissions, channels and packets.
    [[nodiscard]] Peer* find_peer(const net::Endpoint& endpoint);
    Peer* add_peer(const net::Endpoint& endpoint, Instant now);
    void renew_peers(Instant now);
    void on_permitted(const net::Endpoint& endpoint, Instant now);
    void on_bound(const net::Endpoint& endpoint, Instant now);
    void on_peer_refused(Purpose purpose, const net::Endpoint& endpoint);
    void on_channel_data(BytesView message, Instant arrival);
    void on_data(const stun::MessageView& message, Instant arrival);
    void hand_over(Peer& peer, BytesView packet, Instant arrival);
    void send_now(const Peer& peer, BytesView packet);
    [[nodiscard]] bool is_asking(Purpose purpose, const net::Endpoint& endpoint) const;

    Config config_;
    Output& output_;
    State state_ = State::Idle;
    std::string realm_, nonce_, key_;
    net::Endpoint relayed_;
    std::string failure_;
    std::optional<net::Endpoint> alternate_;
    bool is_mismatched_ = false, is_expiring_ = false;
    Instant refresh_at_, expires_at_;
    std::uint16_t next_channel_;
    std::vector<Peer> peers_;
    std::vector<Transaction> transactions_;
    Counters counters_;
};

}  // namespace aircheck::transport
