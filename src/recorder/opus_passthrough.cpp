#include "recorder/opus_passthrough.hpp"

#include "media/opus_packet.hpp"
#include "media/timeline.hpp"
#include "rtp/packet.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace aircheck::recorder {
namespace {

/// RTP time that is further from arrival than this, and a thousandth of the hole, is another
/// stream's: no network holds packets back so long, no clock drifts so fast.
constexpr std::int64_t kMaxContradiction = 3 * media::kTimelineRate;
constexpr std::int64_t kDriftPart = 1000;

}  // namespace

OpusPassthrough::OpusPassthrough(Nanoseconds jitter_wait) {
    limits_.max_wait = std::chrono::duration_cast<std::chrono::milliseconds>(jitter_wait);
    // As TrackInput: a second holds 50 packets of 20 ms, 400 of 2.5 ms.
    limits_.max_packets = static_cast<std::size_t>(512 + jitter_wait / 2ms);
    jitter_ = rtp::JitterBuffer(limits_);
}

bool OpusPassthrough::is_kept(journal::TrackIndex track) const {
    return track_ && track_->track == track;
}

void OpusPassthrough::start(const journal::TrackStart& start, Instant at) {
    const bool is_clear = start.encryption == journal::Encryption::None;
    if (start.kind != journal::TrackKind::Audio || !is_clear) return;
    if (track_) {
        const bool is_same = start.track_sid == track_->track_sid &&
                             start.participant_identity == track_->participant_identity;
        const bool is_over = ended_at_ && at - *ended_at_ > limits_.max_wait;
        if (!is_same || is_over) return;
        ended_at_.reset();
    }
    if (track_ && start.ssrc != track_->ssrc) {
        while (auto frame = jitter_.flush()) left_over_.push_back(*std::move(frame));
        lost_before_ += jitter_.counters().lost;
        late_before_ += jitter_.counters().late;
        jitter_ = rtp::JitterBuffer(limits_);
        new_ssrc_ = true;
    }
    track_ = start;
    payload_type_ = 111;  // LiveKit's, for journals without a rtpmap.
    for (const journal::PayloadFormat& format : start.formats) {
        if (format.mime != "audio/opus") continue;
        payload_type_ = format.payload_type;
        break;
    }
}

void OpusPassthrough::end(journal::TrackIndex track, Instant at) {
    if (is_kept(track)) ended_at_ = at;
}

bool OpusPassthrough::take(journal::TrackIndex track, BytesView datagram, Instant arrival) {
    if (!is_kept(track)) return false;
    if (ended_at_ && arrival - *ended_at_ > limits_.max_wait) return false;
    const auto packet = rtp::PacketView::parse(datagram);
    if (!packet || packet->ssrc != track_->ssrc || packet->payload_type != payload_type_) {
        return false;
    }
    jitter_.insert(*packet, arrival);
    return !packet->payload.empty();
}

std::optional<rtp::EncodedFrame> OpusPassthrough::pop(std::optional<Instant> now) {
    if (!left_over_.empty()) {
        auto frame = std::move(left_over_.front());
        left_over_.pop_front();
        return frame;
    }
    auto frame = now ? jitter_.pop(*now) : jitter_.flush();
    if (frame && std::exchange(new_ssrc_, false)) frame->restarted = true;
    return frame;
}

bool OpusPassthrough::advance(std::optional<Instant> now, media::EncodedSample& sample) {
    while (!stream_.next(sample)) {
        auto frame = pop(now);
        if (!frame) return false;
        place(*std::move(frame));
    }
    return true;
}

bool OpusPassthrough::next(Instant now, media::EncodedSample& sample) {
    return advance(now, sample);
}

bool OpusPassthrough::flush(Instant end, media::EncodedSample& sample) {
    if (advance(std::nullopt, sample)) return true;
    if (!format_) return false;
    return stream_.fill(position_at(ended_at_ ? std::min(end, *ended_at_) : end), sample);
}

std::int64_t OpusPassthrough::position_at(Instant arrival) const {
    return last_position_ + media::to_position(arrival, last_arrival_);
}

std::int64_t OpusPassthrough::position_of(const rtp::EncodedFrame& frame) const {
    const std::int64_t step = frame.rtp_timestamp - last_timestamp_;
    const std::int64_t by_arrival = position_at(frame.arrival);
    const std::int64_t by_rtp = last_position_ + step;
    const bool contradicts = std::abs(by_rtp - by_arrival) >
                             kMaxContradiction + std::abs(by_arrival - last_position_) / kDriftPart;
    if (!frame.restarted && !contradicts) return by_rtp;
    return std::max(by_arrival, stream_.written());
}

void OpusPassthrough::place(rtp::EncodedFrame frame) {
    if (media::opus_packet_samples(frame.payload) == 0) {
        ++bad_;
        return;
    }
    if (!format_) {
        format_ = opus_format(*track_, frame.payload);
        first_arrival_ = last_arrival_ = frame.arrival;
        last_timestamp_ = frame.rtp_timestamp;
    }
    const std::int64_t position = position_of(frame);
    if (!stream_.place(std::move(frame.payload), position)) return;
    last_position_ = position;
    last_timestamp_ = frame.rtp_timestamp;
    last_arrival_ = frame.arrival;
}

OpusPassthrough::Counters OpusPassthrough::counters() const {
    return {stream_.counters().filled_samples, bad_, stream_.counters().late};
}

std::uint64_t OpusPassthrough::late() const {
    return late_before_ + jitter_.counters().late + stream_.counters().late;
}

}  // namespace aircheck::recorder
