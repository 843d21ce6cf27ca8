#pragma once

#include "core/time.hpp"

#include <cstdint>

namespace aircheck::rtp {

/// 64-bit NTP timestamp, 32.32 fixed point seconds since 1900 (RFC 3550 §4). In sender reports it
/// is the publisher's clock, which need not agree with anybody else's.
class NtpTime {
public:
    constexpr NtpTime() = default;
    constexpr explicit NtpTime(std::uint64_t value) : value_(value) {}

    [[nodiscard]] static NtpTime from_wall(WallTime time);

    [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
    [[nodiscard]] constexpr std::uint32_t seconds() const {
        return static_cast<std::uint32_t>(value_ >> 32);
    }
    [[nodiscard]] constexpr std::uint32_t fraction() const {
        return static_cast<std::uint32_t>(value_);
    }
    /// The middle 32 bits, 16.16 fixed point: LSR of a report block (RFC 3550 §6.4.1).
    [[nodiscard]] constexpr std::uint32_t compact() const {
        return static_cast<std::uint32_t>(value_ >> 16);
    }
    /// Signed time since `earlier`, to the nearest nanosecond; right across the wrap of 2036 and
    /// within ±68 years.
    [[nodiscard]] Nanoseconds since(NtpTime earlier) const;
    /// The calendar's time, 1968 to 2104 (RFC 4330 §3: a cleared top bit means after 2036).
    [[nodiscard]] WallTime to_wall() const;

    constexpr bool operator==(const NtpTime&) const = default;

private:
    std::uint64_t value_ = 0;
};

/// `duration` in units of 1/65536 s, as DLSR counts it (RFC 3550 §6.4.1); saturates at 18.2 hours,
/// negative ones give 0.
[[nodiscard]] std::uint32_t to_compact_ntp(Nanoseconds duration);
/// The time of `units` of 1/65536 s.
[[nodiscard]] Nanoseconds from_compact_ntp(std::uint32_t units);

}  // namespace aircheck::rtp
