#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "net/http.hpp"
#include "net/socket.hpp"
#include "net/url.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace aircheck::net {

struct HttpServerRequest {
    std::string method;
    std::string target;  ///< As sent: path and query.
    std::string path;    ///< Without the query; percent-encoding kept.
    std::string query;
    Headers headers;
    std::string body;
    Endpoint remote;
    bool is_head = false;  ///< HEAD was asked: `method` is GET all the same.
};

struct HttpServerResponse {
    int status = 200;
    Headers headers;
    std::string body;
    /// When set, the body is bytes [offset, offset+length) of this file instead, sent by pieces.
    struct File {
        std::string path;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    std::optional<File> file;
};

/// Requests that a server passes on to another one instead of handing them over, upgrades
/// (WebSocket) too.
///
/// What goes over is method, path, query, body and all fields but those of one connection (RFC 9110
/// §7.6.1); X-Forwarded-For and Via are added, Host is the other server's. Each request has a
/// connection of its own, TLS verified; its answer may have 16 MiB and take two minutes. After an
/// upgrade bytes go both ways as they come, for as long as both ends live: nothing ends an idle
/// connection but TCP's keepalive, and a side that takes nothing for a minute.
struct HttpForwarding {
    Url to;               ///< ws, wss, http or https; its path is put before that of each request.
    std::string ca_file;  ///< Extra trust anchors, PEM.
    std::function<bool(const HttpServerRequest& request)> takes;  ///< Says which requests.
    enum class Failure {
        Unreachable,  ///< Name, TCP or TLS.
        NoAnswer,     ///< Connected, but no (whole) answer came, or not in time.
        Loop,         ///< The request has come through such a server before.
        Busy          ///< As many as may be are passed on already.
    };
    /// Words the answer to a request that could not be passed on; `request` is without its body.
    std::function<HttpServerResponse(const HttpServerRequest& request, Failure why)> failed;
};

/// The server end of an upgraded connection; used by `sim`. Lives on the loop's thread. The
/// connection goes on when nobody holds this. After `on_closed` both handlers are dropped.
class ServerWebSocket {
public:
    virtual ~ServerWebSocket() = default;
    virtual void send_binary(Bytes message) = 0;
    virtual void close() = 0;
    std::function<void(BytesView message, bool binary)> on_message;
    std::function<void()> on_closed;
};

/// An HTTP/1.1 server (Beast) on one loop: keep-alive, pipelining in order, limits on header (16
/// KiB) and body, idle timeout. HEAD is handed over as GET and answered without the body.
///
/// Lives on the loop's thread, where the handlers run. The framing fields (Content-Length,
/// Connection, Transfer-Encoding) and Date are written here; those of a response are dropped, as
/// are fields with line breaks. A handler that throws, or lets go of `respond` unused, answers 500.
/// Destroying the server, in a handler too, closes all connections and calls no handler afterwards.
class HttpServer {
public:
    /// Answers once (later calls are ignored), from any thread, at any time, also when the server
    /// or its loop is gone.
    using Respond = std::function<void(HttpServerResponse response)>;
    using Handler = std::function<void(HttpServerRequest request, Respond respond)>;
    /// Takes a WebSocket upgrade, or returns a response that refuses it.
    using UpgradeHandler = std::function<std::optional<HttpServerResponse>(
        const HttpServerRequest& request, std::shared_ptr<ServerWebSocket> socket
    )>;
    /// Words the answer to a request that can't be read (400, 413, 431) and that no handler sees:
    /// `status` is sent whatever it returns; `target` is "" where not even that much was read.
    using Refusal = std::function<
        HttpServerResponse(int status, const std::string& target, const std::string& reason)>;
    struct Options {
        Endpoint bind{"127.0.0.1", 0};
        std::size_t max_body_bytes = 10 * 1024 * 1024;  ///< Above: 413.
        Refusal refusal;                                ///< Absent: plain text.
        std::optional<HttpForwarding> forwarding;       ///< Absent: nothing is passed on.
        std::string tls_certificate_file;               ///< PEM; with the key: TLS.
        std::string tls_key_file;
    };

    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(
        Loop& loop, Options options, Handler handler, UpgradeHandler upgrade = nullptr
    );
    ~HttpServer();
    [[nodiscard]] Endpoint local() const;

private:
    struct Impl;
    explicit HttpServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace aircheck::net
