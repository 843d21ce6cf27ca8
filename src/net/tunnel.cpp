#include "net/tunnel.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
using std::chrono::seconds;

constexpr int kKeepaliveIdleSeconds = 30;
constexpr int kKeepaliveEverySeconds = 10;
constexpr int kKeepaliveTries = 3;
constexpr unsigned kUnackedMilliseconds = 60'000;
constexpr seconds kStuckTime{60};
constexpr seconds kHalfOpenTime{30};

void keep_alive(AnyStream& stream) {
    const int fd = stream.socket().native_handle();
    const auto set = [fd](int level, int name, auto value) {
        setsockopt(fd, level, name, &value, sizeof value);  // A system without it does without.
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleSeconds);
    set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveEverySeconds);
    set(IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveTries);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUnackedMilliseconds);
}

}  // namespace

std::shared_ptr<Tunnel> Tunnel::start(Side left, Side right, std::function<void()> ended) {
    auto tunnel = std::make_shared<Tunnel>(std::move(left), std::move(right), std::move(ended));
    keep_alive(tunnel->left_);
    keep_alive(tunnel->right_);
    tunnel->write(tunnel->rightwards_, asio::buffer(tunnel->to_right_));
    tunnel->write(tunnel->leftwards_, asio::buffer(tunnel->to_left_));
    return tunnel;
}

Tunnel::Tunnel(Side left, Side right, std::function<void()> ended)
    : left_tls_(std::move(left.tls)),
      right_tls_(std::move(right.tls)),
      left_(std::move(left.stream)),
      right_(std::move(right.stream)),
      to_left_(std::move(left.first)),
      to_right_(std::move(right.first)),
      rightwards_(left_, right_),
      leftwards_(right_, left_),
      on_ended_(std::move(ended)) {}

void Tunnel::read(Way& way) {
    way.from.async_read_some(
        asio::buffer(way.buffer),
        [self = shared_from_this(), &way](const ErrorCode& error, std::size_t size) {
            if (self->ended_) return;
            // The end of TLS, and of TCP without TLS's own, which ends the WebSocket all the same.
            if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
                return self->finish(way);
            if (error) return self->end();
            self->write(way, asio::buffer(way.buffer, size));
        }
    );
}

void Tunnel::write(Way& way, asio::const_buffer bytes) {
    limit(way, kStuckTime);
    asio::async_write(
        way.to,
        bytes,
        [self = shared_from_this(), &way](const ErrorCode& error, std::size_t) {
            if (self->ended_) return;
            if (error) return self->end();
            way.timer.expires_at(asio::steady_timer::time_point::max());
            self->read(way);
        }
    );
}

/// Tells the receiver that nothing more comes. Below TLS too, whose own goodbye would have to wait
/// for an answer: a WebSocket has said it already.
void Tunnel::finish(Way& way) {
    way.is_over = true;
    Way& other = &way == &rightwards_ ? leftwards_ : rightwards_;
    if (other.is_over) return end();
    ErrorCode ignored;
    way.to.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    limit(way, kHalfOpenTime);
}

void Tunnel::limit(Way& way, seconds time) {
    way.timer.expires_after(time);
    way.timer.async_wait([weak = weak_from_this(), &way](const ErrorCode& error) {
        const auto self = weak.lock();
        // An expiry that was queued when the limit moved finds it in the future.
        if (error || !self || self->ended_) return;
        if (way.timer.expiry() <= asio::steady_timer::clock_type::now()) self->end();
    });
}

void Tunnel::end() {
    if (ended_) return;
    abandon();
    const auto on_ended = std::exchange(on_ended_, nullptr);
    if (on_ended) on_ended();
}

void Tunnel::abandon() {
    if (std::exchange(ended_, true)) return;
    rightwards_.timer.cancel();
    leftwards_.timer.cancel();
    left_.close();
    right_.close();
}

}  // namespace aircheck::net
