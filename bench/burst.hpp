#pragma once

#include "core/result.hpp"

#include <string>
#include <vector>

namespace aircheck::bench {

/// Many recordings begun in one go, in one process.
struct Burst {
    std::size_t recordings = 0;
    double all_recording = 0;  ///< Seconds from the first request until each had its first packet.
    double median = 0;         ///< Seconds from a recording's request to its first packet kept.
    double stall = 0;  ///< Seconds: how late a recording thread's tick was, at worst. Meanwhile no
                       ///< recording of that thread was looked after.
};

[[nodiscard]] Result<Burst> measure_burst(std::size_t recordings, const std::string& folder);

/// What the recording process does: "URL COUNT FOLDER".
[[nodiscard]] Result<> record_burst(const std::vector<std::string>& words);

}  // namespace aircheck::bench
