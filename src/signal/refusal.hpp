#pragma once

#include <string>
#include <string_view>

namespace aircheck::signal {

/// Why a server would not let us in, and whether asking again can help.
struct Refusal {
    enum class Kind {
        Unreachable,   ///< No HTTP answer at all: resolve, TCP, TLS, time-out.
        BadToken,      ///< 401, 403: key, secret, clock or grants.
        BadRequest,    ///< 400: empty identity, no or too long room name.
        RoomNotFound,  ///< 404 "requested room does not exist": room.auto_create is off.
        NotLiveKit,  ///< 404 or another answer that LiveKit's /rtc does not give: the URL is wrong.
        Busy,        ///< 503, 429: no node, or node full.
        ServerError,  ///< 5xx.
    };
    Kind kind = Kind::Unreachable;
    std::string words;  ///< For an operator: what was refused, why, and which setting to look at.
    bool may_retry = false;
};

/// Reads a failed WebSocket upgrade: `http_status` (0: there was no answer), the answer's
/// plain-text `body` (hostile: cut and cleaned), `detail` = what the socket layer said, and the
/// `url` asked (its query is not repeated).
[[nodiscard]] Refusal explain_refusal(
    int http_status, std::string_view body, std::string_view detail, std::string_view url
);

}  // namespace aircheck::signal
