#pragma once

#include "net/any_stream.hpp"
#include "net/http_forward.hpp"
#include "net/http_response_writer.hpp"
#include "net/http_server.hpp"
#include "net/loop_impl.hpp"
#include "net/tls_context.hpp"
#include "net/tunnel.hpp"
#include "net/websocket_session.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

namespace aircheck::net {

class HttpConnection;

/// What a server's connections share with it. The sets keep them alive until they end.
struct HttpServerShared {
    explicit HttpServerShared(Loop& on) : loop(on), gate(on.impl().gate) {}

    Loop& loop;
    std::shared_ptr<LoopGate> gate;
    HttpServer::Options options;
    HttpServer::Handler handler;
    HttpServer::UpgradeHandler upgrade;
    TlsContext tls;  ///< Null without TLS.
    std::unordered_set<std::shared_ptr<HttpConnection>> connections;
    std::unordered_set<std::shared_ptr<WebSocketSession>> sockets;
    std::unordered_set<std::shared_ptr<Tunnel>> tunnels;
    ForwardShared forwarded;
};

/// One connection: requests one after the other, each answered before the next is read, so that
/// pipelined requests are answered in order. For net's own .cpp files.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
public:
    HttpConnection(std::shared_ptr<HttpServerShared> shared, AnyStream stream, Endpoint remote);
    void start();
    /// Answers the request that was handed over last.
    void respond(HttpServerResponse response);
    /// Closes at once; the handler hears nothing more of it.
    void abandon();

private:
    using ErrorCode = boost::system::error_code;
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

    void next_request();
    void read_body();
    /// Answers what can't be read with its status, or ends the connection without a word.
    void fail_reading(const ErrorCode& error);
    void dispatch();
    void forward(HttpServerRequest request);
    void open_tunnel(HttpForward::Upgraded upgraded);
    void upgrade(const HttpServerRequest& request);
    void write_next();
    /// Ends after the last answer so that the peer can still read it.
    void linger();
    void discard();
    void finish();
    void limit(std::chrono::seconds time);

    std::shared_ptr<HttpServerShared> shared_;
    AnyStream stream_;
    Endpoint remote_;
    boost::asio::steady_timer timer_;
    boost::beast::flat_buffer in_;
    std::optional<Parser> parser_;
    std::optional<HttpResponseWriter> out_;
    std::shared_ptr<HttpForward> forward_;
    bool is_head_ = false;
    bool keep_alive_ = false;
    bool closed_ = false;
    std::size_t discarded_ = 0;
};

}  // namespace aircheck::net
