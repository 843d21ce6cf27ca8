#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace aircheck::signal::text {

/// The part before the first `separator`, and what follows it ("" when there is none).
[[nodiscard]] inline std::pair<std::string_view, std::string_view> cut(
    std::string_view text, char separator
) {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) return {text, {}};
    return {text.substr(0, at), text.substr(at + 1)};
}

/// Takes the next word (words are separated by single spaces) off `rest`.
[[nodiscard]] inline std::string_view take_word(std::string_view& rest) {
    const auto [word, tail] = cut(rest, ' ');
    rest = tail;
    return word;
}

/// A whole decimal number that fits T; nothing otherwise.
template <typename T>
[[nodiscard]] std::optional<T> number(std::string_view digits) {
    T value{};
    const auto* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc{} || stop != end || digits.empty()) return std::nullopt;
    return value;
}

[[nodiscard]] inline char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] inline bool same_word(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}
[[nodiscard]] inline std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = lower(c);
    return out;
}

}  // namespace aircheck::signal::text
