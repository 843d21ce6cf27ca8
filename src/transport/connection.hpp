#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "transport/certificate.hpp"
#include "transport/ice_transport.hpp"
#include "transport/peer_transport.hpp"
#include "transport/relay.hpp"
#include "transport/turn_url.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::net {
class Loop;
}

namespace aircheck::transport {

/// A PeerTransport with its sockets, relays and timers on a loop: the thin shell.
///
/// TURN servers are asked for relays when nothing else has answered for `transport.relay_after`,
/// with IceTransport::Relay at once; what is not needed is given back.
///
/// Reads whenever a socket is readable until set_polled(); from then on its owner calls drain()
/// from the thread's tick, which also does what timers would. Lives on the loop's thread. The
/// sink's methods are called from loop events and from drain(); they must not destroy the
/// connection (post that).
class Connection {
public:
    struct Options {
        /// A host candidate for each: the local addresses towards the signal server
        /// (net::local_address_towards), IPv4 and IPv6. Ones that cannot be bound are left out.
        std::vector<std::string> local_addresses;
        IceTransport use = IceTransport::All;
        std::vector<TurnServer> turn_servers;
        RelayAccess relay_access;
        /// A local candidate that local() had not when it was answered, to be trickled.
        std::function<void(const std::string& candidate)> on_candidate;
        /// The path that media takes is gone, or soon will be: a relay, an address of this machine.
        /// An ICE restart brings another one.
        std::function<void(const std::string& words)> on_path_lost;
        PeerTransport::Config transport;
    };

    /// Binds the sockets. `certificate` and `sink` outlive the connection. Errors: no address can
    /// be bound; there is no TURN server, but nothing else may be used.
    [[nodiscard]] static Result<std::unique_ptr<Connection>> open(
        net::Loop& loop, const Certificate& certificate, Options options, PeerTransport::Sink& sink
    );
    /// Closes sockets without a farewell; see close().
    ~Connection();

    /// As PeerTransport's.
    [[nodiscard]] Result<> set_remote(const RemoteParameters& remote);
    void add_remote_candidate(std::string_view candidate);
    void restart_ice();
    /// The servers and credentials for relays from now on, as a resume brings them.
    void set_turn_servers(std::vector<TurnServer> servers);
    /// From the next ICE restart on media takes relays alone.
    void use_relays_only();
    /// Binds the addresses that are new, for the next ICE restart.
    void add_local_addresses(const std::vector<std::string>& addresses);
    /// The address is not this machine's any more: its socket is closed.
    void drop_local_address(const std::string& address);
    [[nodiscard]] const LocalParameters& local() const;
    bool send_rtcp(BytesView packet);
    bool send_rtp(BytesView packet);
    /// Sends close_notify and stops reading.
    void close();

    /// From now on nothing is read by itself (TCP paths apart): drain() must be called, at least
    /// every 100 ms.
    void set_polled();
    /// Hands over all that has arrived, runs timers; returns the number of datagrams.
    std::size_t drain(Instant now);

    [[nodiscard]] Stage stage() const;
    [[nodiscard]] const TransportStats& stats() const;
    [[nodiscard]] std::optional<SelectedPair> selected_pair() const;
    [[nodiscard]] std::string tried() const;
    [[nodiscard]] std::string_view srtp_profile() const;

private:
    struct Impl;
    explicit Connection(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::transport
