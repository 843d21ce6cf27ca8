#include "mux/muxer.hpp"
#include "mux/ts.hpp"

#include <utility>

namespace aircheck::mux {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

/// The first sample at or after `time`.
std::int64_t first_sample_at(Nanoseconds time, std::uint32_t rate_hz) {
    const std::int64_t seconds = time.count() / kNanoseconds;
    const std::int64_t rest = time.count() % kNanoseconds;
    return seconds * rate_hz + (rest * rate_hz + kNanoseconds - 1) / kNanoseconds;
}

}  // namespace

TsSegmenter::TsSegmenter(TsWriter writer, const Settings& settings)
    : writer_(std::move(writer)), settings_(settings) {}

Result<TsSegmenter> TsSegmenter::create(
    const media::StreamFormat& format, const Settings& settings
) {
    AC_TRY(TsWriter writer, TsWriter::create(format));
    if (settings.segment_duration < 1s) {
        return fail(Errc::InvalidArgument, "segment_duration must be 1 s or more");
    }
    return TsSegmenter(std::move(writer), settings);
}

void TsSegmenter::add(const media::EncodedSample& sample, std::vector<TsSegment>& out) {
    if (!writer_.drops(sample)) {
        if (is_open_ && sample.pts >= cut_pts_) close(sample.pts, out);
        if (!is_open_) open(sample.pts);
        end_pts_ = sample.pts + sample.duration;
    }
    writer_.add(sample, segment_.bytes);
}

void TsSegmenter::finish(std::vector<TsSegment>& out) {
    if (is_open_) close(end_pts_, out);
}

void TsSegmenter::open(std::int64_t pts) {
    const std::uint32_t rate_hz = writer_.format().sample_rate_hz;
    const Nanoseconds time = samples_to_time(pts, rate_hz);
    segment_ = {};
    segment_.index = next_index_++;
    segment_.start_pts = pts;
    segment_.start = settings_.start + time;
    is_open_ = true;
    writer_.write_tables(segment_.bytes);
    const auto multiple = time / settings_.segment_duration + 1;
    cut_pts_ = first_sample_at(multiple * settings_.segment_duration, rate_hz);
}

void TsSegmenter::close(std::int64_t end_pts, std::vector<TsSegment>& out) {
    const std::uint32_t rate_hz = writer_.format().sample_rate_hz;
    writer_.flush(segment_.bytes);
    segment_.duration_samples = end_pts - segment_.start_pts;
    // By the difference of times: what the next one says of its start, this one says of its end.
    segment_.duration =
        samples_to_time(end_pts, rate_hz) - samples_to_time(segment_.start_pts, rate_hz);
    out.push_back(std::move(segment_));
    is_open_ = false;
}

}  // namespace aircheck::mux
