#include "control/psrpc.hpp"

#include "core/bytes.hpp"
#include "net/crypto.hpp"

#include <array>

namespace aircheck::control {
namespace {

/// The next character of UTF-8 text; U+FFFD, one byte long, for what is none.
char32_t next_character(std::string_view& text) {
    constexpr char32_t kReplacement = 0xfffd;
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    bool ok = length > 0 && length <= text.size();
    char32_t character = length < 2 ? first : static_cast<char32_t>(first) & (0x7fu >> length);
    for (std::size_t i = 1; ok && i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        ok = (next & 0xc0u) == 0x80;
        character = character << 6 | (next & 0x3fu);
    }
    constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
    ok = ok && character >= kLeast[length] && character <= 0x10ffff &&
         (character < 0xd800 || character > 0xdfff);
    text.remove_prefix(ok ? length : 1);
    return ok ? character : kReplacement;
}

void append_hex(std::string& out, char32_t number, int digits) {
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
        out += "0123456789abcdef"[number >> static_cast<unsigned>(shift) & 0xfu];
    }
}

/// Letters, digits and '_' as they are; "u+002d", "U+0001f600" for the rest.
void append_sanitized(std::string& out, std::string_view part) {
    while (!part.empty()) {
        const char32_t c = next_character(part);
        const bool is_plain =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (is_plain) {
            out += static_cast<char>(c);
        } else if (c < 0x10000) {
            append_hex(out += "u+", c, 4);
        } else {
            append_hex(out += "U+", c, 8);
        }
    }
}

std::string channel_of(std::initializer_list<std::string_view> parts) {
    std::string channel;
    for (const std::string_view part : parts) {
        if (part.empty()) continue;
        if (!channel.empty()) channel += '|';
        append_sanitized(channel, part);
    }
    return channel;
}

}  // namespace

std::string RpcMethod::request_channel() const { return channel_of({service, name, topic, "REQ"}); }

std::string RpcMethod::claim_response_channel() const {
    return channel_of({service, name, topic, "RCLAIM"});
}

std::string claim_channel(std::string_view service, std::string_view client_id) {
    return channel_of({service, client_id, "CLAIM"});
}

std::string response_channel(std::string_view service, std::string_view client_id) {
    return channel_of({service, client_id, "RES"});
}

std::string queue_key_of(std::string_view message) {
    const auto digest = net::sha256(as_bytes(message));
    return to_base64(digest);
}

RpcError to_rpc(const TwirpError& error) {
    if (error.code == "malformed" || error.code == "bad_route") {
        return {"malformed_request", error.message};
    }
    if (error.code == "dataloss") return {"data_loss", error.message};
    return {error.code, error.message};
}

}  // namespace aircheck::control
