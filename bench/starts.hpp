#pragma once

#include "bench/report.hpp"

#include "core/result.hpp"

#include <cstddef>
#include <string>

namespace aircheck::bench {

/// Jobs that callers start through the service, all at once, and how many it takes before its
/// admission refuses more.
struct Starts {
    std::size_t asked = 0;
    std::size_t taken = 0;     ///< Of the jobs asked for at once, on a guess of what they cost.
    double all_answered = 0;   ///< Seconds from the first request until each was taken or refused.
    double all_recording = 0;  ///< … until all that were taken record.
    double stall = 0;          ///< Seconds: how late a recording thread's tick was, at worst.
    std::size_t fit = 0;  ///< So many record at once when more are refused, their cost measured.
    // While that many record, and none starts or ends:
    double heard = 0;         ///< Packets that came, of those that were due: 0 to 1.
    double cpu = 0;           ///< Seconds for a recorded minute of one, the whole service's.
    double machine_idle = 0;  ///< Of all cores, 0 to 1; the room server runs on them too.
};

/// `asked` 0: more than a guess lets in. `utilization`: of the cores, what recordings may take.
[[nodiscard]] Result<Starts> measure_starts(
    std::size_t asked, double utilization, const std::string& folder
);

void add_starts(const Starts& starts, Report& report);

}  // namespace aircheck::bench
