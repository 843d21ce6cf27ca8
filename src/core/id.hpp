#pragma once

#include <string>
#include <string_view>

namespace aircheck {

/// `prefix` and 12 random characters of LiveKit's alphabet (base 57: no 0 1 I O l):
/// "EG_7dKs8wXyZ3nP". Randomness comes from the kernel (getrandom).
[[nodiscard]] std::string new_id(std::string_view prefix);

/// True for `prefix` and 1 to 64 letters, digits, '_' or '-': safe in a path, a URL and a log line.
[[nodiscard]] bool is_id(std::string_view text, std::string_view prefix);

}  // namespace aircheck
