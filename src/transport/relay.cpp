#include "transport/relay.hpp"

#include "net/byte_stream.hpp"
#include "net/loop.hpp"
#include "net/proxy_url.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::transport {
namespace {

constexpr Nanoseconds kAddressTimeout = 3s;
constexpr std::size_t kMaxAddresses = 4;
constexpr unsigned kMaxRedirections = 3, kMaxMismatches = 1;

}  // namespace

Relay::Relay(net::Loop& loop, TurnServer server, RelayAccess access, Handlers handlers)
    : loop_(loop),
      server_(std::move(server)),
      access_(std::move(access)),
      handlers_(std::move(handlers)) {
    on_datagram_ = [this](BytesView bytes, const net::Endpoint& from, Instant arrival) {
        if (from != remote_ || !client_) return;
        client_->on_message(bytes, arrival);
    };
    if (server_.transport != TurnTransport::Udp) {
        // Names are looked up where the connection is made: by Dial, or by the proxy.
        addresses_ = {server_.host};
        loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
            if (!alive.expired()) connect_next(monotonic_now());
        });
        return;
    }
    net::resolve(loop_, server_.host, [this, alive = std::weak_ptr<bool>(alive_)](auto found) {
        if (alive.expired() || is_over_) return;
        if (!found) return give_up(found.error().context);
        addresses_ = *std::move(found);
        if (addresses_.size() > kMaxAddresses) addresses_.resize(kMaxAddresses);
        connect_next(monotonic_now());
    });
}

Relay::~Relay() = default;

TurnClient::State Relay::state() const {
    if (!failure_.empty()) return TurnClient::State::Failed;
    return client_ ? client_->state() : TurnClient::State::Idle;
}

std::string Relay::failure() const {
    const auto why = client_ && failure_.empty() ? client_->failure() : failure_;
    return "relay " + server_.to_string() + " " + why;
}

void Relay::connect_next(Instant now) {
    if (is_over_) return;
    client_.reset();
    socket_.reset();
    if (stream_) dead_streams_.push_back(std::move(stream_));
    frames_ = TurnFrames{};
    while (!addresses_.empty()) {
        remote_ = {addresses_.front(), server_.port};
        addresses_.erase(addresses_.begin());
        address_deadline_.reset();
        if (!addresses_.empty()) address_deadline_ = now + kAddressTimeout;
        if (server_.transport != TurnTransport::Udp) return open_stream(remote_);
        if (open_udp()) return start_client(now);
    }
    give_up("cannot be reached from here");
}

bool Relay::open_udp() {
    const auto local = net::local_address_towards(remote_);
    if (!local) return false;
    auto socket = net::UdpSocket::open(loop_, {*local, 0});
    if (!socket) return false;
    socket_ = *std::move(socket);
    watch();
    return true;
}

void Relay::watch() {
    if (!socket_) return;
    if (is_polled_) return socket_->on_readable(nullptr);
    socket_->on_readable([this] {
        drain();
        settle(monotonic_now());
    });
}

void Relay::open_stream(const net::Endpoint& to) {
    net::ByteStream::Options options;
    if (server_.transport == TurnTransport::Tls) {
        options.security = net::ByteStream::Security::Tls;
    }
    options.ca_file = access_.ca_file;
    options.proxy = net::proxy_from_environment(server_.host);
    net::ByteStream::Handlers on;
    on.connected = [this] { start_client(monotonic_now()); };
    on.bytes = [this](BytesView bytes, Instant arrival) {
        frames_.append(bytes);
        while (const auto message = frames_.next()) {
            if (client_) client_->on_message(*message, arrival);
        }
        if (frames_.is_broken()) give_up("sends what is not TURN");
        settle(arrival);
    };
    on.closed = [this](const Error& error) { give_up("is lost: " + error.to_string()); };
    stream_ = net::ByteStream::connect(loop_, to, std::move(options), std::move(on));
}

void Relay::start_client(Instant now) {
    TurnClient::Config config;
    config.username = server_.username;
    config.credential = server_.credential;
    if (server_.transport != TurnTransport::Udp) config.framing = TurnClient::Framing::Stream;
    if (server_.transport == TurnTransport::Udp) config.family = remote_;
    TurnClient::Output& output = *this;
    client_.emplace(std::move(config), output);
    client_->start(now);
    settle(now);
}

void Relay::send_to_server(BytesView message) {
    if (socket_) socket_->send(message, remote_);
    if (stream_) stream_->send(message);
}

void Relay::on_relayed(const net::Endpoint& peer, BytesView packet, Instant arrival) {
    handlers_.packet(peer, packet, arrival);
}

/// Looks whether the client's state asks for something.
void Relay::settle(Instant now) {
    if (is_over_) return;
    if (client_ && client_->state() == TurnClient::State::Failed && failure_.empty()) {
        const auto alternate = client_->alternate();
        if (alternate && alternate->port != 0 && redirections_++ < kMaxRedirections) {
            server_.host = alternate->address;
            server_.port = alternate->port;
            addresses_ = {alternate->address};
            return connect_next(now);
        }
        if (client_->is_mismatched() && mismatches_++ < kMaxMismatches) {
            addresses_.insert(addresses_.begin(), remote_.address);
            return connect_next(now);
        }
        if (!addresses_.empty()) return connect_next(now);
    }
    if (state() == told_ && is_expiring() == told_expiring_) return;
    told_ = state();
    told_expiring_ = is_expiring();
    handlers_.changed();
}

void Relay::give_up(std::string why) {
    if (is_over_ || !failure_.empty()) return;
    failure_ = std::move(why);
    settle(monotonic_now());
}

void Relay::send(const net::Endpoint& peer, BytesView packet, Instant now) {
    if (client_) client_->send(peer, packet, now);
}

void Relay::tick(Instant now) {
    dead_streams_.clear();
    if (is_over_) return;
    const bool is_waiting = state() == TurnClient::State::Allocating || !client_;
    if (address_deadline_ && is_waiting && now >= *address_deadline_) return connect_next(now);
    if (client_) client_->on_tick(now);
    settle(now);
}

std::optional<Instant> Relay::next_deadline() const {
    if (is_over_ || !client_) return {};
    auto due = client_->next_deadline();
    if (address_deadline_ && client_->state() == TurnClient::State::Allocating) {
        due = due ? std::min(*due, *address_deadline_) : *address_deadline_;
    }
    return due;
}

void Relay::set_polled() {
    is_polled_ = true;
    watch();
}

std::size_t Relay::drain() { return socket_ ? socket_->drain(on_datagram_) : 0; }

void Relay::close(Instant now) {
    if (std::exchange(is_over_, true)) return;
    if (client_) client_->close(now);
    if (socket_) socket_->on_readable(nullptr);
}

}  // namespace aircheck::transport
