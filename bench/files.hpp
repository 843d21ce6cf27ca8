#pragma once

#include "core/result.hpp"
#include "sim/room.hpp"

#include <string>
#include <vector>

namespace aircheck::bench {

/// What a journal of a long call costs to render, and how long its end takes.
struct FileCost {
    double hours = 0;
    double render_speed = 0;  ///< Seconds of call in a second of CPU, reading the journal included.
    /// Seconds from the end's decision to the complete object, when all parts but the last were
    /// sent during the call.
    double complete_local = 0;
    double complete_s3 = 0;  ///< 0: there was no store.
};

/// Writes the journal of a call of `hours` between `speakers`, renders it, and ends it.
/// `s3_endpoint` may be empty.
[[nodiscard]] Result<FileCost> measure_files(
    const std::vector<sim::Caller>& speakers,
    double hours,
    const std::string& folder,
    const std::string& s3_endpoint
);

}  // namespace aircheck::bench
