#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http.hpp"
#include "net/socket.hpp"
#include "net/url.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::net {

/// A WebSocket client (RFC 6455) that tells which stage of connecting failed and how long each
/// took.
///
/// Addresses are tried in turn, 3 s each while others are left. Pings are answered, nothing is
/// compressed, redirects are not followed. Lives on the loop's thread; may be destroyed in its
/// handlers. A peer that lets 16 MiB of messages pile up is closed.
class WebSocket {
public:
    enum class Stage { Resolve, Tcp, Tls, Upgrade, Open };
    struct Failure {
        Stage stage = Stage::Resolve;
        /// Names host and port. In Stage::Open Errc::Cancelled: after close() of this end.
        Error error;
        int http_status = 0;  ///< Of a refused upgrade, else 0.
        std::string body;     ///< Of a refused upgrade: LiveKit says why in plain text.
        std::vector<std::pair<Stage, Nanoseconds>> timings;  ///< Stages passed, and the failed one.
    };
    struct Handlers {
        std::function<
            void(Endpoint local, Endpoint remote, std::vector<std::pair<Stage, Nanoseconds>>)>
            open;
        std::function<void(BytesView message, bool binary)>
            message;                 ///< Borrowed until it returns.
        std::function<void()> sent;  ///< Nothing waits to be sent any more; may be absent.
        std::function<void(Failure failure)>
            closed;  ///< Once: connecting failed, or the socket ended.
    };
    struct Options {
        Headers headers;
        std::chrono::milliseconds timeout{15'000};  ///< For resolve, TCP, TLS and upgrade together.
        std::size_t max_message_bytes = 8 * 1024 * 1024;
        std::string ca_file;  ///< Extra trust anchors, PEM.
        std::string proxy;    ///< "http://user:password@host:port" to go through; "": none.
        std::chrono::seconds ping_every{0};  ///< 0: no pings. Answers are not waited for.
        /// Why an address of the host must not be connected to, "" where it may; absent: all may.
        std::function<std::string(const Endpoint& address)> refusal;
    };

    /// Starts connecting to a ws:// or wss:// `url`. TLS is verified (name and chain).
    [[nodiscard]] static std::unique_ptr<WebSocket> connect(
        Loop& loop, const Url& url, Options options, Handlers handlers
    );
    /// Closes without ceremony; no handler runs afterwards.
    ~WebSocket();
    /// Queues a message, before `open` too (64 messages at most).
    void send_binary(Bytes message);
    void send_text(std::string message);
    /// Sends what is queued, then the close frame; `closed` follows.
    void close();

private:
    struct Impl;
    explicit WebSocket(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

[[nodiscard]] std::string_view to_string(WebSocket::Stage stage);

}  // namespace aircheck::net
