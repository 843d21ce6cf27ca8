#pragma once

#include "core/time.hpp"

#include <algorithm>

namespace aircheck {

/// A time since 1970 that somebody else told, in seconds or milliseconds: one before 1970 or after
/// 2200 becomes that year's beginning, so that nothing calculated from it leaves 64 bits of
/// nanoseconds.
template <typename Duration>
[[nodiscard]] constexpr WallTime told_time(Duration since_epoch) {
    constexpr std::chrono::seconds kYear2200{7'258'118'400};
    return WallTime(std::clamp(since_epoch, Duration::zero(), Duration(kYear2200)));
}

}  // namespace aircheck
