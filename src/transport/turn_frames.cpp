#include "transport/turn_frames.hpp"

#include "transport/stun.hpp"

#include <algorithm>

namespace aircheck::transport {
namespace {

constexpr std::size_t kStunHeader = 20;

}  // namespace

void TurnFrames::append(BytesView bytes) {
    if (is_broken_) return;
    const std::size_t skipped = std::min(to_skip_, bytes.size());
    to_skip_ -= skipped;
    compact();
    buffer_.insert(
        buffer_.end(), bytes.begin() + static_cast<std::ptrdiff_t>(skipped), bytes.end()
    );
}

void TurnFrames::compact() {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
}

std::optional<BytesView> TurnFrames::next() {
    while (!is_broken_) {
        const auto rest = BytesView(buffer_).subspan(taken_);
        if (rest.size() < kChannelHeader) return {};
        const std::size_t length = std::size_t{rest[2]} << 8 | rest[3];
        const bool is_channel = rest[0] >= (kFirstChannel >> 8) && rest[0] <= (kLastChannel >> 8);
        if (!is_channel && (rest[0] >= 4 || length % 4 != 0)) {
            is_broken_ = true;
            return {};
        }
        const std::size_t size = length + (is_channel ? kChannelHeader : kStunHeader);
        const std::size_t padded = (size + 3) & ~std::size_t{3};
        if (size > stun::kMaxMessage + kChannelHeader) {
            ++passed_over_;
            const std::size_t here = std::min(padded, rest.size());
            taken_ += here;
            to_skip_ = padded - here;
            continue;
        }
        if (rest.size() < padded) return {};
        if (!is_channel && !stun::looks_like_stun(rest.first(size))) {
            is_broken_ = true;
            return {};
        }
        taken_ += padded;
        return rest.first(size);
    }
    return {};
}

}  // namespace aircheck::transport
