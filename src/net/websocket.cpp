#include "net/websocket.hpp"

#include "net/dial.hpp"
#include "net/loop_impl.hpp"
#include "net/websocket_session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

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
          deadline(on.impl().context) {}

    void start();
    void start_upgrade(DialedStream connection);
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
    Stage stage = Stage::Resolve;
    Instant stage_began = monotonic_now();
    std::vector<std::pair<Stage, Nanoseconds>> timings;
    std::shared_ptr<Dial> dial;
    TlsContext tls;  ///< The session's, which it outlives.
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
    // Weak: the dial is owned here.
    const auto with_self = [weak = weak_from_this()](auto call) {
        if (const auto owner = weak.lock(); owner && !owner->ended) call(*owner);
    };
    Dial::Handlers on;
    on.entered = [with_self](Stage next) { with_self([&](Impl& owner) { owner.pass_to(next); }); };
    on.connected = [with_self](DialedStream connection) {
        with_self([&](Impl& owner) { owner.start_upgrade(std::move(connection)); });
    };
    on.failed = [with_self](Error error) {
        with_self([&](Impl& owner) { owner.end(std::move(error)); });
    };
    on.refusal = options.refusal;
    dial = Dial::start(loop, url, {options.ca_file, options.proxy}, std::move(on));
}

void WebSocket::Impl::start_upgrade(DialedStream connection) {
    pass_to(Stage::Upgrade);
    tls = std::move(connection.tls);
    local = std::move(connection.local);
    remote = std::move(connection.remote);
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
    on.sent = [with_self] {
        with_self([](Impl& self) {
            if (self.handlers.sent) self.handlers.sent();
        });
    };
    on.closed = [with_self](Error error) {
        with_self([&](Impl& self) { self.end(std::move(error)); });
    };
    session = WebSocketSession::make(
        std::move(connection.stream), options.max_message_bytes, std::move(on)
    );
    auto target = url.path.empty() ? "/" : url.path;
    if (!url.query.empty()) target += "?" + url.query;
    session->request(url.host_header(), target, options.headers);
    for (auto& [message, binary] : std::exchange(early, {}))
        session->send(std::move(message), binary);
}

void WebSocket::Impl::opened() {
    deadline.cancel();
    pass_to(Stage::Open);
    if (options.ping_every.count() > 0) session->ping_every(options.ping_every);
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
    if (dial) dial->abandon();
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
