#pragma once

#include "net/http_server.hpp"

#include <optional>
#include <string_view>

namespace aircheck::api {

/// Lets pages of any origin read `answer`, as LiveKit's server does: what is asked is decided by a
/// token in the request, never by a cookie. `origin`: the request's; "": it comes from no page.
void allow_origin(std::string_view origin, net::HttpServerResponse& answer);

/// The answer to a browser that asks before it POSTs (Fetch standard, "CORS-preflight request"):
/// any origin and header, kept for a day. Nothing for other requests.
[[nodiscard]] std::optional<net::HttpServerResponse> answer_preflight(
    const net::HttpServerRequest& request
);

/// `respond`, with allow_origin() on every answer.
[[nodiscard]] net::HttpServer::Respond allowing_origin(
    const net::HttpServerRequest& request, net::HttpServer::Respond respond
);

}  // namespace aircheck::api
