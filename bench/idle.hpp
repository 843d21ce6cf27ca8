#pragma once

#include "bench/report.hpp"

#include "core/result.hpp"
#include "core/time.hpp"

#include <optional>
#include <string>

namespace aircheck::bench {

/// CPU of a service that has nothing to do, in seconds a minute.
struct Idle {
    double alone = 0;   ///< Without a bus.
    double on_bus = 0;  ///< Listening on livekit-server's Redis bus.
    double redis = 0;   ///< Of that redis-server, beside the latter.
};

/// Each for `length`. Empty when there is no redis-server in PATH.
[[nodiscard]] Result<std::optional<Idle>> measure_idle(
    Nanoseconds length, const std::string& folder
);

void add_idle(const Idle& idle, Report& report);

}  // namespace aircheck::bench
