#pragma once

#include "core/time.hpp"

#include <optional>

namespace aircheck::app {

/// Tells a second Ctrl-C from one that came twice: a terminal and a wrapper (timeout, make) may
/// both pass the same one on.
class Interrupts {
public:
    enum class Meaning { First, Echo, Second };

    Meaning take(Instant now) {
        if (!first_) {
            first_ = now;
            return Meaning::First;
        }
        return now - *first_ < kEcho ? Meaning::Echo : Meaning::Second;
    }

private:
    static constexpr Nanoseconds kEcho = 300ms;
    std::optional<Instant> first_;
};

}  // namespace aircheck::app
