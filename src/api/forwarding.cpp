#include "api/forwarding.hpp"

#include "api/cors.hpp"
#include "api/http_answers.hpp"
#include "net/http.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::api {
namespace {

constexpr std::string_view kTwirp = "/twirp/";
constexpr std::string_view kOurService = "livekit.Egress";

/// One segment of a path, without escapes.
bool is_name(std::string_view text, std::string_view besides) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [besides](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || besides.find(c) != std::string_view::npos;
    });
}

bool is_other_service(std::string_view service_and_method) {
    const auto slash = service_and_method.find('/');
    if (slash == std::string_view::npos) return false;
    const auto service = service_and_method.substr(0, slash);
    return is_name(service, ".") && is_name(service_and_method.substr(slash + 1), "") &&
           !net::equal_ignoring_case(service, kOurService);
}

bool is_signalling(std::string_view path) {
    if (path == "/rtc") return true;
    if (!path.starts_with("/rtc/")) return false;
    for (path.remove_prefix(1);;) {
        const auto slash = std::min(path.find('/'), path.size());
        if (!is_name(path.substr(0, slash), "-")) return false;
        if (slash == path.size()) return true;
        path.remove_prefix(slash + 1);
    }
}

std::string_view words_of(net::HttpForwarding::Failure why) {
    using Failure = net::HttpForwarding::Failure;
    switch (why) {
        case Failure::Unreachable:
            return "the LiveKit server that aircheck passes this on to cannot be reached";
        case Failure::NoAnswer:
            return "the LiveKit server that aircheck passes this on to has not answered";
        case Failure::Loop:
            return "ws_url leads back to aircheck; it must be the LiveKit server's own";
        case Failure::Busy:
            return "aircheck passes on as many connections as it may already";
    }
    return "";
}

}  // namespace

bool is_livekits_own(std::string_view path) {
    if (path.starts_with(kTwirp)) return is_other_service(path.substr(kTwirp.size()));
    return path == "/agent" || is_signalling(path);
}

Result<net::HttpForwarding> forwarding_to(const std::string& ws_url, const std::string& ca_file) {
    auto url = net::Url::parse(ws_url);
    if (!url) return fail(Errc::InvalidArgument, "http.forward: ws_url: " + url.error().context);
    net::HttpForwarding forwarding;
    forwarding.to = *std::move(url);
    forwarding.ca_file = ca_file;
    forwarding.takes = [](const net::HttpServerRequest& request) {
        return is_livekits_own(request.path);
    };
    forwarding.failed = forward_failure;
    return forwarding;
}

net::HttpServerResponse forward_failure(
    const net::HttpServerRequest& request, net::HttpForwarding::Failure why
) {
    const int status = why == net::HttpForwarding::Failure::Busy ? 503 : 502;
    if (!request.path.starts_with(kTwirp)) {
        auto answer = problem(status, words_of(why));
        allow_origin(request.headers.get("Origin"), answer);
        return answer;
    }
    auto answer = twirp_error({"unavailable", std::string(words_of(why))});
    answer.status = status;
    allow_origin(request.headers.get("Origin"), answer);
    return answer;
}

net::HttpServerResponse not_forwarded(const net::HttpServerRequest& request) {
    const std::string words = request.path +
                              " is LiveKit's own; aircheck passes it on to ws_url where "
                              "http.forward is true";
    if (!request.path.starts_with(kTwirp)) return problem(404, words);
    return twirp_error({"bad_route", words});
}

}  // namespace aircheck::api
