#pragma once

#include "core/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace aircheck {

using Nanoseconds = std::chrono::nanoseconds;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ns;

/// Tag of the machine's monotonic clock; `now` is not part of it, so that no core can ask.
struct MonotonicClock {
    using duration = Nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonotonicClock, duration>;
    static constexpr bool is_steady = true;
};

/// A point of the monotonic clock (CLOCK_MONOTONIC): what packets' arrivals and deadlines are told
/// in.
using Instant = MonotonicClock::time_point;
/// A point of the calendar: what users, webhooks and records are told. UTC, nanoseconds since 1970.
using WallTime = std::chrono::sys_time<Nanoseconds>;

/// Reads the clocks. Only shells (net, recorder's shell, app, control, sim) may call these.
[[nodiscard]] Instant monotonic_now();
[[nodiscard]] WallTime wall_now();

/// "2026-08-20T10:15:15.123Z": ISO 8601, UTC, milliseconds.
[[nodiscard]] std::string to_iso8601(WallTime time);
/// Reads what to_iso8601 writes, with any number of decimals and "Z" or an offset "+02:00"; a year
/// from 1900 to 2200. Malformed names the text.
[[nodiscard]] Result<WallTime> parse_iso8601(std::string_view text);

/// "10s", "1m30s", "4h", "250ms" (Go's and LiveKit's notation), or a bare number of seconds.
[[nodiscard]] Result<Nanoseconds> parse_duration(std::string_view text);

[[nodiscard]] inline double to_seconds(Nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}
[[nodiscard]] inline std::int64_t unix_nanoseconds(WallTime time) {
    return time.time_since_epoch().count();
}

}  // namespace aircheck
