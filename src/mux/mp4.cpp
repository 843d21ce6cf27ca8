#include "mux/mp4.hpp"

#include "mux/mp4_boxes.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aircheck::mux {
namespace {

constexpr std::size_t kMaxSampleBytes = 65'000;

std::uint32_t clamp_duration(std::int64_t samples) {
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(samples, 0, std::numeric_limits<std::uint32_t>::max())
    );
}

}  // namespace

Mp4Writer::Mp4Writer(media::StreamFormat format, Tags tags)
    : format_(std::move(format)), tags_(std::move(tags)) {}

Bytes Mp4Writer::header() { return growing_head(format_, tags_); }

void Mp4Writer::add(media::EncodedSample sample) {
    if (sample.data.empty() || sample.data.size() > kMaxSampleBytes ||
        (started_ && sample.pts <= last_pts_)) {
        ++dropped_;
        return;
    }
    if (started_) close_last(sample.pts);
    if (waiting_.empty()) fragment_pts_ = sample.pts;
    waiting_.push_back({static_cast<std::uint32_t>(sample.data.size()), sample.duration});
    payload_.insert(payload_.end(), sample.data.begin(), sample.data.end());
    last_ = waiting_.back();
    last_pts_ = sample.pts;
    started_ = true;
}

/// The newest sample lasts until the next one: only now its duration is certain.
void Mp4Writer::close_last(std::int64_t next_pts) {
    const std::uint32_t duration = clamp_duration(next_pts - last_pts_);
    tables_.add_sample(last_.size_bytes, duration);
    if (!waiting_.empty()) waiting_.back().duration = duration;
}

void Mp4Writer::flush(Bytes& out) {
    if (!waiting_.empty()) write_fragment(out);
}

void Mp4Writer::write_fragment(Bytes& out) {
    const auto decode_time = std::max<std::int64_t>(
        0, fragment_pts_ + static_cast<std::int64_t>(format_.priming_samples)
    );
    const Bytes head =
        fragment_head(++fragments_, static_cast<std::uint64_t>(decode_time), waiting_);
    tables_.add_chunk(body_bytes_ + head.size(), static_cast<std::uint32_t>(waiting_.size()));
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), payload_.begin(), payload_.end());
    body_bytes_ += head.size() + payload_.size();
    waiting_.clear();
    payload_.clear();
}

Finished Mp4Writer::finish() {
    Finished finished;
    if (started_) close_last(last_pts_ + last_.duration);
    flush(finished.tail);
    finished.head_replacement =
        finished_head(format_, tags_, {tables_, duration_samples(), body_bytes_});
    return finished;
}

std::int64_t Mp4Writer::duration_samples() const {
    return started_ ? std::max<std::int64_t>(0, last_pts_ + last_.duration) : 0;
}

Nanoseconds Mp4Writer::duration() const {
    return samples_to_time(duration_samples(), format_.sample_rate_hz);
}

}  // namespace aircheck::mux
