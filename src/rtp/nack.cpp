#include "rtp/nack.hpp"

#include <algorithm>

namespace aircheck::rtp {

NackGenerator::NackGenerator(Limits limits) : limits_(limits) {
    missing_.reserve(limits_.max_missing);
}

void NackGenerator::on_packet(SequenceNumber number, Instant arrival) {
    const std::int64_t unwrapped = unwrapper_.peek(number);
    if (highest_ && unwrapped <= *highest_) {
        if (*highest_ - unwrapped > kMaxMisorder) {
            counters_.abandoned += missing_.size();
            missing_.clear();
            highest_ = unwrapper_.unwrap(number);
            return;
        }
        arrived(unwrapped);
        return;
    }
    if (highest_) add_gap(*highest_ + 1, unwrapped, arrival);
    highest_ = unwrapper_.unwrap(number);
}

/// Puts [first, last) on the list.
void NackGenerator::add_gap(std::int64_t first, std::int64_t last, Instant arrival) {
    if (first == last) return;
    const auto width = static_cast<std::size_t>(last - first);
    if (width > limits_.max_missing) {
        counters_.abandoned += missing_.size();
        missing_.clear();
        return;
    }
    if (missing_.size() + width > limits_.max_missing) {
        const std::size_t excess = missing_.size() + width - limits_.max_missing;
        counters_.abandoned += excess;
        missing_.erase(missing_.begin(), missing_.begin() + static_cast<std::ptrdiff_t>(excess));
    }
    counters_.missing += width;
    for (std::int64_t number = first; number < last; ++number) {
        missing_.push_back({number, arrival + limits_.first_after, 0});
    }
}

void NackGenerator::arrived(std::int64_t number) {
    const auto at = std::ranges::lower_bound(missing_, number, {}, &Missing::number);
    if (at == missing_.end() || at->number != number) return;
    if (at->tries > 0)
        ++counters_.recovered;
    else
        ++counters_.reordered;
    missing_.erase(at);
}

void NackGenerator::collect(Instant now, std::vector<SequenceNumber>& out) {
    const auto ask = [&](Missing& missing) {
        if (missing.due > now) return false;
        if (missing.tries >= limits_.max_tries) {
            ++counters_.abandoned;
            return true;
        }
        ++missing.tries;
        ++counters_.requests;
        missing.due = now + limits_.retry_after;
        out.emplace_back(static_cast<std::uint16_t>(missing.number));
        return false;
    };
    // Not erase_if: a predicate that changes its argument is not allowed there.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < missing_.size(); ++i) {
        if (!ask(missing_[i])) missing_[kept++] = missing_[i];
    }
    missing_.resize(kept);
}

}  // namespace aircheck::rtp
