#pragma once

#include <cstddef>
#include <cstdint>
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
        std::uint64_t index = 0;
        float gain = 1;
    };

    float next_gain(float needed);

    std::size_t channels_;
    std::vector<float> delay_;  ///< Ring of the last kLookAhead samples.
    std::size_t delay_at_ = 0;
    std::vector<Valley> valleys_;  ///< Ring: candidates for the lowest gain within the look-ahead.
    std::size_t valley_first_ = 0;
    std::size_t valley_count_ = 0;
    std::vector<float> gains_;  ///< Ring: what the averaging filter spans.
    std::size_t gain_at_ = 0;
    double gain_sum_ = 0;
    float released_ = 1;
    std::uint64_t index_ = 0;
    std::size_t unity_run_ = 0;  ///< Samples since anything asked for less than unity gain.
};

}  // namespace aircheck::media
