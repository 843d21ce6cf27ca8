#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::net {

/// An absolute URL (RFC 3986), split; `scheme` and `host` in lower case, no fragment.
struct Url {
    std::string scheme;  ///< "http", "https", "ws", "wss", "s3", "file" …
    std::string user_info;
    std::string host;        ///< IPv6 literals without brackets.
    std::uint16_t port = 0;  ///< The scheme's own when the URL names none (80, 443).
    std::string path;        ///< Percent-encoded as given; "" when absent.
    std::string query;       ///< Without '?'.

    [[nodiscard]] static Result<Url> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    /// "host" or "host:port" when the port is not the scheme's own; IPv6 in brackets.
    [[nodiscard]] std::string host_header() const;
    /// The same with ws→http, wss→https (or the other way round), as LiveKit's SDKs do.
    [[nodiscard]] Url as_http() const;
    [[nodiscard]] Url as_websocket() const;
    [[nodiscard]] bool is_secure() const;
};

/// RFC 3986 unreserved characters stay, all others become %XX (upper case); `keep` stays too ("/").
[[nodiscard]] std::string percent_encode(std::string_view text, std::string_view keep = "");
[[nodiscard]] std::string percent_decode(std::string_view text);
/// "a=1&b=%20" → decoded pairs, in order.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);
/// A URL for logs and answers: password, and every query value, replaced by "{...}".
[[nodiscard]] std::string redact_url(std::string_view url);

}  // namespace aircheck::net
