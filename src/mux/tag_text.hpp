#pragma once

#include "mux/muxer.hpp"

#include <string>
#include <string_view>

namespace aircheck::mux {

/// A tag's value as files may hold it: without control characters (they become spaces), at most
/// 1000 bytes, cut between UTF-8 characters. Room names come from strangers.
[[nodiscard]] std::string tag_text(std::string_view value);
/// Tags::created in ISO 8601, or "".
[[nodiscard]] std::string created_text(const Tags& tags);

}  // namespace aircheck::mux
