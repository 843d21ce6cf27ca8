#pragma once

#include "control/twirp_error.hpp"
#include "net/http_server.hpp"

#include <string>
#include <string_view>

namespace aircheck::api {

/// A JSON body with its content type.
[[nodiscard]] net::HttpServerResponse json_answer(int status, std::string body);
[[nodiscard]] net::HttpServerResponse text_answer(int status, std::string body);
/// RFC 9457 problem details: {"type": "about:blank", "title", "status", "detail"}.
[[nodiscard]] net::HttpServerResponse problem(int status, std::string_view detail);
/// The same from an error of a lower layer: 400, 403, 404, 409, 503, 507 or 500 by its code.
[[nodiscard]] net::HttpServerResponse problem_of(const Error& error);
/// Twirp's error JSON, content type exactly "application/json" (the Node SDK compares it).
[[nodiscard]] net::HttpServerResponse twirp_error(const control::TwirpError& error);

/// For a request that the server could not read (net::HttpServer::Refusal): Twirp's error under
/// /twirp/, a problem elsewhere.
[[nodiscard]] net::HttpServerResponse refusal(
    int status, const std::string& target, const std::string& reason
);

}  // namespace aircheck::api
