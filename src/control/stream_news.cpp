#include "control/stream_news.hpp"

#include <utility>

namespace aircheck::control {
namespace {

constexpr Nanoseconds kBetweenRetries = std::chrono::minutes(1);  // egress-survey 1.8

}  // namespace

bool StreamNews::is_to_be_told(const std::vector<records::StoredStream>& streams, Instant now) {
    std::vector<records::StoredStream::State> states;
    std::uint64_t retries = 0;
    for (const records::StoredStream& stream : streams) {
        states.push_back(stream.state);
        retries += stream.retries;
    }
    const bool is_changed = states != told_;
    const bool is_retry = retries != told_retries_ &&
                          (!retries_told_at_ || now - *retries_told_at_ >= kBetweenRetries);
    if (!is_changed && !is_retry) return false;
    told_ = std::move(states);
    if (std::exchange(told_retries_, retries) != retries) retries_told_at_ = now;
    return true;
}

}  // namespace aircheck::control
