#pragma once

#include <cstdint>
#include <optional>

namespace aircheck::rtp {

/// 32-bit RTP timestamp in the payload's clock (RFC 3550 §5.1), compared by serial arithmetic.
class RtpTimestamp {
public:
    constexpr RtpTimestamp() = default;
    constexpr explicit RtpTimestamp(std::uint32_t value) : value_(value) {}

    [[nodiscard]] constexpr std::uint32_t value() const { return value_; }
    /// Signed distance in ticks of the payload's clock, -2^31 to 2^31 - 1; positive when `*this` is
    /// the later one.
    [[nodiscard]] constexpr std::int32_t distance_from(RtpTimestamp earlier) const {
        return static_cast<std::int32_t>(value_ - earlier.value_);
    }
    constexpr bool operator==(const RtpTimestamp&) const = default;  // no operator<: it would lie

private:
    std::uint32_t value_ = 0;
};
static_assert(RtpTimestamp(959).distance_from(RtpTimestamp(0xffffffff)) == 960);

/// Turns timestamps into 64-bit ones that never wrap: each is placed nearest to the one before, so
/// a hole longer than 2^31 ticks (12.4 hours at 48 kHz) is taken for a step back. The first keeps
/// its value.
class TimestampUnwrapper {
public:
    /// Places `timestamp` and makes it the reference for the next call.
    constexpr std::int64_t unwrap(RtpTimestamp timestamp) {
        last_ = peek(timestamp);
        return *last_;
    }
    /// Where `timestamp` would be placed, without moving the reference.
    [[nodiscard]] constexpr std::int64_t peek(RtpTimestamp timestamp) const {
        if (!last_) return timestamp.value();
        return *last_ + timestamp.distance_from(RtpTimestamp(static_cast<std::uint32_t>(*last_)));
    }

private:
    std::optional<std::int64_t> last_;
};

}  // namespace aircheck::rtp
