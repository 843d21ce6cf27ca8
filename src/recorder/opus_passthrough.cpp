#include "recorder/opus_passthrough.hpp"

#include "media/opus_packet.hpp"
#include "media/timeline.hpp"
#include "mux/opus_head.hpp"
#include "rtp/packet.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <utility>

namespace aircheck::recorder {
namespace {

/// RTP time that is further from arrival than this, and a thousandth of the hole, is another
/// stream's: no network holds packets back so long, no clock drifts so fast.
constexpr std::int64_t kMaxContradiction = 3 * media::kTimelineRate;
constexpr std::int64_t kDriftPart = 1000;
constexpr std::uint8_t kStereo = 0x04;  // RFC 6716 §3.1

/// A table of contents and how long its frame of no bytes lasts.
struct Silence {
    std::uint8_t toc = 0;
    std::int64_t samples = 0;
};

/// The longest silence of at most `room` samples in the mode and bandwidth of `toc` (RFC 6716 table
/// 2), that of `toc` itself before all others; none when even the shortest is too long.
std::optional<Silence> silence_within(std::uint8_t toc, std::int64_t room) {
    static constexpr std::array<std::int64_t, 4> kSilk{480, 960, 1920, 2880};
    static constexpr std::array<std::int64_t, 2> kHybrid{480, 960};
    static constexpr std::array<std::int64_t, 4> kCelt{120, 240, 480, 960};
    const auto config = static_cast<std::uint8_t>(toc >> 3);
    std::span<const std::int64_t> sizes = kSilk;
    if (config >= 16) {
        sizes = kCelt;
    } else if (config >= 12) {
        sizes = kHybrid;
    }
    const std::size_t own = config % sizes.size();
    const std::size_t first_of_band = config - own;
    for (std::size_t i = own + 1; i-- > 0;) {
        if (sizes[i] > room) continue;
        // The code is 0, one frame, whatever the packet before had.
        const auto found = static_cast<std::uint8_t>((first_of_band + i) << 3 | (toc & kStereo));
        return Silence{found, sizes[i]};
    }
    return std::nullopt;
}

media::StreamFormat format_of(bool stereo) {
    mux::OpusHead head;
    head.channels = stereo ? 2 : 1;
    media::StreamFormat format;
    format.codec = media::Codec::Opus;
    format.channels = head.channels;
    format.codec_config = mux::write_opus_head(head);
    return format;
}

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
    while (!write(sample)) {
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
    return fill(position_at(ended_at_ ? std::min(end, *ended_at_) : end), sample);
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
    return std::max(by_arrival, written_);
}

void OpusPassthrough::place(rtp::EncodedFrame frame) {
    const auto samples = static_cast<std::int64_t>(media::opus_packet_samples(frame.payload));
    if (samples == 0) {
        ++counters_.bad;
        return;
    }
    if (!format_) {
        format_ = format_of(track_->stereo || (frame.payload[0] & kStereo) != 0);
        first_arrival_ = last_arrival_ = frame.arrival;
        last_timestamp_ = frame.rtp_timestamp;
    }
    const std::int64_t position = position_of(frame);
    if (position + samples <= written_) {
        ++counters_.late;
        return;
    }
    last_position_ = position;
    last_timestamp_ = frame.rtp_timestamp;
    last_arrival_ = frame.arrival;
    held_ = Placed{std::move(frame), position, static_cast<std::uint32_t>(samples)};
}

bool OpusPassthrough::write(media::EncodedSample& sample) {
    if (!held_) return false;
    if (fill(held_->position, sample)) return true;
    // What is too short to fill, or overlaps by less than a packet, is left to the next hole.
    sample.pts = written_;
    sample.duration = held_->samples;
    sample.data = std::move(held_->frame.payload);
    toc_ = sample.data[0];
    written_ += sample.duration;
    held_.reset();
    return true;
}

bool OpusPassthrough::fill(std::int64_t until, media::EncodedSample& sample) {
    const auto silence = silence_within(toc_, until - written_);
    if (!silence) return false;
    sample.pts = written_;
    sample.duration = static_cast<std::uint32_t>(silence->samples);
    sample.data.assign(1, silence->toc);
    written_ += silence->samples;
    counters_.filled_samples += static_cast<std::uint64_t>(silence->samples);
    return true;
}

std::uint64_t OpusPassthrough::late() const {
    return late_before_ + jitter_.counters().late + counters_.late;
}

}  // namespace aircheck::recorder
