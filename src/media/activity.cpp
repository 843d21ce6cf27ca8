#include "media/activity.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aircheck::media {
namespace {

constexpr std::int64_t kPiece = 960;
constexpr std::int64_t kJoin = 14400;           // 300 ms
constexpr double kThreshold = 1e-5;             // mean square: -50 dBFS
constexpr std::size_t kMaxIntervals = 1 << 16;  // hours of talk; beyond it the last one grows

double energy_of(std::span<const float> samples) {
    std::array<float, 8> sums{};
    std::size_t i = 0;
    for (; i + sums.size() <= samples.size(); i += sums.size()) {
        for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += samples[i + k] * samples[i + k];
    }
    double total = 0;
    for (; i < samples.size(); ++i) total += double{samples[i]} * double{samples[i]};
    for (const float sum : sums) total += double{sum};
    return total;
}

}  // namespace

std::uint64_t Activity::note(std::int64_t from, std::span<const float> samples) {
    std::uint64_t audible = 0;
    std::int64_t at = from;
    while (!samples.empty()) {
        const std::int64_t piece = at / kPiece - (at % kPiece < 0 ? 1 : 0);
        if (piece != piece_) {
            audible += close_piece();
            piece_ = piece;
        }
        const auto left = static_cast<std::size_t>((piece + 1) * kPiece - at);
        const std::size_t count = std::min(left, samples.size() / channels_);
        energy_ += energy_of(samples.first(count * channels_));
        samples = samples.subspan(count * channels_);
        at += static_cast<std::int64_t>(count);
        if (at == (piece + 1) * kPiece) audible += close_piece();
    }
    return audible;
}

std::uint64_t Activity::close_piece() {
    const double energy = std::exchange(energy_, 0);
    if (energy <= kThreshold * static_cast<double>(kPiece) * static_cast<double>(channels_)) {
        return 0;
    }
    const Interval piece{.start = piece_ * kPiece, .end = (piece_ + 1) * kPiece};
    const bool joins = !intervals_.empty() && (piece.start - intervals_.back().end < kJoin ||
                                               intervals_.size() >= kMaxIntervals);
    if (joins)
        intervals_.back().end = piece.end;
    else
        intervals_.push_back(piece);
    return static_cast<std::uint64_t>(kPiece);
}

std::vector<Interval> Activity::take() { return std::exchange(intervals_, {}); }

}  // namespace aircheck::media
