#include "streams/twitch.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::streams {
namespace {

constexpr std::string_view kPlace = "{stream_key}";

std::string template_of(const nlohmann::json& ingest) {
    if (!ingest.is_object()) return "";
    for (const char* field : {"url_template_secure", "url_template"}) {
        const auto found = ingest.find(field);
        if (found == ingest.end() || !found->is_string()) continue;
        auto text = found->get<std::string>();
        if (text.find(kPlace) != text.npos) return text;
    }
    return "";
}

}  // namespace

Result<std::string> twitch_url(
    net::HttpClient& http, const std::string& ingests_url, std::string_view key
) {
    net::HttpRequest request;
    request.url = ingests_url;
    request.timeout = std::chrono::seconds(10);
    request.max_response_bytes = 1024 * 1024;
    const auto answer = http.send(request);
    if (!answer) return tl::unexpected(in_context("Twitch's list of servers", answer.error()));
    if (answer->status != 200) {
        return fail(
            Errc::Unavailable,
            "Twitch's list of servers: HTTP status " + std::to_string(answer->status)
        );
    }
    const auto body = nlohmann::json::parse(answer->body, nullptr, false);
    const auto ingests = body.is_object() ? body.find("ingests") : body.end();
    if (body.is_object() && ingests != body.end() && ingests->is_array()) {
        for (const auto& ingest : *ingests) {
            std::string url = template_of(ingest);
            if (url.empty()) continue;
            url.replace(url.find(kPlace), kPlace.size(), key);
            return url;
        }
    }
    return fail(Errc::Unavailable, "Twitch's list of servers names none");
}

}  // namespace aircheck::streams
