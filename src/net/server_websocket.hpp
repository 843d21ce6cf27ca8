#pragma once

#include "net/http_connection.hpp"

#include <memory>
#include <vector>

namespace aircheck::net {

/// The server's end of an upgraded connection. The session holds it until the connection ends; then
/// its handlers are dropped, which breaks a cycle that a handler with the socket in it makes.
class ServerWebSocketEnd final : public ServerWebSocket,
                                 public std::enable_shared_from_this<ServerWebSocketEnd> {
public:
    void send_binary(Bytes message) override;
    void close() override;
    /// Grants the upgrade that `request` asks for.
    void take(
        AnyStream stream,
        const std::shared_ptr<HttpServerShared>& shared,
        const HttpServerRequest& request
    );

private:
    std::weak_ptr<WebSocketSession> session_;
    std::vector<Bytes> early_;  ///< Sent by the upgrade handler, before there was a session.
    bool close_early_ = false;
};

}  // namespace aircheck::net
