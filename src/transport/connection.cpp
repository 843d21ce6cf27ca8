#include "transport/connection.hpp"

#include "core/home.hpp"
#include "net/loop.hpp"
#include "net/socket.hpp"
#include "transport/candidate.hpp"
#include "transport/relays.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace aircheck::transport {
namespace {

// A deadline that has passed already must not become a busy loop, a far one not a lost one.
constexpr Nanoseconds kMinWait = 5ms, kMaxWait = 1s;
// A polled socket that was empty so many times in a row, while packets come to another one, is
// asked only every few times: asking costs a system call, and the other address family stays quiet
// for good.
constexpr unsigned kQuietAfter = 16, kAskEvery = 8;
/// A pair that was selected stays so for as long before unused relays are given back.
constexpr Nanoseconds kSettled = 5s;
/// Before servers are asked again that all had no relay for us.
constexpr Nanoseconds kRelayPause = 2s;
/// Of a connection that changes networks for hours.
constexpr std::size_t kMaxSockets = 256;

}  // namespace

struct Connection::Impl final : Wire {
    struct Udp {
        std::unique_ptr<net::UdpSocket> socket;
        net::UdpSocket::OnDatagram on_datagram;  // Made once, not for each batch.
        unsigned empty_drains = 0;
    };

    Impl(net::Loop& on, const Certificate& certificate, Options options, PeerTransport::Sink& sink)
        : loop(on),
          timer(on),
          transport(certificate, std::move(options.transport), *this, sink),
          relays(on, std::move(options.relay_access), relay_handlers()),
          on_candidate(std::move(options.on_candidate)),
          on_path_lost(std::move(options.on_path_lost)),
          use(options.use) {
        relays.set_servers(std::move(options.turn_servers));
    }

    void send(PathId path, const net::Endpoint& to, BytesView packet) override;
    void open_tcp(PathId path, const net::Endpoint& to) override;
    void close_tcp(PathId path) override;

    Result<> bind(const std::vector<std::string>& addresses);
    void lose_path(PathId path, const std::string& words);
    void drop_address(const std::string& address);
    void watch(Udp& udp);
    Relays::Handlers relay_handlers();
    std::size_t drain_sockets();
    void tick(Instant now);
    void release_relays(Instant now);
    void arm();

    net::Loop& loop;
    net::Timer timer;
    PeerTransport transport;
    Relays relays;
    std::function<void(const std::string&)> on_candidate, on_path_lost;
    IceTransport use;
    std::uint64_t selections = 0;
    std::optional<Instant> release_at;
    std::vector<Udp> sockets;  // The index is the path.
    std::map<PathId, std::unique_ptr<net::FramedTcp>> tcp;
    bool is_polled = false;
    bool is_flowing = false;  // The last drain found something.
    bool is_closed = false;
    Home home;
};

void Connection::Impl::send(PathId path, const net::Endpoint& to, BytesView packet) {
    if (path < sockets.size()) {
        if (sockets[path].socket) sockets[path].socket->send(packet, to);
    } else if (is_relay_path(path)) {
        relays.send(path, to, packet);
    } else if (const auto found = tcp.find(path); found != tcp.end()) {
        found->second->send(packet);
    }
}

void Connection::Impl::open_tcp(PathId path, const net::Endpoint& to) {
    net::FramedTcp::Handlers handlers;
    handlers.connected = [this, path] {
        const auto found = tcp.find(path);
        if (found == tcp.end()) return;
        transport.on_tcp_connected(path, found->second->local(), monotonic_now());
        arm();
    };
    handlers.packet = [this, path, to](BytesView bytes, Instant arrival) {
        if (!is_closed) transport.on_datagram(path, to, bytes, arrival);
        arm();
    };
    handlers.closed = [this, path](const Error& error) {
        close_tcp(path);
        transport.on_tcp_closed(path, error.context, monotonic_now());
        arm();
    };
    tcp.emplace(path, net::FramedTcp::connect(loop, to, std::move(handlers)));
}

void Connection::Impl::close_tcp(PathId path) {
    const auto found = tcp.find(path);
    if (found == tcp.end()) return;
    // We may be inside one of its handlers: it goes when they are through.
    std::shared_ptr<net::FramedTcp> dead = std::move(found->second);
    tcp.erase(found);
    loop.post([dead = std::move(dead)] {});
}

