#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "net/any_stream.hpp"
#include "net/http.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace aircheck::net {

struct HttpServerRequest;

/// Either end of a WebSocket on a connection that is there already: the upgrade, messages in, a
/// queue of messages out, and the closing handshake. The one place where Beast's WebSocket is
/// compiled. For net's own .cpp files; lives on the loop's thread.
class WebSocketSession : public std::enable_shared_from_this<WebSocketSession> {
public:
    struct Handlers {
        std::function<void()> opened;
        /// The server answered the upgrade with another status; nothing follows.
        std::function<void(int status, std::string body)> refused;
        std::function<void(BytesView message, bool binary)> message;
        std::function<void()> sent;  ///< Nothing waits to be sent any more; may be absent.
        /// The end, once, of anything but a refusal. Errc::Cancelled: after close() of this end.
        std::function<void(Error error)> closed;
    };

    [[nodiscard]] static std::shared_ptr<WebSocketSession> make(
        AnyStream stream, std::size_t max_message_bytes, Handlers handlers
    );
    virtual ~WebSocketSession() = default;

    /// Asks for the upgrade, as a client.
    virtual void request(
        const std::string& host, const std::string& target, const Headers& headers
    ) = 0;
    /// Grants the upgrade that `request` asks for, as a server.
    virtual void accept(const HttpServerRequest& request) = 0;
    /// Queues a message; before the upgrade too. A peer that lets 16 MiB pile up is closed.
    virtual void send(Bytes message, bool binary) = 0;
    /// Pings from now on, whatever else is sent; answers are not waited for.
    virtual void ping_every(std::chrono::seconds period) = 0;
    /// Sends what is queued, then the close frame; `closed` follows, after 5 s at the latest.
    virtual void close() = 0;
    /// Closes at once; no handler runs any more.
    virtual void abandon() = 0;
};

}  // namespace aircheck::net
