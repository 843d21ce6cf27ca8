#include "net/websocket.hpp"

#include "net/address.hpp"
#include "net/loop_impl.hpp"
#include "net/tls_context.hpp"
#include "net/websocket_session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using ErrorCode = boost::system::error_code;

/// How long one address may take while others are left: a network without a route for IPv6 must not
/// use up the whole time.
constexpr auto kAddressTimeout = std::chrono::seconds(3);

constexpr std::size_t kMaxEarlyMessages = 64;

Errc code_of_status(int status) {
    if (status == 401 || status == 403) return Errc::PermissionDenied;
    if (status == 404) return Errc::NotFound;
    if (status == 429 || status >= 500) return Errc::Unavailable;
    return Errc::Failed;
}

}  // namespace

struct WebSocket::Impl : std::enable_shared_from_this<WebSocket::Impl> {
    Impl(Loop& on, const Url& to, Options with, Handlers call)
        : loop(on),
          url(to),
          options(std::move(with)),
          handlers(std::move(call)),
          deadline(on.impl().context),
          address_deadline(on.impl().context) {}

    void start();
    void connect_next();
    void start_tls();
    void start_upgrade();
    void opened();
    void send(Bytes message, bool binary);
    void close();
    /// Ends the stage under way, noting how long it took.
    void pass_to(Stage next);
    void end(Error error, int http_status = 0, std::string body = {});
    void abandon();

    Loop& loop;
    Url url;
    Options options;
    Handlers handlers;
    asio::steady_timer deadline;
    asio::steady_timer address_deadline;
    Stage stage = Stage::Resolve;
    Instant stage_began = monotonic_now();
    std::vector<std::pair<Stage, Nanoseconds>> timings;
    std::vector<std::string> addresses;
    std::size_t next_address = 0;
    TlsContext tls;
    std::optional<AnyStream> stream;
    std::shared_ptr<WebSocketSession> session;
    std::vector<std::pair<Bytes, bool>> early;  ///< Sent before there was a session.
    Endpoint local;
    Endpoint remote;
    bool ended = false;
};

void WebSocket::Impl::start() {
    const auto self = shared_from_this();
    deadline.expires_after(options.timeout);
    deadline.async_wait([self](const ErrorCode& error) {
        if (error || self->stage == Stage::Open) return;
        self->end({Errc::Timeout, "no answer in time"});
    });
    resolve(loop, url.host, [self](Result<std::vector<std::string>> found) {
        if (self->ended) return;
        if (!found) return self->end(std::move(found).error());
        self->addresses = *std::move(found);
        self->pass_to(Stage::Tcp);
        self->connect_next();
    });
}

void WebSocket::Impl::connect_next() {
    const auto self = shared_from_this();
    remote = {addresses[next_address++], url.port};
    stream.emplace(AnyStream::Socket(loop.impl().context));
    ErrorCode error;
    const asio::ip::tcp::endpoint to(asio::ip::make_address(remote.address, error), url.port);
    if (next_address < addresses.size()) {
        address_deadline.expires_after(kAddressTimeout);
        address_deadline.async_wait([self, at = next_address](const ErrorCode& failed) {
            if (!failed && !self->ended && self->next_address == at && self->stage == Stage::Tcp) {
                self->stream->close();
            }
        });
    }
    stream->socket().async_connect(to, [self](const ErrorCode& failed) {
        if (self->ended) return;
        self->address_deadline.cancel();
        if (failed && self->next_address < self->addresses.size()) return self->connect_next();
        if (failed)
            return self->end({Errc::Unavailable, self->remote.address + ": " + failed.message()});
        ErrorCode ignored;
        self->stream->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
        self->local = local_endpoint(self->stream->socket().native_handle());
        if (self->url.is_secure())
            self->start_tls();
        else
            self->start_upgrade();
    });
}

void WebSocket::Impl::start_tls() {
    pass_to(Stage::Tls);
    auto context = client_tls_context(options.ca_file);
    if (!context) return end(std::move(context).error());
    tls = *std::move(context);
    auto& layer = stream->start_tls(*tls);
    if (!to_socket_address({url.host, 0})) {
        // SNI (RFC 6066 §3), which takes names only.
        SSL_ctrl(
            layer.native_handle(),
            SSL_CTRL_SET_TLSEXT_HOSTNAME,
            TLSEXT_NAMETYPE_host_name,
            url.host.data()
        );
    }
    ErrorCode ignored;
    layer.set_verify_callback(ssl::host_name_verification(url.host), ignored);
    layer.async_handshake(
        ssl::stream_base::client,
        [self = shared_from_this(), &layer](const auto& error) {
            if (self->ended) return;
            if (!error) return self->start_upgrade();
            const long verdict = SSL_get_verify_result(layer.native_handle());
            if (verdict == X509_V_OK) return self->end({Errc::Unavailable, error.message()});
            self->end(
                {Errc::PermissionDenied,
                 std::string("certificate: ") + X509_verify_cert_error_string(verdict)}
            );
        }
    );
}