Result<> Connection::Impl::bind(const std::vector<std::string>& addresses) {
    std::string reasons = "no local address to bind a UDP socket to";
    for (const auto& text : addresses) {
        const auto address = canonical_address(text);
        if (address.empty()) continue;
        const bool is_known = std::any_of(sockets.begin(), sockets.end(), [&](const Udp& udp) {
            return udp.socket && udp.socket->local().address == address;
        });
        if (is_known || sockets.size() >= kMaxSockets) continue;
        auto socket = net::UdpSocket::open(loop, {address, 0});
        if (!socket) {
            reasons = socket.error().to_string();
            continue;
        }
        const auto path = static_cast<PathId>(sockets.size());
        transport.add_local_address(path, (*socket)->local(), monotonic_now());
        sockets.push_back(
            {*std::move(socket),
             [this, path](BytesView bytes, const net::Endpoint& from, Instant arrival) {
                 transport.on_datagram(path, from, bytes, arrival);
             }}
        );
        watch(sockets.back());
    }
    if (sockets.empty()) return fail(make_error_code(Errc::Unavailable), "transport: " + reasons);
    return {};
}

void Connection::Impl::watch(Udp& udp) {
    if (is_polled) return;
    udp.socket->on_readable([this] {
        drain_sockets();
        arm();
    });
}

/// A socket's place stays empty: its number is its path.
void Connection::Impl::drop_address(const std::string& address) {
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        auto& socket = sockets[i].socket;
        if (!socket || socket->local().address != address) continue;
        // We may be inside its handler.
        loop.post([dead = std::shared_ptr<net::UdpSocket>(std::move(socket))] {});
        lose_path(static_cast<PathId>(i), "the address " + address + " is gone");
    }
    arm();
}

void Connection::Impl::lose_path(PathId path, const std::string& words) {
    const auto pair = transport.selected_pair();
    transport.remove_path(path, monotonic_now());
    if (pair && pair->path == path && on_path_lost && !is_closed) on_path_lost(words);
}

std::size_t Connection::Impl::drain_sockets() {
    std::size_t count = 0;
    for (auto& udp : sockets) {
        if (!udp.socket) continue;
        const bool is_quiet = is_polled && is_flowing && udp.empty_drains >= kQuietAfter;
        if (is_quiet && ++udp.empty_drains % kAskEvery != 0) continue;
        const std::size_t found = udp.socket->drain(udp.on_datagram);
        if (found > 0) udp.empty_drains = 0;
        if (found == 0 && !is_quiet) ++udp.empty_drains;
        count += found;
    }
    count += relays.drain();
    is_flowing = count > 0;
    return count;
}

Relays::Handlers Connection::Impl::relay_handlers() {
    Relays::Handlers on;
    on.ready = [this](PathId path, const net::Endpoint& relayed, std::uint16_t preference) {
        const auto before = transport.local().candidates.size();
        transport.add_relayed_address(path, relayed, preference, monotonic_now());
        const auto& candidates = transport.local().candidates;
        if (on_candidate && candidates.size() > before) on_candidate(candidates.back());
    };
    on.lost = [this](PathId path) {
        lose_path(path, "its relay is gone: " + relays.words());
        if (!relays.has_any()) transport.ask_for_relays_at(monotonic_now() + kRelayPause);
    };
    on.expiring = [this](PathId path) {
        const auto pair = transport.selected_pair();
        if (!pair || pair->path != path || !on_path_lost) return;
        on_path_lost("its relay takes the credentials no more");
    };
    on.packet = [this](PathId path, const auto& from, BytesView packet, Instant arrival) {
        if (!is_closed) transport.on_datagram(path, from, packet, arrival);
    };
    on.woken = [this] {
        transport.set_relay_words(relays.words());
        arm();
    };
    return on;
}

void Connection::Impl::tick(Instant now) {
    if (transport.take_relay_request(now)) relays.open();
    relays.tick(now);
    transport.on_tick(now);
    release_relays(now);
}

/// Once a pair has been selected for a while, the relays that it does not take are given back.
void Connection::Impl::release_relays(Instant now) {
    if (!relays.has_any()) return;
    const auto selected = transport.stats().pair_changes;
    if (std::exchange(selections, selected) != selected) release_at = now + kSettled;
    if (!release_at || now < *release_at) return;
    const auto pair = transport.selected_pair();
    if (!pair || transport.stage() != Stage::Connected) return;
    release_at.reset();
    relays.release_but(pair->path, now);
}

