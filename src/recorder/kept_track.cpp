#include "recorder/kept_track.hpp"

#include "media/opus_packet.hpp"
#include "recorder/pipeline_time.hpp"
#include "signal/room.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace aircheck::recorder {
namespace {

/// As the mix's renderer: the oldest goes first.
constexpr std::size_t kMaxWaiting = 4096;
/// The shortest frame that all of Opus's modes have: what is filled by it leaves no rest.
constexpr std::int64_t kGrid = 480;
/// Sound that lies too early by more than this is held back, in the middle of a word if need be.
constexpr std::int64_t kMaxError = 2880;
/// A page of OGG each two seconds: what is not there yet after a crash is in the journal.
constexpr std::int64_t kPage = 2 * media::kTimelineRate;

}  // namespace

KeptTrack::KeptTrack(
    std::size_t number, journal::TrackStart start, mux::Tags tags, WallTime wall_start
)
    : number_(number), start_(std::move(start)), tags_(std::move(tags)), wall_start_(wall_start) {}

void KeptTrack::push(rtp::EncodedFrame frame, media::TrackCodec codec, std::uint32_t segment) {
    if (is_over_ || encoder_) return;
    if (codec != media::TrackCodec::Opus) {
        if (has_begun_ || !waiting_.empty()) return;  // Its Opus is kept; the mix has the rest.
        encoder_.emplace();
    }
    if (waiting_.size() == kMaxWaiting) waiting_.pop_front();
    waiting_.push_back({std::move(frame), segment});
}

void KeptTrack::hear(std::int64_t from, std::span<const float> samples, std::uint16_t channels) {
    if (encoder_ && !is_over_) encoder_->hear(from, samples, channels);
}

Result<> KeptTrack::write(const media::Timeline& timeline, std::int64_t zero, std::int64_t until) {
    if (encoder_) return encode(timeline, zero);
    while (!waiting_.empty()) {
        const Waiting& front = waiting_.front();
        if (timeline.has_mapping(front.segment)) {
            const auto line = timeline.mapping(front.segment);
            const double position = std::ceil(line.to_position(front.frame.rtp_timestamp));
            const auto start = static_cast<std::int64_t>(position);
            if (start >= until) return {};
            AC_CHECK_OK(place(std::move(waiting_.front()), start, zero));
        }
        waiting_.pop_front();
    }
    return {};
}

Result<> KeptTrack::begin_file(
    std::int64_t first, std::int64_t zero, const media::StreamFormat& format
) {
    first_ = first;
    offset_ = first - zero;
    tags_.created = wall_start_ + time_of(first);
    AC_TRY(muxer_, mux::make_muxer(mux::Container::Ogg, format, tags_));
    out_ = muxer_->header();
    has_begun_ = true;
    return {};
}

void KeptTrack::flush_if_due() {
    if (written() - flushed_ < kPage) return;
    flushed_ = written();
    muxer_->flush(out_);
}

/// The file begins where its first frame does, in the midst of what was heard with it.
Result<> KeptTrack::encode(const media::Timeline& timeline, std::int64_t zero) {
    const auto from = encoder_->next_position();
    if (!from) return {};
    if (!has_begun_) {
        std::int64_t first = std::max(*from, zero);
        const Waiting& front = waiting_.front();
        if (timeline.has_mapping(front.segment)) {
            const auto line = timeline.mapping(front.segment);
            const double position = std::ceil(line.to_position(front.frame.rtp_timestamp));
            first = std::max(first, static_cast<std::int64_t>(position));
        }
        waiting_.clear();
        AC_TRY(const auto format, encoder_->open());
        AC_CHECK_OK(begin_file(first, zero, format));
    }
    std::vector<media::EncodedSample> samples;
    AC_CHECK_OK(encoder_->encode(first_, samples));
    for (auto& sample : samples) muxer_->add(std::move(sample));
    flush_if_due();
    return {};
}

Result<> KeptTrack::place(Waiting next, std::int64_t start, std::int64_t zero) {
    const auto samples = static_cast<std::int64_t>(media::opus_packet_samples(next.frame.payload));
    if (samples == 0 || start < zero) return {};  // No Opus, or before the mix.
    if (!has_begun_) {
        AC_CHECK_OK(begin_file(start, zero, opus_format(start_, next.frame.payload)));
    }
    const std::int64_t position = position_of(next, start - first_);
    const std::int64_t rtp_timestamp = next.frame.rtp_timestamp;
    if (!stream_.place(std::move(next.frame.payload), position)) return {};
    last_ = Last{rtp_timestamp, samples, position, next.segment};
    media::EncodedSample sample;
    while (stream_.next(sample)) muxer_->add(std::move(sample));
    flush_if_due();
    return {};
}

std::int64_t KeptTrack::position_of(const Waiting& next, std::int64_t by_timeline) const {
    if (!last_ || next.segment != last_->segment) return by_timeline;
    const std::int64_t step = next.frame.rtp_timestamp - last_->rtp_timestamp;
    const std::int64_t by_rtp = last_->position + step;
    const std::int64_t error = by_timeline - by_rtp;
    // Between two packets there is nothing to leave out.
    if (step == last_->samples && error < kMaxError) return by_rtp;
    return std::max(by_rtp + error / kGrid * kGrid, stream_.written());
}

Result<> KeptTrack::finish(const media::Timeline& timeline, std::int64_t zero) {
    if (is_over_) return {};
    AC_CHECK_OK(write(timeline, zero, std::numeric_limits<std::int64_t>::max()));
    is_over_ = true;
    if (!muxer_) return {};
    if (encoder_) {
        std::vector<media::EncodedSample> samples;
        AC_CHECK_OK(encoder_->finish(samples));
        for (auto& sample : samples) muxer_->add(std::move(sample));
    }
    const mux::Finished closed = muxer_->finish();
    out_.insert(out_.end(), closed.tail.begin(), closed.tail.end());
    muxer_.reset();
    return {};
}

std::optional<TrackPiece> KeptTrack::take() {
    if (!has_begun_ || is_last_given_ || (out_.empty() && !is_over_)) return std::nullopt;
    is_last_given_ = is_over_;
    TrackPiece piece;
    piece.number = number_;
    piece.track_sid = start_.track_sid;
    piece.participant_identity = start_.participant_identity;
    piece.source = signal::to_string(static_cast<signal::TrackSource>(start_.source));
    piece.offset_samples = offset_;
    piece.duration = time_of(written());
    piece.bytes = std::exchange(out_, {});
    piece.is_last = is_over_;
    return piece;
}

}  // namespace aircheck::recorder
