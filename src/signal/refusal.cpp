#include "signal/refusal.hpp"

#include "core/foreign_text.hpp"

namespace aircheck::signal {
namespace {

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
    const std::string where = first_words(url.substr(0, url.find('?')));
    const std::string said =
        body.empty() ? std::string() : ", saying \"" + first_words(body) + "\"";
    const std::string refused =
        where + " refused the join with HTTP " + std::to_string(http_status) + said + ": ";
    switch (http_status) {
        case 0: {
            const std::string why = detail.empty() ? "no answer" : first_words(detail);
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
