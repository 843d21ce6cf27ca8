#pragma once

#include "core/bytes.hpp"
#include "mux/muxer.hpp"

#include <cstdint>

namespace aircheck::mux {

/// `udta` with iTunes-style items: title, date, comment and tool by Apple's four characters, the
/// rest by name. With `gapless_priming` above 0 also how many samples a player has to cut off
/// ("iTunSMPB").
void write_tags(Bytes& out, const Tags& tags, std::uint32_t gapless_priming);

}  // namespace aircheck::mux
