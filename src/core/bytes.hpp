#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck {

using Bytes = std::vector<std::uint8_t>;
/// Borrowed bytes; valid as long as the owner says.
using BytesView = std::span<const std::uint8_t>;

[[nodiscard]] inline BytesView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(BytesView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reads numbers in network byte order from borrowed bytes. Reading past the end gives zeros and
/// makes `ok()` false for good: parse everything, then ask once.
class ByteReader {
public:
    explicit ByteReader(BytesView bytes) : bytes_(bytes) {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u24() { return static_cast<std::uint32_t>(number(3)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    BytesView bytes(std::size_t count);
    void skip(std::size_t count) { static_cast<void>(bytes(count)); }

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t remaining() const { return bytes_.size(); }
    [[nodiscard]] BytesView rest() const { return bytes_; }

private:
    std::uint64_t number(std::size_t width);

    BytesView bytes_;
    bool ok_ = true;
};

/// Appends numbers in network byte order to a vector it borrows.
class ByteWriter {
public:
    explicit ByteWriter(Bytes& out) : out_(out) {}

    void u8(std::uint8_t value) { out_.push_back(value); }
    void u16(std::uint16_t value) { number(value, 2); }
    void u24(std::uint32_t value) { number(value, 3); }
    void u32(std::uint32_t value) { number(value, 4); }
    void u64(std::uint64_t value) { number(value, 8); }
    void bytes(BytesView value) { out_.insert(out_.end(), value.begin(), value.end()); }
    void text(std::string_view value) { bytes(as_bytes(value)); }
    [[nodiscard]] std::size_t size() const { return out_.size(); }
    /// Overwrites four bytes at `offset`, which must have been written.
    void patch_u32(std::size_t offset, std::uint32_t value);

private:
    void number(std::uint64_t value, unsigned width);

    Bytes& out_;
};

/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(BytesView bytes);
/// Empty when `text` has an odd length or another character than 0-9a-fA-F.
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);

/// RFC 4648 §4, padded.
[[nodiscard]] std::string to_base64(BytesView bytes);
/// RFC 4648 §5, without padding, as JSON Web Tokens use it.
[[nodiscard]] std::string to_base64url(BytesView bytes);
/// Takes both alphabets, padded or not; empty when `text` is neither.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

/// CRC-32C (Castagnoli) of `bytes`, continuing from `crc`.
[[nodiscard]] std::uint32_t crc32c(BytesView bytes, std::uint32_t crc = 0);

}  // namespace aircheck
