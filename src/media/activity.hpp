#pragma once

#include "media/track_renderer.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aircheck::media {

/// Finds where a signal is audible: 20 ms pieces (on a fixed grid of positions) whose RMS is above
/// -50 dBFS. Pieces less than 300 ms apart become one interval.
class Activity {
public:
    explicit Activity(std::uint16_t channels) : channels_(channels) {}

    /// Takes the samples from position `from` on; what was not given counts as silence. Returns how
    /// many samples (per channel) have turned out audible.
    std::uint64_t note(std::int64_t from, std::span<const float> samples);
    /// The intervals since the last call.
    [[nodiscard]] std::vector<Interval> take();

private:
    std::uint64_t close_piece();

    std::size_t channels_;
    std::int64_t piece_ = 0;
    double energy_ = 0;
    std::vector<Interval> intervals_;
};

}  // namespace aircheck::media
