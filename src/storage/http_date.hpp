#pragma once

#include "core/time.hpp"

#include <optional>
#include <string>

namespace aircheck::storage {

/// An HTTP date (RFC 9110 §5.6.7), "Fri, 24 May 2013 00:00:00 GMT".
[[nodiscard]] std::string http_date(WallTime time);
/// The preferred form only; empty for any other text.
[[nodiscard]] std::optional<WallTime> parse_http_date(const std::string& text);

}  // namespace aircheck::storage
