#include "net/http_connection.hpp"

#include "core/log.hpp"
#include "net/forward_headers.hpp"
#include "net/server_websocket.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include <array>
#include <atomic>
#include <exception>
#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using std::chrono::seconds;

constexpr std::uint32_t kMaxHeader = 16 * 1024;
constexpr std::size_t kMaxRead = 64 * 1024;
constexpr seconds kTlsTime{10};
constexpr seconds kIdleTime{75};  ///< For the next request's header to be there.
constexpr seconds kBodyTime{120};
constexpr seconds kPieceTime{60};  ///< For each piece of an answer.
constexpr seconds kLingerTime{2};
constexpr std::size_t kMaxDiscard = 64 * 1024 * 1024;

/// The right to answer one request, once, from any thread; dropped unused, it answers 500, so that
/// no client waits for good.
class Ticket {
public:
    Ticket(std::shared_ptr<LoopGate> gate, std::weak_ptr<HttpConnection> connection)
        : gate_(std::move(gate)), connection_(std::move(connection)) {}
    ~Ticket() { answer({500, {{"Content-Type", "text/plain"}}, "no answer\n", std::nullopt}); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    void answer(HttpServerResponse response) {
        if (answered_.exchange(true)) return;
        gate_->post([connection = connection_, response = std::move(response)]() mutable {
            if (const auto to = connection.lock()) to->respond(std::move(response));
        });
    }

private:
    std::shared_ptr<LoopGate> gate_;
    std::weak_ptr<HttpConnection> connection_;
    std::atomic<bool> answered_ = false;
};

/// Path and query of "/path?query", or of the form with scheme and host that proxies are sent.
void split_target(HttpServerRequest& request) {
    std::string_view rest = request.target;
    if (rest.starts_with("http://") || rest.starts_with("https://")) {
        rest.remove_prefix(rest.find("://") + 3);
        rest.remove_prefix(std::min(rest.find_first_of("/?"), rest.size()));
    }
    const auto question = rest.find('?');
    request.path = std::string(rest.substr(0, question));
    if (request.path.empty()) request.path = "/";
    if (question != std::string_view::npos) request.query = std::string(rest.substr(question + 1));
}

HttpServerRequest to_request(http::request<http::string_body>&& message, const Endpoint& remote) {
    HttpServerRequest request;
    request.method = std::string(message.method_string());
    request.is_head = request.method == "HEAD";
    if (request.is_head) request.method = "GET";
    request.target = std::string(message.target());
    split_target(request);
    for (const auto& field : message) {
        request.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    request.body = std::move(message.body());
    request.remote = remote;
    return request;
}

/// The status that says what is wrong with a request, or 0 when the peer is simply gone.
int status_of(const boost::system::error_code& error) {
    if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
    if (error == http::error::body_limit) return 413;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
    const bool is_http =
        error.category() == http::make_error_code(http::error::bad_method).category();
    return is_http ? 400 : 0;
}

}  // namespace

HttpConnection::HttpConnection(
    std::shared_ptr<HttpServerShared> shared, AnyStream stream, Endpoint remote
)
    : shared_(std::move(shared)),
      stream_(std::move(stream)),
      remote_(std::move(remote)),
      timer_(stream_.get_executor()),
      in_(kMaxRead) {}

void HttpConnection::start() {
    if (!shared_->tls) return next_request();
    limit(kTlsTime);
    stream_.start_tls(*shared_->tls)
        .async_handshake(
            asio::ssl::stream_base::server,
            [self = shared_from_this()](const ErrorCode& error) {
                if (self->closed_) return;
                if (error) return self->finish();
                self->next_request();
            }
        );
}

void HttpConnection::next_request() {
    forward_.reset();
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(shared_->options.max_body_bytes);
    limit(kIdleTime);
    http::async_read_header(
        stream_,
        in_,
        *parser_,
        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
            if (self->closed_) return;
            if (error) return self->fail_reading(error);
            self->read_body();
        }
    );
}

void HttpConnection::read_body() {
    const auto& message = parser_->get();
    is_head_ = message.method() == http::verb::head;
    keep_alive_ = message.version() == 11 && message.keep_alive();
    limit(kBodyTime);
    const auto read = [self = shared_from_this()] {
        http::async_read(
            self->stream_,
            self->in_,
            *self->parser_,
            [self](const ErrorCode& error, std::size_t) {
                if (self->closed_) return;
                if (error) return self->fail_reading(error);
                self->dispatch();
            }
        );
    };
    const auto expect = message[http::field::expect];
    const bool waits = equal_ignoring_case({expect.data(), expect.size()}, "100-continue");
    if (!waits || parser_->is_done()) return read();
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(
        stream_,
        asio::buffer(kContinue),
        [self = shared_from_this(), read](const ErrorCode& error, std::size_t) {
            if (self->closed_) return;
            if (error) return self->finish();
            read();
        }
    );
}

void HttpConnection::fail_reading(const ErrorCode& error) {
    const int status = status_of(error);
    if (status == 0) return finish();
    keep_alive_ = false;
    const auto& message = parser_->get();
    is_head_ = message.method() == http::verb::head;
    HttpServerResponse answer{
        status, {{"Content-Type", "text/plain"}}, error.message() + "\n", std::nullopt};
    if (const auto shared = shared_; shared->options.refusal) {
        answer = shared->options.refusal(status, std::string(message.target()), error.message());
        answer.status = status;
    }
    respond(std::move(answer));
}

