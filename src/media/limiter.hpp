#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace aircheck::media {

/// Keeps a signal at or below -1 dBFS by turning it down before its peaks, never by clipping.
///
/// Looks ahead 5 ms: output is the input `kLookAhead` samples late. Below the ceiling the output is
/// the input bit for bit. The gain falls within the look-ahead and recovers over about 100 ms; all
/// channels share it, so that the stereo image stays. Deterministic, cannot fail.
class Limiter {
public:
    static constexpr std::size_t kLookAhead = 240;      ///< Samples at 48 kHz.
    static constexpr float kCeiling = 0.891250938134F;  ///< -1 dBFS.

    explicit Limiter(std::uint16_t channels);

    /// Takes `input` and writes as many samples to `output`, delayed by kLookAhead: both
    /// [count × channels] interleaved and of one size; they may be the same memory.
    void process(std::span<const float> input, std::span<float> output);
    /// Forgets the past, as if only silence had been.
    void reset();

private:
    struct Valley {
        std::int64_t index = 0;
        float gain = 1;
    };

    [[nodiscard]] bool is_idle() const;
    float next_gain(float peak);
    float lowest_ahead(float needed);

    std::size_t channels_;
    std::vector<float> line_;     ///< The last kLookAhead samples, then the ones being processed.
    std::deque<Valley> valleys_;  ///< Gains needed within the look-ahead, rising; unity left out.
    std::array<float, kLookAhead> gains_{};  ///< Ring: what the gain is the mean of.
    std::size_t gain_at_ = 0;
    double gain_sum_ = 0;
    double recovering_ = 1;      ///< Double: steps of its last stretch are below a float's.
    std::size_t unity_run_ = 0;  ///< How many of the newest `gains_` are 1.
    std::int64_t index_ = 0;
};

}  // namespace aircheck::media
