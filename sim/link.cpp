#include "sim/link.hpp"

#include <algorithm>

namespace aircheck::sim {
namespace {

constexpr std::size_t kMaxWaiting = 10'000;

Nanoseconds part_of(Nanoseconds whole, double part) {
    return Nanoseconds(static_cast<std::int64_t>(static_cast<double>(whole.count()) * part));
}

}  // namespace

Link::Link(const LinkQuality& quality, std::uint64_t extra_seed)
    : quality_(quality), random_(quality.seed * 1'000'003 + extra_seed) {}

void Link::push(Kind kind, BytesView packet, Instant now, Output& output) {
    const bool perfect = quality_.loss <= 0 && quality_.duplicate <= 0 && quality_.reorder <= 0 &&
                         quality_.delay <= 0ns && quality_.jitter <= 0ns;
    if (perfect) {
        output.deliver(kind, packet);
        return;
    }
    // Every packet throws the same dice, so that one setting does not shift the luck of another.
    const double loss = dice(), duplicate = dice(), reorder = dice(), jitter = dice();
    if (loss < quality_.loss || waiting_.size() >= kMaxWaiting) {
        ++lost_;
        return;
    }
    auto due = now + quality_.delay + part_of(quality_.jitter, jitter);
    if (reorder < quality_.reorder) {
        due += 25ms + part_of(35ms, jitter);
    } else {
        due = last_due_ = std::max(due, last_due_);
    }
    const int copies = duplicate < quality_.duplicate ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        waiting_.emplace(due + i * 3ms, Waiting{kind, Bytes(packet.begin(), packet.end())});
    }
    run(now, output);
}

void Link::run(Instant now, Output& output) {
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
        const auto next = std::move(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
        output.deliver(next.kind, next.packet);
    }
}

}  // namespace aircheck::sim
