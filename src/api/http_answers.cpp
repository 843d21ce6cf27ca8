#include "api/http_answers.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::api {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string_view title_of(int status) {
    switch (status) {
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 416:
            return "Range Not Satisfiable";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 507:
            return "Insufficient Storage";
        default:
            return "Internal Server Error";
    }
}

}  // namespace

net::HttpServerResponse json_answer(int status, std::string body) {
    net::HttpServerResponse response;
    response.status = status;
    response.headers.set("Content-Type", "application/json");
    response.body = std::move(body);
    return response;
}

net::HttpServerResponse text_answer(int status, std::string body) {
    net::HttpServerResponse response;
    response.status = status;
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.body = std::move(body);
    return response;
}

net::HttpServerResponse problem(int status, std::string_view detail) {
    auto response = json_answer(
        status,
        dump(
            {{"type", "about:blank"},
             {"title", title_of(status)},
             {"status", status},
             {"detail", detail}}
        )
    );
    response.headers.set("Content-Type", "application/problem+json");
    if (status == 401) response.headers.set("WWW-Authenticate", "Bearer");
    return response;
}

net::HttpServerResponse problem_of(const Error& error) {
    int status = 500;
    if (error.code == Errc::InvalidArgument || error.code == Errc::Malformed ||
        error.code == Errc::Unsupported || error.code == Errc::Truncated) {
        status = 400;
    } else if (error.code == Errc::PermissionDenied) {
        status = 403;
    } else if (error.code == Errc::NotFound) {
        status = 404;
    } else if (error.code == Errc::AlreadyExists) {
        status = 409;
    } else if (error.code == Errc::Unavailable || error.code == Errc::Timeout) {
        status = 503;
    } else if (error.code == Errc::NoSpace) {
        status = 507;
    }
    return problem(status, error.to_string());
}

net::HttpServerResponse twirp_error(const control::TwirpError& error) {
    return json_answer(
        control::http_status_of(error.code), dump({{"code", error.code}, {"msg", error.message}})
    );
}

net::HttpServerResponse refusal(int status, const std::string& target, const std::string& reason) {
    const std::string words = status == 413 ? "the body is larger than 10 MiB" : reason;
    if (target.find("/twirp/") == std::string::npos) return problem(status, words);
    // Twirp has no code for it; a client that sends it again gets the same.
    auto response = twirp_error({status == 413 ? "invalid_argument" : "malformed", words});
    response.status = status;
    return response;
}

}  // namespace aircheck::api
