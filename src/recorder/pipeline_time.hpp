#pragma once

#include "core/time.hpp"
#include "media/timeline.hpp"

#include <cstdint>

namespace aircheck::recorder {

/// Journal time, which counts from the journal's start, as a position of the timeline and back.
[[nodiscard]] inline std::int64_t position_of(Nanoseconds at) {
    return media::to_position(Instant(at), Instant{});
}

[[nodiscard]] inline Nanoseconds time_of(std::int64_t position) {
    return media::to_instant(position, Instant{}).time_since_epoch();
}

}  // namespace aircheck::recorder