void WebSocket::Impl::start_upgrade() {
    pass_to(Stage::Upgrade);
    WebSocketSession::Handlers on;
    // Weak: the session's handlers must not keep the one that owns it alive.
    const auto with_self = [weak = weak_from_this()](auto call) {
        if (const auto self = weak.lock(); self && !self->ended) call(*self);
    };
    on.opened = [with_self] { with_self([](Impl& self) { self.opened(); }); };
    on.refused = [with_self](int status, std::string body) {
        with_self([&](Impl& self) {
            self.end(
                {code_of_status(status), "HTTP status " + std::to_string(status)},
                status,
                std::move(body)
            );
        });
    };
    on.message = [with_self](BytesView message, bool binary) {
        with_self([&](Impl& self) {
            if (self.handlers.message) self.handlers.message(message, binary);
        });
    };
    on.closed = [with_self](Error error) {
        with_self([&](Impl& self) { self.end(std::move(error)); });
    };
    session = WebSocketSession::make(*std::move(stream), options.max_message_bytes, std::move(on));
    stream.reset();
    auto target = url.path.empty() ? "/" : url.path;
    if (!url.query.empty()) target += "?" + url.query;
    session->request(url.host_header(), target, options.headers);
    for (auto& [message, binary] : std::exchange(early, {}))
        session->send(std::move(message), binary);
}

void WebSocket::Impl::opened() {
    deadline.cancel();
    pass_to(Stage::Open);
    if (handlers.open) handlers.open(local, remote, timings);
}

void WebSocket::Impl::pass_to(Stage next) {
    const auto now = monotonic_now();
    timings.emplace_back(stage, now - stage_began);
    stage = next;
    stage_began = now;
}

void WebSocket::Impl::send(Bytes message, bool binary) {
    if (ended) return;
    if (session)
        session->send(std::move(message), binary);
    else if (early.size() < kMaxEarlyMessages)
        early.emplace_back(std::move(message), binary);
}

void WebSocket::Impl::close() {
    if (ended) return;
    if (session) return session->close();
    // Posted: `closed` never runs inside a call of its owner.
    asio::post(loop.impl().context, [self = shared_from_this()] {
        self->end({Errc::Cancelled, "closed"});
    });
}

void WebSocket::Impl::end(Error error, int http_status, std::string body) {
    if (ended) return;
    if (stage != Stage::Open) timings.emplace_back(stage, monotonic_now() - stage_began);
    abandon();
    const auto where =
        Endpoint{url.host, url.port}.to_string() + ": " + std::string(to_string(stage));
    if (!handlers.closed) return;
    handlers.closed(
        {stage,
         in_context(where, std::move(error)),
         http_status,
         std::move(body),
         std::move(timings)}
    );
}

void WebSocket::Impl::abandon() {
    ended = true;
    deadline.cancel();
    address_deadline.cancel();
    if (stream) stream->close();
    if (session) session->abandon();
}

std::unique_ptr<WebSocket> WebSocket::connect(
    Loop& loop, const Url& url, Options options, Handlers handlers
) {
    auto impl = std::make_shared<Impl>(loop, url, std::move(options), std::move(handlers));
    impl->start();
    return std::unique_ptr<WebSocket>(new WebSocket(std::move(impl)));
}

WebSocket::WebSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebSocket::~WebSocket() { impl_->abandon(); }

void WebSocket::send_binary(Bytes message) { impl_->send(std::move(message), true); }

void WebSocket::send_text(std::string message) {
    impl_->send(Bytes(message.begin(), message.end()), false);
}

void WebSocket::close() { impl_->close(); }

std::string_view to_string(WebSocket::Stage stage) {
    switch (stage) {
        case WebSocket::Stage::Resolve:
            return "resolve";
        case WebSocket::Stage::Tcp:
            return "tcp";
        case WebSocket::Stage::Tls:
            return "tls";
        case WebSocket::Stage::Upgrade:
            return "upgrade";
        case WebSocket::Stage::Open:
            return "open";
    }
    return "?";
}

}  // namespace aircheck::net
