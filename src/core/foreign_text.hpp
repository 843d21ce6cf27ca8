#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aircheck {

/// The length of the UTF-8 character at `at`, or 0 when there is none (RFC 3629 §4).
[[nodiscard]] std::size_t utf8_length(std::string_view text, std::size_t at);

/// Whether this one UTF-8 character is a control character: C0, DEL or C1, which steer terminals.
[[nodiscard]] bool is_control(std::string_view character);

/// What a stranger's server said, fit for a message or the log: its first 200 bytes, on one line,
/// valid UTF-8, without control characters, a page's markup, or JSON web tokens (servers quote the
/// one that they refuse).
[[nodiscard]] std::string first_words(std::string_view said);

}  // namespace aircheck
