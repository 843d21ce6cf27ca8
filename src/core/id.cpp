#include "core/id.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace aircheck {

std::string new_id(std::string_view prefix) {
    constexpr std::string_view kAlphabet =
        "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    static_assert(kAlphabet.size() == 57);
    std::string id(prefix);
    while (id.size() < prefix.size() + 12) {
        std::uint8_t byte{};
        if (getrandom(&byte, 1, 0) != 1) std::abort();
        // 228 = 4 * 57: larger values would favour the alphabet's beginning.
        if (byte < 228) id += kAlphabet[byte % 57];
    }
    return id;
}

bool is_id(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
}

}  // namespace aircheck
