#include "api/cors.hpp"

#include <string>
#include <utility>

namespace aircheck::api {

void allow_origin(std::string_view origin, net::HttpServerResponse& answer) {
    if (origin.empty()) return;
    answer.headers.set("Access-Control-Allow-Origin", std::string(origin));
    answer.headers.set("Access-Control-Expose-Headers", "*");
    answer.headers.set("Vary", "Origin");
}

std::optional<net::HttpServerResponse> answer_preflight(const net::HttpServerRequest& request) {
    if (request.method != "OPTIONS" || !request.headers.has("Origin") ||
        !request.headers.has("Access-Control-Request-Method")) {
        return std::nullopt;
    }
    net::HttpServerResponse answer;
    answer.status = 204;
    answer.headers.set("Access-Control-Allow-Origin", std::string(request.headers.get("Origin")));
    answer.headers.set("Access-Control-Allow-Methods", "POST");
    if (const auto asked = request.headers.get("Access-Control-Request-Headers"); !asked.empty()) {
        answer.headers.set("Access-Control-Allow-Headers", std::string(asked));
    }
    answer.headers.set("Access-Control-Max-Age", "86400");
    answer.headers.set(
        "Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    );
    return answer;
}

net::HttpServer::Respond allowing_origin(
    const net::HttpServerRequest& request, net::HttpServer::Respond respond
) {
    const std::string origin(request.headers.get("Origin"));
    if (origin.empty()) return respond;
    return [origin, respond = std::move(respond)](net::HttpServerResponse answer) {
        allow_origin(origin, answer);
        respond(std::move(answer));
    };
}

}  // namespace aircheck::api
