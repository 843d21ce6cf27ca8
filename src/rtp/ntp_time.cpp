#include "rtp/ntp_time.hpp"

#include <algorithm>

namespace aircheck::rtp {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsFrom1900To1970 = 2'208'988'800;

/// A signed 32.32 number of seconds, rounded to nanoseconds. Seconds and fraction are taken apart
/// so that nothing overflows.
Nanoseconds from_fixed_point(std::int64_t value) {
    const std::int64_t whole = value >> 32;  // rounds down, so the fraction is never negative
    const std::int64_t fraction = value & 0xffffffff;
    const std::int64_t rounded = (fraction * kNanosecondsPerSecond + (std::int64_t{1} << 31)) >> 32;
    return Nanoseconds(whole * kNanosecondsPerSecond + rounded);
}

}  // namespace

NtpTime NtpTime::from_wall(WallTime time) {
    const auto since_1970 = time.time_since_epoch();
    const auto whole = std::chrono::floor<std::chrono::seconds>(since_1970);
    const auto rest = static_cast<std::uint64_t>((since_1970 - whole).count());
    // Rounded up, so that to_wall() gives the nanosecond back.
    const std::uint64_t fraction =
        ((rest << 32) + static_cast<std::uint64_t>(kNanosecondsPerSecond) - 1) /
        static_cast<std::uint64_t>(kNanosecondsPerSecond);
    const auto seconds = static_cast<std::uint64_t>(whole.count() + kSecondsFrom1900To1970);
    return NtpTime((seconds << 32) + fraction);
}

Nanoseconds NtpTime::since(NtpTime earlier) const {
    return from_fixed_point(static_cast<std::int64_t>(value_ - earlier.value_));
}

WallTime NtpTime::to_wall() const {
    // 2^31 seconds after 1900 is the middle of what a cleared and a set top bit can mean.
    constexpr NtpTime kPivot(std::uint64_t{1} << 63);
    const auto offset = from_fixed_point(static_cast<std::int64_t>(value_ - kPivot.value_));
    const std::int64_t pivot_seconds = (std::int64_t{1} << 31) - kSecondsFrom1900To1970;
    const bool after_2036 = (value_ >> 63) == 0;
    const std::int64_t era_seconds = after_2036 ? std::int64_t{1} << 32 : 0;
    return WallTime(std::chrono::seconds(pivot_seconds + era_seconds)) + offset;
}

std::uint32_t to_compact_ntp(Nanoseconds duration) {
    constexpr Nanoseconds kMax = std::chrono::seconds(65535);
    const std::int64_t count = std::clamp(duration, Nanoseconds(0), kMax).count();
    const std::int64_t seconds = count / kNanosecondsPerSecond;
    const std::int64_t rest = count % kNanosecondsPerSecond;
    return static_cast<std::uint32_t>(seconds << 16 | (rest << 16) / kNanosecondsPerSecond);
}

Nanoseconds from_compact_ntp(std::uint32_t units) {
    return from_fixed_point(static_cast<std::int64_t>(std::uint64_t{units} << 16));
}

}  // namespace aircheck::rtp
