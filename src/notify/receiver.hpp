#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::notify {

/// How a body is written (design.md 2.2).
enum class Format {
    LiveKit,  ///< LiveKit's own body and signature: its SDKs' receivers take it.
    Simple,   ///< The second seed's payload to the letter.
    Flat,     ///< One flat object (integrations.md 3.6).
};

[[nodiscard]] std::string_view to_string(Format format);  ///< "livekit", "simple", "flat"
[[nodiscard]] std::optional<Format> parse_format(std::string_view text);

/// Who wants to hear of egress events, and how.
struct Receiver {
    std::string url;
    Format format = Format::LiveKit;
    std::vector<std::string>
        include_events;  ///< Empty: all. Wins over exclude_events, as in LiveKit.
    std::vector<std::string> exclude_events;
    std::map<std::string, std::string>
        headers;                ///< Sent as they are; may hold secrets; stored sealed only.
    std::string signing_key;    ///< Name of the API key that signs; "": the default one.
    bool also_for_bus = false;  ///< Also told of jobs that came from livekit-server's bus.
    /// A rule's own (`auto_record[].webhooks`): configured, but told only of the recordings that
    /// name it.
    bool only_when_named = false;
};

/// True when what is sent to both is the same: URL, format, headers and signing key.
[[nodiscard]] bool same_letters(const Receiver& a, const Receiver& b);

[[nodiscard]] bool wants(const Receiver& receiver, std::string_view event);

/// A name for a receiver that is stable, unlike for different URLs, and shows no secret:
/// the redacted URL, "#" and 8 hex digits of the URL's SHA-256.
[[nodiscard]] std::string receiver_name(const Receiver& receiver);

}  // namespace aircheck::notify
