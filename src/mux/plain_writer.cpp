#include "mux/plain_writer.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::mux {
namespace {

constexpr std::size_t kMaxSampleBytes = 65'000;

}  // namespace

PlainWriter::PlainWriter(media::StreamFormat format, Tags tags)
    : format_(std::move(format)), tags_(std::move(tags)) {}

void PlainWriter::add(media::EncodedSample sample) {
    if (sample.data.empty() || sample.data.size() > kMaxSampleBytes ||
        (started_ && sample.pts <= last_pts_)) {
        ++dropped_;
        return;
    }
    started_ = true;
    last_pts_ = sample.pts;
    note(sample);
    total_samples_ += sample.duration;
    body_bytes_ += sample.data.size();
    waiting_.insert(waiting_.end(), sample.data.begin(), sample.data.end());
}

void PlainWriter::flush(Bytes& out) {
    out.insert(out.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
}

Finished PlainWriter::finish() {
    Finished finished;
    flush(finished.tail);
    finished.head_replacement = head(State::Finished);
    return finished;
}

std::int64_t PlainWriter::duration_samples() const {
    return std::max<std::int64_t>(
        0, total_samples_ - static_cast<std::int64_t>(format_.priming_samples)
    );
}

Nanoseconds PlainWriter::duration() const {
    return samples_to_time(duration_samples(), format_.sample_rate_hz);
}

}  // namespace aircheck::mux
