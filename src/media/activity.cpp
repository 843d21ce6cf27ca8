#include "media/activity.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aircheck::media {
namespace {

constexpr std::int64_t kPiece = 960;
constexpr double kThreshold = 1e-5;  // mean square: -50 dBFS

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
    const double least = kThreshold * static_cast<double>(kPiece) * static_cast<double>(channels_);
    return energy > least ? static_cast<std::uint64_t>(kPiece) : 0;
}

}  // namespace aircheck::media
