#include "media/limiter.hpp"

#include <algorithm>
#include <cmath>

namespace aircheck::media {
namespace {

// Of the way back to what is allowed, a sample: 100 ms time constant at 48 kHz.
constexpr double kRecovery = 1.0 / 4800;
// As good as unity: what is left (-80 dB) is spread over the look-ahead.
constexpr double kNearUnity = 0.9999;

}  // namespace

Limiter::Limiter(std::uint16_t channels) : channels_(channels) { reset(); }

void Limiter::reset() {
    line_.assign(kLookAhead * channels_, 0.0F);
    valleys_.clear();
    gains_.fill(1);
    gain_at_ = 0;
    gain_sum_ = kLookAhead;
    recovering_ = 1;
    unity_run_ = kLookAhead;
    index_ = 0;
}

bool Limiter::is_idle() const { return unity_run_ >= kLookAhead && valleys_.empty(); }

void Limiter::process(std::span<const float> input, std::span<float> output) {
    const std::size_t past = kLookAhead * channels_;
    line_.insert(line_.end(), input.begin(), input.end());
    const bool loud = std::any_of(input.begin(), input.end(), [](float sample) {
        return std::abs(sample) > kCeiling;
    });
    if (!loud && is_idle()) {
        std::copy_n(line_.begin(), output.size(), output.begin());
    } else {
        for (std::size_t i = 0; i < output.size(); i += channels_) {
            float peak = 0;
            for (std::size_t c = 0; c < channels_; ++c) {
                peak = std::max(peak, std::abs(line_[past + i + c]));
            }
            const float gain = next_gain(peak);
            for (std::size_t c = 0; c < channels_; ++c) {
                const float sample = line_[i + c];
                // Rounding may leave a last bit above the ceiling.
                output[i + c] = gain == 1 ? sample : std::clamp(sample * gain, -kCeiling, kCeiling);
            }
        }
    }
    line_.erase(line_.begin(), line_.begin() + static_cast<std::ptrdiff_t>(input.size()));
}

float Limiter::lowest_ahead(float needed) {
    while (!valleys_.empty() && valleys_.back().gain >= needed) valleys_.pop_back();
    if (needed < 1) valleys_.push_back({index_, needed});
    constexpr auto kReach = static_cast<std::int64_t>(kLookAhead);
    while (!valleys_.empty() && valleys_.front().index + kReach < index_) valleys_.pop_front();
    ++index_;
    return valleys_.empty() ? 1 : valleys_.front().gain;
}

// The mean over the look-ahead of gains none of which exceeds what the sample leaving it needs: it
// reaches the needed gain in time and has no edges.
float Limiter::next_gain(float peak) {
    const double allowed = double{lowest_ahead(peak > kCeiling ? kCeiling / peak : 1)};
    recovering_ = std::min(allowed, recovering_ + (allowed - recovering_) * kRecovery);
    if (allowed == 1 && recovering_ > kNearUnity) recovering_ = 1;

    const auto newest = static_cast<float>(recovering_);
    gain_sum_ += double{newest} - double{gains_[gain_at_]};
    gains_[gain_at_] = newest;
    gain_at_ = (gain_at_ + 1) % kLookAhead;
    unity_run_ = newest == 1 ? unity_run_ + 1 : 0;
    if (unity_run_ >= kLookAhead) {
        gain_sum_ = kLookAhead;  // sheds what rounding has added up
        return 1;
    }
    return static_cast<float>(gain_sum_ / kLookAhead);
}

}  // namespace aircheck::media
