#include "api/byte_range.hpp"

#include <algorithm>
#include <charconv>

namespace aircheck::api {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || at != end) return std::nullopt;
    return value;
}

}  // namespace

std::optional<ByteRange> parse_byte_range(std::string_view header, std::uint64_t size) {
    const ByteRange whole{0, size, false};
    constexpr std::string_view kUnit = "bytes=";
    if (!header.starts_with(kUnit)) return whole;
    header.remove_prefix(kUnit.size());
    const auto dash = header.find('-');
    if (dash == std::string_view::npos || header.find(',') != std::string_view::npos) return whole;
    const auto first_text = header.substr(0, dash);
    const auto last_text = header.substr(dash + 1);
    if (first_text.empty()) {
        const auto suffix = parse_number(last_text);
        if (!suffix) return whole;
        if (*suffix == 0 || size == 0) return std::nullopt;
        const std::uint64_t length = std::min(*suffix, size);
        return ByteRange{size - length, length, true};
    }
    const auto first = parse_number(first_text);
    const auto last =
        last_text.empty() ? std::optional<std::uint64_t>(size - 1) : parse_number(last_text);
    if (!first || !last) return whole;
    if (*first >= size || (!last_text.empty() && *last < *first)) return std::nullopt;
    return ByteRange{*first, std::min(*last, size - 1) - *first + 1, true};
}

}  // namespace aircheck::api
