#include "media/resampler.hpp"

#include "media/windowed_sinc.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numeric>

namespace aircheck::media {
namespace {

constexpr std::uint32_t kInputRate = 48000;
constexpr std::size_t kPhases = 256;
constexpr int kPhaseBits = 8;
// The converter's taps per sample of the lower rate, and the middle of its slope: flat to 0.41 of
// the lower rate, 80 dB down at 0.52.
constexpr std::size_t kConverterTaps = 48;
constexpr double kConverterCutoff = 0.93;

// Four lanes and two sums, spelled out: without them the compiler may not reorder float additions.
using Lanes = float __attribute__((vector_size(16)));
constexpr std::size_t kLanes = 4;

/// Σ a[i]·b[i]; `count` is a multiple of 8.
float dot(const float* a, const float* b, std::size_t count) {
    Lanes sums[2] = {};
    for (std::size_t i = 0; i < count; i += 2 * kLanes) {
        for (std::size_t half = 0; half < 2; ++half) {
            Lanes x;
            Lanes y;
            std::memcpy(&x, a + i + half * kLanes, sizeof x);
            std::memcpy(&y, b + i + half * kLanes, sizeof y);
            sums[half] += x * y;
        }
    }
    const Lanes sum = sums[0] + sums[1];
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

using PhaseTable = std::array<float, (kPhases + 1) * Interpolator::kTaps>;

PhaseTable make_phase_table() {
    PhaseTable table{};
    for (std::size_t phase = 0; phase <= kPhases; ++phase) {
        const double fraction = static_cast<double>(phase) / kPhases;
        for (std::size_t tap = 0; tap < Interpolator::kTaps; ++tap) {
            const double x =
                static_cast<double>(tap) - static_cast<double>(Interpolator::kBefore) - fraction;
            // Exact zeros at whole distances, where sin(πx) leaves a residue.
            const bool whole = phase == 0 || phase == kPhases;
            const double value =
                whole ? (x == 0 ? 1 : 0) : windowed_sinc(x, 1, Interpolator::kTaps / 2.0);
            table[phase * Interpolator::kTaps + tap] = static_cast<float>(value);
        }
        // Unity at 0 Hz for every phase: no modulation of a constant.
        float* row = table.data() + phase * Interpolator::kTaps;
        const float sum = std::accumulate(row, row + Interpolator::kTaps, 0.0F);
        for (std::size_t tap = 0; tap < Interpolator::kTaps; ++tap) row[tap] /= sum;
    }
    return table;
}

const PhaseTable& phase_table() {
    static const PhaseTable table = make_phase_table();
    return table;
}

/// One channel of `source` from `first` on, side by side.
const float* gather(
    const float* source, std::size_t channels, std::size_t channel, std::size_t count, float* room
) {
    if (channels == 1) return source;
    for (std::size_t i = 0; i < count; ++i) room[i] = source[i * channels + channel];
    return room;
}

}  // namespace

void Interpolator::read(
    std::span<const float> source,
    std::size_t channels,
    Position start,
    Position step,
    std::span<float> out
) {
    constexpr std::uint64_t kMask = (std::uint64_t{1} << kFractionBits) - 1;
    constexpr int kBetweenBits = kFractionBits - kPhaseBits;
    const PhaseTable& table = phase_table();
    std::array<float, kTaps> room{};
    Position position = start;
    for (std::size_t i = 0; i < out.size(); i += channels, position += step) {
        const auto whole = static_cast<std::size_t>(position >> kFractionBits);
        const std::uint64_t fraction = static_cast<std::uint64_t>(position) & kMask;
        assert(whole >= kBefore && (whole + kAfter + 1) * channels <= source.size());
        const float* first = source.data() + (whole - kBefore) * channels;
        if (fraction == 0) {
            std::copy_n(first + kBefore * channels, channels, out.data() + i);
            continue;
        }
        const float* row = table.data() + (fraction >> kBetweenBits) * kTaps;
        const auto between = static_cast<float>(
            static_cast<double>(fraction & ((std::uint64_t{1} << kBetweenBits) - 1)) /
            static_cast<double>(std::uint64_t{1} << kBetweenBits)
        );
        for (std::size_t channel = 0; channel < channels; ++channel) {
            const float* samples = gather(first, channels, channel, kTaps, room.data());
            const float low = dot(samples, row, kTaps);
            const float high = dot(samples, row + kTaps, kTaps);
            out[i + channel] = low + between * (high - low);
        }
    }
}

RateConverter::RateConverter(std::uint32_t rate_hz, std::uint16_t channels)
    : rate_hz_(rate_hz), channels_(channels) {
    if (rate_hz_ == kInputRate) return;
    const std::uint32_t divisor = std::gcd(rate_hz_, kInputRate);
    up_ = rate_hz_ / divisor;
    down_ = kInputRate / divisor;
    const double ratio = static_cast<double>(rate_hz_) / kInputRate;
    const auto wanted = static_cast<std::size_t>(std::ceil(kConverterTaps / ratio));
    taps_ = (wanted + 7) / 8 * 8;
    const double cutoff = ratio * kConverterCutoff;
    const std::size_t before = taps_ / 2 - 1;
    table_.resize(up_ * taps_);
    for (std::size_t phase = 0; phase < up_; ++phase) {
        const double fraction = static_cast<double>(phase) / static_cast<double>(up_);
        double sum = 0;
        std::vector<double> row(taps_);
        for (std::size_t tap = 0; tap < taps_; ++tap) {
            const double x = static_cast<double>(tap) - static_cast<double>(before) - fraction;
            row[tap] = windowed_sinc(x, cutoff, static_cast<double>(taps_) / 2);
            sum += row[tap];
        }
        for (std::size_t tap = 0; tap < taps_; ++tap) {
            table_[phase * taps_ + tap] = static_cast<float>(row[tap] / sum);
        }
    }
    history_.assign(before * channels_, 0.0F);
}

std::int64_t RateConverter::length(std::int64_t samples, std::uint32_t rate_hz) {
    return (samples * rate_hz + kInputRate - 1) / kInputRate;
}

void RateConverter::convert(std::span<const float> input, std::vector<float>& out) {
    if (rate_hz_ == kInputRate) {
        out.insert(out.end(), input.begin(), input.end());
        return;
    }
    taken_ += static_cast<std::int64_t>(input.size() / channels_);
    history_.insert(history_.end(), input.begin(), input.end());
    produce(out);
}

void RateConverter::produce(std::vector<float>& out) {
    const std::size_t available = history_.size() / channels_;
    std::vector<float> room(channels_ == 1 ? 0 : taps_);
    while (at_ + taps_ <= available) {
        const float* row = table_.data() + phase_ * taps_;
        const float* first = history_.data() + at_ * channels_;
        for (std::size_t channel = 0; channel < channels_; ++channel) {
            out.push_back(dot(gather(first, channels_, channel, taps_, room.data()), row, taps_));
        }
        ++given_;
        phase_ += down_;
        at_ += phase_ / up_;
        phase_ %= up_;
    }
    const std::size_t used = std::min(at_, available);
    history_.erase(
        history_.begin(), history_.begin() + static_cast<std::ptrdiff_t>(used * channels_)
    );
    at_ -= used;
}

void RateConverter::finish(std::vector<float>& out) {
    if (rate_hz_ == kInputRate) return;
    const std::int64_t wanted = length(taken_, rate_hz_);
    history_.insert(history_.end(), (taps_ + down_) * channels_, 0.0F);
    produce(out);
    // Zeros enough for the last sample give some beyond it.
    const std::int64_t extra = std::max<std::int64_t>(given_ - wanted, 0);
    out.resize(out.size() - static_cast<std::size_t>(extra) * channels_);
    given_ = wanted;
}

}  // namespace aircheck::media
