#pragma once

#include <cstdint>
#include <optional>

namespace aircheck::rtp {

/// 16-bit RTP sequence number (RFC 3550 §5.1), compared by serial arithmetic (RFC 1982 §3.2).
class SequenceNumber {
public:
    constexpr SequenceNumber() = default;
    constexpr explicit SequenceNumber(std::uint16_t value) : value_(value) {}

    [[nodiscard]] constexpr std::uint16_t value() const { return value_; }
    /// Signed distance in packets, -32768 to 32767; positive when `*this` is the newer one.
    [[nodiscard]] constexpr int distance_from(SequenceNumber older) const {
        return static_cast<std::int16_t>(static_cast<std::uint16_t>(value_ - older.value_));
    }
    /// The number `packets` later (earlier if negative), modulo 2^16.
    [[nodiscard]] constexpr SequenceNumber plus(int packets) const {
        return SequenceNumber(static_cast<std::uint16_t>(value_ + packets));
    }
    constexpr bool operator==(const SequenceNumber&) const = default;  // no operator<: it would lie

private:
    std::uint16_t value_ = 0;
};
static_assert(SequenceNumber(1).distance_from(SequenceNumber(65534)) == 3);

/// Turns sequence numbers into 64-bit ones that never wrap: each is placed nearest to the one
/// before. The first keeps its value, so numbers before it may come out negative.
class SequenceUnwrapper {
public:
    /// Places `number` and makes it the reference for the next call.
    constexpr std::int64_t unwrap(SequenceNumber number) {
        last_ = peek(number);
        return *last_;
    }
    /// Where `number` would be placed, without moving the reference.
    [[nodiscard]] constexpr std::int64_t peek(SequenceNumber number) const {
        if (!last_) return number.value();
        return *last_ + number.distance_from(SequenceNumber(static_cast<std::uint16_t>(*last_)));
    }

private:
    std::optional<std::int64_t> last_;
};

}  // namespace aircheck::rtp
