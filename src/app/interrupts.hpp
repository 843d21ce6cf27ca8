#pragma once

#include "core/time.hpp"

#include <csignal>
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

/// What signals mean to a service. SIGTERM and SIGQUIT: its recordings go on to their own end, then
/// it leaves; SIGINT, and any that follows: they are ended and finished; any after that: it leaves
/// at once. The same signal again within a moment is an echo.
class StopSignals {
public:
    enum class Meaning { Drain, Hurry, Leave, Echo };

    Meaning take(int signal, Instant now) {
        if (signal == last_signal_ && now - last_ < kEcho) return Meaning::Echo;
        last_signal_ = signal;
        last_ = now;
        if (!meaning_ && signal != SIGINT) {
            meaning_ = Meaning::Drain;
        } else if (!meaning_ || meaning_ == Meaning::Drain) {
            meaning_ = Meaning::Hurry;
        } else {
            meaning_ = Meaning::Leave;
        }
        return *meaning_;
    }

private:
    static constexpr Nanoseconds kEcho = 300ms;
    std::optional<Meaning> meaning_;  ///< Of the last one.
    int last_signal_ = 0;
    Instant last_;
};

}  // namespace aircheck::app
