#include "net/server_websocket.hpp"

#include <utility>

namespace aircheck::net {
namespace {

/// Lives as long as the session's handlers.
struct Hold {
    explicit Hold(std::shared_ptr<ServerWebSocketEnd> held) : socket(std::move(held)) {}
    ~Hold() {
        socket->on_message = nullptr;
        socket->on_closed = nullptr;
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    std::shared_ptr<ServerWebSocketEnd> socket;
};

}  // namespace

void ServerWebSocketEnd::send_binary(Bytes message) {
    if (const auto session = session_.lock())
        session->send(std::move(message), true);
    else
        early_.push_back(std::move(message));
}

void ServerWebSocketEnd::close() {
    if (const auto session = session_.lock())
        session->close();
    else
        close_early_ = true;
}

void ServerWebSocketEnd::take(
    AnyStream stream,
    const std::shared_ptr<HttpServerShared>& shared,
    const HttpServerRequest& request
) {
    const auto hold = std::make_shared<Hold>(shared_from_this());
    WebSocketSession::Handlers on;
    on.message = [hold](BytesView message, bool binary) {
        if (hold->socket->on_message) hold->socket->on_message(message, binary);
    };
    on.closed = [hold, weak = std::weak_ptr(shared)](const Error&) {
        if (const auto server = weak.lock()) {
            if (const auto session = hold->socket->session_.lock()) server->sockets.erase(session);
        }
        if (hold->socket->on_closed) hold->socket->on_closed();
    };
    const auto session =
        WebSocketSession::make(std::move(stream), shared->options.max_body_bytes, std::move(on));
    session_ = session;
    shared->sockets.insert(session);
    session->accept(request);
    for (auto& message : std::exchange(early_, {})) session->send(std::move(message), true);
    if (close_early_) session->close();
}

}  // namespace aircheck::net
