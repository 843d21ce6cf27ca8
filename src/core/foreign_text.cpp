#include "core/foreign_text.hpp"

#include <cctype>
#include <cstdint>

namespace aircheck {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// JSON web tokens begin with `{"` in base64.
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

/// A page with a space for each <tag>, and for one that does not end; other text as it is.
std::string without_markup(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos || text[first] != '<') return text;
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char next = at + 1 < text.size() ? text[at + 1] : ' ';
        const bool opens = std::isalpha(static_cast<unsigned char>(next)) != 0 || next == '/' ||
                           next == '!' || next == '?';
        if (text[at] != '<' || !opens) {
            out += text[at];
            continue;
        }
        out += ' ';
        at = text.find('>', at);
        if (at == std::string::npos) break;
    }
    return out;
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() - at < length) return 0;
    std::uint32_t code = first & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if (!is_continuation(text[at + i])) return 0;
        code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3fu);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool no_scalar = (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff;
    return overlong || no_scalar ? 0 : length;
}

bool is_control(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return first < 0x20 || first == 0x7f;
    return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;  // U+0080 to U+009F
}

std::string first_words(std::string_view said) {
    constexpr std::size_t kMost = 200;
    constexpr std::size_t kLooked = 4096;  // A token is long, and what follows it tells more.
    const std::string text = without_markup(without_tokens(said.substr(0, kLooked)));
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        std::string_view character = std::string_view(text).substr(at, length == 0 ? 1 : length);
        at += character.size();
        if (length == 0) character = "?";
        if (character == " " || is_control(character)) {
            if (out.empty() || out.ends_with(' ')) continue;
            character = " ";
        }
        if (out.size() + character.size() > kMost) break;
        out += character;
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

}  // namespace aircheck
