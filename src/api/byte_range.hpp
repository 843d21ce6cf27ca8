#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aircheck::api {

struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bool is_partial = false;
};

/// The range that a Range header asks of `size` bytes (RFC 9110 §14.2): one of "bytes=0-99",
/// "bytes=100-", "bytes=-50". No header, another unit, several ranges or bad syntax: the whole.
/// Empty when nothing of it lies within (416).
[[nodiscard]] std::optional<ByteRange> parse_byte_range(
    std::string_view header, std::uint64_t size
);

}  // namespace aircheck::api
