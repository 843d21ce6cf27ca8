#include "storage/s3_xml.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace aircheck::storage {
namespace {

constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {{
    {"&amp;", '&'},
    {"&lt;", '<'},
    {"&gt;", '>'},
    {"&quot;", '"'},
    {"&apos;", '\''},
}};

/// "&#34;" and "&#x22;" of ASCII, as Go's encoder writes quotes; the rest stays as it is.
std::size_t numeric_entity(std::string_view text, std::string& out) {
    if (!text.starts_with("&#")) return 0;
    // Looked for nearby only: an answer full of '&' would be read from each of them to its end.
    const std::size_t end = text.substr(0, 9).find(';');
    if (end == std::string_view::npos) return 0;
    const bool hex = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
    const std::string_view digits = text.substr(hex ? 3 : 2, end - (hex ? 3 : 2));
    unsigned code = 0;
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
    if (error != std::errc{} || stop != digits.data() + digits.size() || code > 0x7f) return 0;
    out += static_cast<char>(code);
    return end + 1;
}

std::string unescape(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t used = text.front() == '&' ? numeric_entity(text, out) : 0;
        for (const auto& [entity, character] : kEntities) {
            if (used == 0 && text.starts_with(entity)) {
                out += character;
                used = entity.size();
            }
        }
        if (used == 0) {
            out += text.front();
            used = 1;
        }
        text.remove_prefix(used);
    }
    return out;
}

/// Moves `document` behind the next element `name` and gives its text.
std::optional<std::string> take(std::string_view& document, std::string_view name) {
    const std::string opening = "<" + std::string(name) + ">";
    const std::string closing = "</" + std::string(name) + ">";
    const std::size_t begin = document.find(opening);
    if (begin == std::string_view::npos) return {};
    document.remove_prefix(begin + opening.size());
    const std::size_t end = document.find(closing);
    if (end == std::string_view::npos) return {};
    std::string text = unescape(document.substr(0, end));
    document.remove_prefix(end + closing.size());
    return text;
}

}  // namespace

std::optional<std::string> xml_text(std::string_view document, std::string_view name) {
    return take(document, name);
}

std::vector<std::string> xml_texts(std::string_view document, std::string_view name) {
    std::vector<std::string> texts;
    while (auto text = take(document, name)) texts.push_back(*std::move(text));
    return texts;
}

std::string xml_escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        std::string_view replacement;
        for (const auto& [entity, character] : kEntities) {
            if (c == character) replacement = entity;
        }
        if (replacement.empty())
            out += c;
        else
            out += replacement;
    }
    return out;
}

}  // namespace aircheck::storage
