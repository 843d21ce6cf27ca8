#include "media/frame_encoder.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::media {

FrameEncoder::FrameEncoder(StreamFormat format, std::size_t frame_samples)
    : format_(std::move(format)),
      frame_samples_(frame_samples),
      converter_(format_.sample_rate_hz, format_.channels),
      next_pts_(-static_cast<std::int64_t>(format_.priming_samples)) {}

Result<> FrameEncoder::encode(std::span<const float> interleaved, std::vector<EncodedSample>& out) {
    converter_.convert(interleaved, pending_);
    return encode_pending(out);
}

Result<> FrameEncoder::encode_pending(std::vector<EncodedSample>& out) {
    const std::size_t size = frame_samples_ * format_.channels;
    std::size_t used = 0;
    for (; used + size <= pending_.size(); used += size) {
        taken_ += static_cast<std::int64_t>(frame_samples_);
        AC_CHECK_OK(encode_one(std::span(pending_).subspan(used, size), out));
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(used));
    return {};
}

Result<> FrameEncoder::encode_one(std::span<const float> frame, std::vector<EncodedSample>& out) {
    AC_TRY(Bytes packet, encode_frame(frame));
    if (packet.empty()) return {};
    out.push_back(
        {.pts = next_pts_,
         .duration = static_cast<std::uint32_t>(frame_samples_),
         .data = std::move(packet)}
    );
    next_pts_ += static_cast<std::int64_t>(frame_samples_);
    return {};
}

Result<> FrameEncoder::finish(std::vector<EncodedSample>& out) {
    converter_.finish(pending_);
    AC_CHECK_OK(encode_pending(out));
    const std::int64_t total =
        taken_ + static_cast<std::int64_t>(pending_.size() / format_.channels);
    if (total == 0) return {};
    // Silence pushes out what the codec holds back; the last duration says where the sound ends.
    pending_.resize(frame_samples_ * format_.channels, 0.0F);
    while (next_pts_ < total) {
        AC_CHECK_OK(encode_one(pending_, out));
        std::fill(pending_.begin(), pending_.end(), 0.0F);
    }
    if (!out.empty()) {
        out.back().duration -= static_cast<std::uint32_t>(next_pts_ - total);
    }
    pending_.clear();
    next_pts_ = total;
    return {};
}

}  // namespace aircheck::media
