#pragma once

#include "core/bytes.hpp"

#include <cstdint>

namespace aircheck::mux {

/// Appends the lowest `width` bytes of `value`, the least significant first, as RIFF and OGG count.
inline void put_little_endian(Bytes& out, std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

}  // namespace aircheck::mux
