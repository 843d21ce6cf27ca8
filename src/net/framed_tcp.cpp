#include "net/address.hpp"
#include "net/loop_impl.hpp"
#include "net/socket.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstring>
#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxBacklog = 1024 * 1024;
constexpr std::size_t kMaxPacket = 0xffff;

}  // namespace

struct FramedTcp::Impl : std::enable_shared_from_this<FramedTcp::Impl> {
    Impl(Loop& loop, const Endpoint& to, Handlers on)
        : socket(loop.impl().context), remote(to), handlers(std::move(on)) {}

    void connect();
    void read();
    /// Hands over the whole frames at the front of `in`, then moves the rest there.
    void take_frames(Instant arrival);
    void write();
    void close(Errc code, const std::string& why);

    tcp::socket socket;
    Endpoint remote;
    Handlers handlers;
    bool connected = false;
    bool closed = false;
    std::array<std::uint8_t, 2 + kMaxPacket> in;  // One frame of any length fits.
    std::size_t in_size = 0;
    Bytes queued;
    Bytes writing;
};

void FramedTcp::Impl::connect() {
    const auto self = shared_from_this();
    ErrorCode error;
    const auto address = asio::ip::make_address(remote.address, error);
    if (error) {
        asio::post(socket.get_executor(), [self] {
            self->close(Errc::InvalidArgument, "not a numeric address");
        });
        return;
    }
    socket.async_connect(tcp::endpoint(address, remote.port), [self](const ErrorCode& failed) {
        if (self->closed) return;
        if (failed) return self->close(Errc::Unavailable, failed.message());
        ErrorCode ignored;
        self->socket.set_option(tcp::no_delay(true), ignored);
        self->connected = true;
        self->read();
        self->write();
        if (self->handlers.connected) self->handlers.connected();
    });
}

void FramedTcp::Impl::read() {
    const auto room = asio::buffer(in.data() + in_size, in.size() - in_size);
    socket.async_read_some(
        room,
        [self = shared_from_this()](const ErrorCode& error, std::size_t size) {
            if (self->closed) return;
            if (error == asio::error::eof)
                return self->close(Errc::Unavailable, "closed by the peer");
            if (error) return self->close(Errc::Unavailable, error.message());
            self->in_size += size;
            self->take_frames(monotonic_now());
            if (!self->closed) self->read();
        }
    );
}

void FramedTcp::Impl::take_frames(Instant arrival) {
    std::size_t at = 0;
    while (in_size - at >= 2) {
        const std::size_t length = std::size_t{in[at]} << 8 | in[at + 1];
        if (in_size - at < 2 + length) break;
        // An empty packet is allowed and says nothing (RFC 4571 §2).
        if (length > 0 && handlers.packet) handlers.packet({in.data() + at + 2, length}, arrival);
        if (closed) return;
        at += 2 + length;
    }
    std::memmove(in.data(), in.data() + at, in_size - at);
    in_size -= at;
}

void FramedTcp::Impl::write() {
    if (!connected || !writing.empty() || queued.empty()) return;
    std::swap(writing, queued);
    asio::async_write(
        socket,
        asio::buffer(writing),
        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
            if (self->closed) return;
            if (error) return self->close(Errc::Unavailable, error.message());
            self->writing.clear();
            self->write();
        }
    );
}

void FramedTcp::Impl::close(Errc code, const std::string& why) {
    if (std::exchange(closed, true)) return;
    ErrorCode ignored;
    socket.close(ignored);
    if (handlers.closed) handlers.closed(Error{code, "TCP " + remote.to_string() + ": " + why});
}

std::unique_ptr<FramedTcp> FramedTcp::connect(Loop& loop, const Endpoint& to, Handlers handlers) {
    auto impl = std::make_shared<Impl>(loop, to, std::move(handlers));
    impl->connect();
    return std::unique_ptr<FramedTcp>(new FramedTcp(std::move(impl)));
}

FramedTcp::FramedTcp(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

FramedTcp::~FramedTcp() {
    impl_->closed = true;
    ErrorCode ignored;
    impl_->socket.close(ignored);
}

void FramedTcp::send(BytesView bytes) {
    auto& impl = *impl_;
    const auto backlog = impl.queued.size() + impl.writing.size() + bytes.size() + 2;
    if (impl.closed || bytes.empty() || bytes.size() > kMaxPacket || backlog > kMaxBacklog) return;
    ByteWriter out(impl.queued);
    out.u16(static_cast<std::uint16_t>(bytes.size()));
    out.bytes(bytes);
    impl.write();
}

Endpoint FramedTcp::local() const {
    return impl_->socket.is_open() ? local_endpoint(impl_->socket.native_handle()) : Endpoint{};
}

}  // namespace aircheck::net
