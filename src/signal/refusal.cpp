#include "signal/refusal.hpp"

#include <array>

namespace aircheck::signal {
namespace {

/// `text` without JSON web tokens (they begin with `{"` in base64): livekit-server quotes the one
/// that it refuses.
std::string without_tokens(std::string_view text) {
    constexpr std::string_view kOfTokens =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
    std::string out;
    while (true) {
        const auto start = text.find("eyJ");
        out += text.substr(0, start);
        if (start == std::string_view::npos) return out;
        out += "***";
        const auto end = text.find_first_not_of(kOfTokens, start);
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end);
    }
}

/// At most 200 printable characters of a hostile text, on one line, without secrets.
std::string cleaned(std::string_view text) {
    constexpr std::size_t kMost = 200;
    constexpr std::size_t kLooked = 4096;  // A token is long, and what follows it tells more.
    std::string out;
    for (const char c : without_tokens(text.substr(0, kLooked)).substr(0, kMost)) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::string hint_of_401(std::string_view body) {
    if (contains(body, "invalid API key")) {
        return "the server does not know the API key: check api_key (LIVEKIT_API_KEY)";
    }
    if (contains(body, "cryptographic") || contains(body, "signature")) {
        return "the token's signature is wrong: check api_secret (LIVEKIT_API_SECRET)";
    }
    if (contains(body, "expired") || contains(body, "not valid yet") || contains(body, "nbf")) {
        return "the token's time is wrong: check this machine's clock and the server's";
    }
    if (contains(body, "permission")) return "the token lacks a grant that the room asks for";
    return "check api_key and api_secret (LIVEKIT_API_KEY, LIVEKIT_API_SECRET)";
}

Refusal make(Refusal::Kind kind, std::string words, bool may_retry) {
    return {kind, std::move(words), may_retry};
}

}  // namespace

Refusal explain_refusal(
    int http_status, std::string_view body, std::string_view detail, std::string_view url
) {
    using Kind = Refusal::Kind;
    const std::string where = cleaned(url.substr(0, url.find('?')));
    const std::string said = body.empty() ? std::string() : ", saying \"" + cleaned(body) + "\"";
    const std::string refused =
        where + " refused the join with HTTP " + std::to_string(http_status) + said + ": ";
    switch (http_status) {
        case 0: {
            const std::string why = detail.empty() ? "no answer" : cleaned(detail);
            return make(Kind::Unreachable, "cannot reach " + where + ": " + why, true);
        }
        case 400:
            return make(
                Kind::BadRequest,
                refused + "the identity or the room's name was not accepted",
                false
            );
        case 401:
        case 403:
            return make(Kind::BadToken, refused + hint_of_401(body), false);
        case 404:
            if (contains(body, "room")) {
                return make(
                    Kind::RoomNotFound,
                    refused +
                        "the room does not exist and the server does not create rooms "
                        "(room.auto_create)",
                    false
                );
            }
            return make(
                Kind::NotLiveKit,
                refused + "there is no LiveKit server at this address: check ws_url (LIVEKIT_URL)",
                false
            );
        case 408:
        case 429:
        case 503:
            return make(Kind::Busy, refused + "the server has no room for us now", true);
        default:
            break;
    }
    if (http_status >= 500) {
        return make(Kind::ServerError, refused + "the server failed", true);
    }
    return make(
        Kind::NotLiveKit,
        refused + "this is not how LiveKit answers: check ws_url (LIVEKIT_URL) and any proxy",
        false
    );
}

}  // namespace aircheck::signal
