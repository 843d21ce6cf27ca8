#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aircheck::media {

/// Measures how long a signal is audible: 20 ms pieces (on a fixed grid of positions) whose RMS is
/// above -50 dBFS.
class Activity {
public:
    explicit Activity(std::uint16_t channels) : channels_(channels) {}

    /// Takes the samples from position `from` on; what was not given counts as silence. Returns how
    /// many samples (per channel) have turned out audible.
    std::uint64_t note(std::int64_t from, std::span<const float> samples);

private:
    std::uint64_t close_piece();

    std::size_t channels_;
    std::int64_t piece_ = 0;
    double energy_ = 0;
};

}  // namespace aircheck::media
