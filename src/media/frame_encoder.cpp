#include "media/frame_encoder.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aircheck::media {

FrameEncoder::FrameEncoder(StreamFormat format, std::size_t frame_samples, LastFrame last_frame)
    : format_(std::move(format)),
      frame_samples_(frame_samples),
      last_frame_(last_frame),
      converter_(format_.sample_rate_hz, format_.channels),
      next_pts_(-static_cast<std::int64_t>(format_.priming_samples)),
      end_pts_(std::numeric_limits<std::int64_t>::max() / 2) {}

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
    if (!packet.empty()) give(std::move(packet), {}, out);
    return {};
}

void FrameEncoder::give(Bytes packet, Bytes final_config, std::vector<EncodedSample>& out) {
    const std::int64_t duration =
        std::min(static_cast<std::int64_t>(frame_samples_), end_pts_ - next_pts_);
    out.push_back(
        {.pts = next_pts_,
         .duration = static_cast<std::uint32_t>(duration),
         .data = std::move(packet),
         .final_config = std::move(final_config)}
    );
    next_pts_ += duration;
}

Result<> FrameEncoder::finish(std::vector<EncodedSample>& out) {
    converter_.finish(pending_);
    AC_CHECK_OK(encode_pending(out));
    end_pts_ = taken_ + static_cast<std::int64_t>(pending_.size() / format_.channels);
    if (end_pts_ == 0) return {};
    if (last_frame_ == LastFrame::Padded) return pad(out);
    if (!pending_.empty()) AC_CHECK_OK(encode_one(pending_, out));
    pending_.clear();
    AC_TRY(Rest rest, encode_rest());
    if (!rest.packet.empty()) give(std::move(rest.packet), std::move(rest.final_config), out);
    return {};
}

Result<> FrameEncoder::pad(std::vector<EncodedSample>& out) {
    pending_.resize(frame_samples_ * format_.channels, 0.0F);
    while (next_pts_ < end_pts_) {
        AC_CHECK_OK(encode_one(pending_, out));
        std::fill(pending_.begin(), pending_.end(), 0.0F);
    }
    pending_.clear();
    return {};
}

}  // namespace aircheck::media
