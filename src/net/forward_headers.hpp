#pragma once

#include "net/http.hpp"
#include "net/http_server.hpp"
#include "net/url.hpp"

#include <string>

namespace aircheck::net {

/// The fields of a message that are for its receiver: not those of one connection, which are
/// Connection, what Connection names, and those that RFC 9110 §7.6.1 lists (Keep-Alive, TE,
/// Transfer-Encoding, Upgrade …), nor Content-Length, which whoever writes the message counts
/// anew. A field whose value holds control characters is left out too.
[[nodiscard]] Headers end_to_end(const Headers& headers);

/// True when `request` asks, as RFC 6455 §4.1 has it, for a WebSocket.
[[nodiscard]] bool asks_for_websocket(const HttpServerRequest& request);

/// True when `headers` (by Via) say that a request was passed on by forwarded_request() before.
[[nodiscard]] bool was_forwarded(const Headers& headers);

/// `request` as it is sent to the server at `to`, with its body, or as an upgrade without one.
[[nodiscard]] std::string forwarded_request(const HttpServerRequest& request, const Url& to);

/// The header that tells a client that its upgrade was granted, from that of the server's answer.
[[nodiscard]] std::string switching_protocols(const Headers& answer);

}  // namespace aircheck::net
