#pragma once

#include "core/time.hpp"

#include <optional>

namespace aircheck::recorder {

/// How often a recording is looked after. Waking up costs more than the packets that came since, so
/// it is done as seldom as nobody notices: arrival times are the kernel's, and a packet may be
/// asked for again late once, while nothing has been lost. Reads no clock.
class Pace {
public:
    /// A NACK may wait that long, and be tried three times before its packet is given up.
    static constexpr Nanoseconds kHurried = 100ms;
    /// Fragments and journal are due every second time, every 500 ms.
    static constexpr Nanoseconds kCalm = 250ms;
    static constexpr Nanoseconds kCalmAfter = 10s;

    /// Something at `now` wants attention: a packet is missing, a limit is near.
    void hurry(Instant now) { hurried_at_ = now; }
    /// The time from `now` to the next look.
    [[nodiscard]] Nanoseconds until_next(Instant now) const {
        return hurried_at_ && now - *hurried_at_ < kCalmAfter ? kHurried : kCalm;
    }

private:
    std::optional<Instant> hurried_at_;
};

}  // namespace aircheck::recorder