void Connection::Impl::arm() {
    if (is_polled || is_closed) return;
    const auto now = monotonic_now();
    auto due = transport.next_deadline(now);
    for (const auto& more : {transport.relay_due(), relays.next_deadline(), release_at}) {
        if (more) due = due ? std::min(*due, *more) : *more;
    }
    if (!due) {
        timer.cancel();
        return;
    }
    timer.after(std::clamp<Nanoseconds>(*due - now, kMinWait, kMaxWait), [this] {
        tick(monotonic_now());
        arm();
    });
}

Result<std::unique_ptr<Connection>> Connection::open(
    net::Loop& loop, const Certificate& certificate, Options options, PeerTransport::Sink& sink
) {
    const auto addresses = options.local_addresses;
    auto impl = std::make_unique<Impl>(loop, certificate, std::move(options), sink);
    if (impl->use == IceTransport::All) {
        AC_CHECK_OK(impl->bind(addresses));
    } else if (!impl->relays.has_servers()) {
        return fail(
            make_error_code(Errc::Unavailable),
            "transport: only relays may be used, but the server names no TURN server"
        );
    }
    return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

Result<> Connection::set_remote(const RemoteParameters& remote) {
    AC_ON_HOME(impl_->home);
    auto result = impl_->transport.set_remote(remote, monotonic_now());
    impl_->arm();
    return result;
}

void Connection::add_remote_candidate(std::string_view candidate) {
    impl_->transport.add_remote_candidate(candidate, monotonic_now());
    impl_->arm();
}

void Connection::restart_ice() {
    impl_->transport.restart_ice(monotonic_now());
    impl_->arm();
}

void Connection::set_turn_servers(std::vector<TurnServer> servers) {
    impl_->relays.set_servers(std::move(servers));
    const auto expiring = impl_->relays.expiring();
    for (const auto path : expiring) impl_->transport.retire_path(path);
    if (!expiring.empty()) impl_->relays.open();
}

void Connection::use_relays_only() {
    if (std::exchange(impl_->use, IceTransport::Relay) == IceTransport::Relay) return;
    for (PathId path = 0; path < impl_->sockets.size(); ++path) impl_->transport.retire_path(path);
}

void Connection::add_local_addresses(const std::vector<std::string>& addresses) {
    if (impl_->use != IceTransport::All || impl_->is_closed) return;
    static_cast<void>(impl_->bind(addresses));
}

void Connection::drop_local_address(const std::string& address) { impl_->drop_address(address); }

const LocalParameters& Connection::local() const { return impl_->transport.local(); }

bool Connection::send_rtcp(BytesView packet) {
    return impl_->transport.send_rtcp(packet, monotonic_now());
}

bool Connection::send_rtp(BytesView packet) {
    return impl_->transport.send_rtp(packet, monotonic_now());
}

void Connection::close() {
    if (std::exchange(impl_->is_closed, true)) return;
    impl_->transport.close(monotonic_now());
    impl_->relays.close(monotonic_now());
    impl_->timer.cancel();
    for (auto& udp : impl_->sockets) {
        if (udp.socket) udp.socket->on_readable(nullptr);
    }
}

void Connection::set_polled() {
    impl_->is_polled = true;
    impl_->timer.cancel();
    for (auto& udp : impl_->sockets) {
        if (udp.socket) udp.socket->on_readable(nullptr);
    }
    impl_->relays.set_polled();
}

std::size_t Connection::drain(Instant now) {
    AC_ON_HOME(impl_->home);
    if (impl_->is_closed) return 0;
    const auto count = impl_->drain_sockets();
    impl_->tick(now);
    return count;
}

Stage Connection::stage() const { return impl_->transport.stage(); }
const TransportStats& Connection::stats() const { return impl_->transport.stats(); }

std::optional<SelectedPair> Connection::selected_pair() const {
    auto pair = impl_->transport.selected_pair();
    if (pair && is_relay_path(pair->path)) pair->relay = impl_->relays.name_of(pair->path);
    return pair;
}

std::string Connection::tried() const { return impl_->transport.tried(); }
std::string_view Connection::srtp_profile() const { return impl_->transport.srtp_profile(); }

}  // namespace aircheck::transport
