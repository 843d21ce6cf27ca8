#include "net/byte_stream.hpp"

#include "net/dial.hpp"
#include "net/loop_impl.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxBacklog = 1024 * 1024;
constexpr auto kConnectTimeout = std::chrono::seconds(15);

}  // namespace

struct ByteStream::Impl : std::enable_shared_from_this<ByteStream::Impl> {
    Impl(Loop& on, Endpoint to, Handlers call)
        : remote(std::move(to)), handlers(std::move(call)), deadline(on.impl().context) {}

    void start(Loop& loop, const Options& options);
    void take(DialedStream made);
    void read();
    void write();
    void end(Error error);
    void abandon();

    Endpoint remote;
    Handlers handlers;
    asio::steady_timer deadline;
    std::shared_ptr<Dial> dial;
    TlsContext tls;  // Before the stream, which it outlives.
    std::optional<AnyStream> stream;
    std::array<std::uint8_t, 16384> in{};
    Bytes queued, writing;
    bool ended = false;
};

void ByteStream::Impl::start(Loop& loop, const Options& options) {
    Url url;
    url.scheme = options.security == Security::Tls ? "wss" : "ws";
    url.host = remote.address;
    url.port = remote.port;
    // Weak: the dial is owned here.
    const auto with_self = [weak = weak_from_this()](auto call) {
        if (const auto self = weak.lock(); self && !self->ended) call(*self);
    };
    Dial::Handlers on;
    on.connected = [with_self](DialedStream made) {
        with_self([&](Impl& self) { self.take(std::move(made)); });
    };
    on.failed = [with_self](Error error) {
        with_self([&](Impl& self) { self.end(std::move(error)); });
    };
    deadline.expires_after(kConnectTimeout);
    deadline.async_wait([with_self](const ErrorCode& error) {
        if (error) return;
        with_self([](Impl& self) { self.end({Errc::Timeout, "no answer in time"}); });
    });
    dial = Dial::start(loop, url, {options.ca_file, options.proxy}, std::move(on));
}

void ByteStream::Impl::take(DialedStream made) {
    deadline.cancel();
    tls = std::move(made.tls);
    stream.emplace(std::move(made.stream));
    read();
    write();
    if (handlers.connected) handlers.connected();
}

void ByteStream::Impl::read() {
    stream->async_read_some(
        asio::buffer(in),
        [self = shared_from_this()](const ErrorCode& error, std::size_t size) {
            if (self->ended) return;
            if (error == asio::error::eof) {
                return self->end({Errc::Unavailable, "closed by the peer"});
            }
            if (error) return self->end({Errc::Unavailable, error.message()});
            const auto& bytes = self->handlers.bytes;
            if (bytes) bytes(BytesView(self->in).first(size), monotonic_now());
            if (!self->ended) self->read();
        }
    );
}

void ByteStream::Impl::write() {
    if (!stream || !writing.empty() || queued.empty()) return;
    std::swap(writing, queued);
    asio::async_write(
        *stream,
        asio::buffer(writing),
        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
            if (self->ended) return;
            if (error) return self->end({Errc::Unavailable, error.message()});
            self->writing.clear();
            self->write();
        }
    );
}

void ByteStream::Impl::end(Error error) {
    if (ended) return;
    abandon();
    if (handlers.closed) handlers.closed(in_context("TCP " + remote.to_string(), std::move(error)));
}

void ByteStream::Impl::abandon() {
    ended = true;
    deadline.cancel();
    if (dial) dial->abandon();
    if (stream) stream->close();
}

std::unique_ptr<ByteStream> ByteStream::connect(
    Loop& loop, const Endpoint& to, Options options, Handlers handlers
) {
    auto impl = std::make_shared<Impl>(loop, to, std::move(handlers));
    impl->start(loop, options);
    return std::unique_ptr<ByteStream>(new ByteStream(std::move(impl)));
}

ByteStream::ByteStream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
ByteStream::~ByteStream() { impl_->abandon(); }

void ByteStream::send(BytesView bytes) {
    auto& impl = *impl_;
    const auto backlog = impl.queued.size() + impl.writing.size() + bytes.size();
    if (impl.ended || backlog > kMaxBacklog) return;
    impl.queued.insert(impl.queued.end(), bytes.begin(), bytes.end());
    impl.write();
}

}  // namespace aircheck::net
