#pragma once

#include "streams/sink.hpp"

#include "core/result.hpp"
#include "net/url.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace aircheck::streams {

/// The protocol of a URL by its scheme: rtmp, rtmps, mux, twitch; srt; ws, wss.
[[nodiscard]] std::optional<Protocol> protocol_of(std::string_view url);

/// A stream's URL as it is streamed to: "mux://KEY" in full (egress-survey 1.3), without librtmp's
/// " live=1". "twitch://KEY" stays: its server is asked for when connecting. Errc::InvalidArgument
/// says what is wrong with it, without naming it.
[[nodiscard]] Result<std::string> canonical_url(std::string_view url, Protocol protocol);

/// "rtmp://host/app/key" taken apart.
struct RtmpUrl {
    bool is_secure = false;
    std::string user_info;
    std::string host;
    std::uint16_t port = 1935;
    std::string app;       ///< All of the path but its last part.
    std::string playpath;  ///< The last part, and the query: the stream's key.

    [[nodiscard]] static Result<RtmpUrl> parse(std::string_view url);
    /// "rtmp://host:port/app", as the server is told it.
    [[nodiscard]] std::string tc_url() const;
};

/// "srt://host:port?streamid=…" taken apart; the names of the query are GStreamer's and the SRT
/// library's: mode (caller), streamid, passphrase, pbkeylen, latency (milliseconds).
struct SrtUrl {
    std::string host;
    std::uint16_t port = 0;
    std::string streamid;
    std::string passphrase;
    int key_bytes = 0;  ///< 16, 24, 32; 0: the library's own.
    std::optional<int> latency_ms;

    [[nodiscard]] static Result<SrtUrl> parse(std::string_view url);
};

/// `text` without what only `url` may know: its key, its query's values, its user.
[[nodiscard]] std::string without_secrets(std::string text, std::string_view url);

}  // namespace aircheck::streams