void HttpConnection::dispatch() {
    // From here on the handler takes the time that it needs. An expiry that is queued already finds
    // the new one in the future.
    timer_.expires_at(asio::steady_timer::time_point::max());
    auto request = to_request(parser_->release(), remote_);
    parser_.reset();
    if (const auto& passed_on = shared_->options.forwarding; passed_on && passed_on->takes(request))
        return forward(std::move(request));
    if (shared_->upgrade && asks_for_websocket(request)) return upgrade(request);
    const auto ticket = std::make_shared<Ticket>(shared_->gate, weak_from_this());
    const auto shared = shared_;  // The handler may destroy the server.
    try {
        shared->handler(std::move(request), [ticket](HttpServerResponse response) {
            ticket->answer(std::move(response));
        });
    } catch (const std::exception& error) {
        log::error("http.exception", {{"what", error.what()}});
    }
}

void HttpConnection::forward(HttpServerRequest request) {
    const auto with_self = [weak = weak_from_this()](auto call) {
        if (const auto self = weak.lock(); self && !self->closed_) call(*self);
    };
    HttpForward::Handlers on;
    on.answered = [with_self](HttpServerResponse response) {
        with_self([&](HttpConnection& self) { self.respond(std::move(response)); });
    };
    on.upgraded = [with_self](HttpForward::Upgraded upgraded) {
        with_self([&](HttpConnection& self) { self.open_tunnel(std::move(upgraded)); });
    };
    forward_ = HttpForward::start(
        shared_->loop,
        *shared_->options.forwarding,
        shared_->forwarded,
        std::move(request),
        std::move(on)
    );
}

void HttpConnection::open_tunnel(HttpForward::Upgraded upgraded) {
    const auto self = shared_from_this();
    const auto shared = shared_;
    closed_ = true;  // The connection is the tunnel's now.
    timer_.cancel();
    shared->connections.erase(self);
    const auto early = in_.cdata();
    Tunnel::Side client{shared->tls, std::move(stream_), std::move(upgraded.header)};
    client.first += upgraded.rest;
    Tunnel::Side server{
        std::move(upgraded.connection.tls),
        std::move(upgraded.connection.stream),
        {static_cast<const char*>(early.data()), early.size()}};
    const auto id = std::make_shared<std::weak_ptr<Tunnel>>();
    auto on_end = [id, weak = std::weak_ptr(shared), place = std::move(upgraded.place)] {
        if (const auto server_of = weak.lock()) server_of->tunnels.erase(id->lock());
    };
    const auto tunnel = Tunnel::start(std::move(client), std::move(server), std::move(on_end));
    *id = tunnel;
    shared->tunnels.insert(tunnel);
}

void HttpConnection::upgrade(const HttpServerRequest& request) {
    const auto shared = shared_;
    const auto self = shared_from_this();
    const auto socket = std::make_shared<ServerWebSocketEnd>();
    auto refusal = shared->upgrade(request, socket);
    if (closed_) return;
    if (refusal) return respond(*std::move(refusal));
    closed_ = true;  // The connection is the session's now.
    shared->connections.erase(self);
    socket->take(std::move(stream_), shared, request);
}

void HttpConnection::respond(HttpServerResponse response) {
    if (closed_) return;
    using Writer = HttpResponseWriter;
    out_.emplace(
        std::move(response),
        is_head_ ? Writer::Body::Omit : Writer::Body::Send,
        keep_alive_ ? Writer::After::KeepAlive : Writer::After::Close
    );
    write_next();
}

void HttpConnection::write_next() {
    const auto piece = out_->next();
    if (!piece) {
        log::warn("http.file", {{"what", piece.error().to_string()}});
        return finish();
    }
    if (piece->empty()) {
        out_.reset();
        return keep_alive_ ? next_request() : linger();
    }
    limit(kPieceTime);
    asio::async_write(
        stream_,
        asio::buffer(*piece),
        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
            if (self->closed_) return;
            if (error) return self->finish();
            self->write_next();
        }
    );
}

/// Closing with unread bytes would reset the connection, and the peer might lose the answer.
void HttpConnection::linger() {
    limit(kLingerTime);
    if (!stream_.has_tls()) {
        ErrorCode ignored;
        stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    }
    discard();
}

void HttpConnection::discard() {
    in_.clear();
    stream_.async_read_some(
        in_.prepare(kMaxRead / 2),
        [self = shared_from_this()](const ErrorCode& error, std::size_t size) {
            if (self->closed_) return;
            self->discarded_ += size;
            if (error || self->discarded_ > kMaxDiscard) return self->finish();
            self->discard();
        }
    );
}

void HttpConnection::limit(seconds time) {
    timer_.expires_after(time);
    timer_.async_wait([weak = weak_from_this()](const ErrorCode& error) {
        const auto self = weak.lock();
        // An expiry that was queued when the limit moved finds it in the future.
        if (error || !self || self->timer_.expiry() > asio::steady_timer::clock_type::now()) return;
        self->finish();
    });
}

void HttpConnection::finish() {
    const auto self = shared_from_this();  // Erasing may drop the last reference.
    abandon();
    shared_->connections.erase(self);
}

void HttpConnection::abandon() {
    if (std::exchange(closed_, true)) return;
    timer_.cancel();
    if (forward_) forward_->abandon();
    stream_.close();
}

}  // namespace aircheck::net
