#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aircheck::media {

/// Reads a signal between its samples, for ratios so near to 1 that nothing has to be filtered out:
/// a windowed sinc of 32 taps at 256 phases, linear between phases. At whole positions it gives the
/// samples themselves, bit for bit, so that a ratio may begin, change and end without a click.
/// No delay: what is read at position p is the signal at p.
class Interpolator {
public:
    static constexpr std::size_t kTaps = 32;
    static constexpr std::size_t kBefore = kTaps / 2 - 1;  ///< Samples needed before a position …
    static constexpr std::size_t kAfter = kTaps / 2;       ///< … and after its whole part.

    /// A position in samples as 32.32 fixed point.
    using Position = std::int64_t;
    static constexpr int kFractionBits = 32;

    /// Reads `out.size() / channels` samples of `source` ([count × channels] interleaved) at
    /// `start`, `start + step` …; `source` reaches kBefore before the first and kAfter beyond the
    /// last.
    static void read(
        std::span<const float> source,
        std::size_t channels,
        Position start,
        Position step,
        std::span<float> out
    );
};

/// 48 kHz to another rate, up to 48 kHz, in a stream: a polyphase windowed sinc with as many phases
/// as the ratio has, cut off below the lower rate's half. Sample n of the output is the input at n
/// / rate: its delay is taken out, and the output is as long as the input. Equal rates pass bit for
/// bit.
class RateConverter {
public:
    /// `rate_hz`: 8000 to 48000.
    RateConverter(std::uint32_t rate_hz, std::uint16_t channels);

    /// Takes [count × channels] at 48 kHz and appends what has become ready to `out`.
    void convert(std::span<const float> input, std::vector<float>& out);
    /// Appends the rest.
    void finish(std::vector<float>& out);

    /// Samples per channel at `rate_hz` that `samples` at 48 kHz become.
    [[nodiscard]] static std::int64_t length(std::int64_t samples, std::uint32_t rate_hz);

private:
    void produce(std::vector<float>& out);

    std::uint32_t rate_hz_;
    std::size_t channels_;
    std::size_t up_ = 1;  ///< Output is at up_/down_ of the input's rate, in lowest terms.
    std::size_t down_ = 1;
    std::size_t taps_ = 0;
    std::vector<float> table_;    ///< up_ phases × taps_.
    std::vector<float> history_;  ///< Input not used up, interleaved.
    std::size_t at_ = 0;          ///< First tap of the next output, in samples of `history_`.
    std::size_t phase_ = 0;
    std::int64_t taken_ = 0;  ///< Samples per channel.
    std::int64_t given_ = 0;
};

}  // namespace aircheck::media
