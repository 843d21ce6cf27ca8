#include "notify/receiver.hpp"

#include "core/bytes.hpp"
#include "net/crypto.hpp"
#include "net/url.hpp"

#include <algorithm>

namespace aircheck::notify {

std::string_view to_string(Format format) {
    switch (format) {
        case Format::LiveKit:
            return "livekit";
        case Format::Simple:
            return "simple";
        case Format::Flat:
            return "flat";
    }
    return "livekit";
}

std::optional<Format> parse_format(std::string_view text) {
    for (const Format format : {Format::LiveKit, Format::Simple, Format::Flat}) {
        if (text == to_string(format)) return format;
    }
    return {};
}

bool same_letters(const Receiver& a, const Receiver& b) {
    return a.url == b.url && a.format == b.format && a.headers == b.headers &&
           a.signing_key == b.signing_key;
}

bool wants(const Receiver& receiver, std::string_view event) {
    if (!receiver.include_events.empty()) {
        return std::ranges::find(receiver.include_events, event) != receiver.include_events.end();
    }
    return std::ranges::find(receiver.exclude_events, event) == receiver.exclude_events.end();
}

std::string receiver_name(const Receiver& receiver) {
    constexpr std::size_t kDigestBytes = 4;
    const auto digest = net::sha256(as_bytes(receiver.url));
    return net::redact_url(receiver.url) + "#" + to_hex(BytesView(digest).first(kDigestBytes));
}

}  // namespace aircheck::notify
