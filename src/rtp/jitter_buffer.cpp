#include "rtp/jitter_buffer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aircheck::rtp {
namespace {

/// So many late packets in sequence, with no newer one between, come from a sender that stepped
/// back by less than kMaxMisorder.
constexpr int kLateRunOfRestart = 25;
/// Payloads kept for reuse: more than wait in a buffer at rest.
constexpr std::size_t kMaxSpare = 64;
constexpr std::size_t kCompactAfter = 64;

}  // namespace

JitterBuffer::JitterBuffer(Limits limits)
    : limits_(limits), floor_(std::numeric_limits<std::int64_t>::min()) {}

JitterBuffer::Inserted JitterBuffer::insert(const PacketView& packet, Instant arrival) {
    ++counters_.received;
    const std::size_t held = size() + (suspect_ ? 1 : 0);
    if (held >= 2 * limits_.max_packets) {
        ++counters_.dropped;
        return Inserted::Dropped;
    }
    if (!started_) {
        started_ = true;
        next_ = unwrapper_.unwrap(packet.sequence_number);
        highest_ = next_;
    }
    const std::int64_t sequence = unwrapper_.peek(packet.sequence_number) + sequence_offset_;
    const std::int64_t distance = sequence - highest_;
    if (distance > kMaxDropout || distance < -kMaxMisorder) return hold_suspect(packet, arrival);

    EncodedFrame frame = make_frame(packet, arrival);
    frame.sequence = sequence;
    if (distance > 0) {
        highest_ = sequence;
        unwrapper_.unwrap(packet.sequence_number);
    }
    frame.retransmitted = distance < 0;
    return place(std::move(frame));
}

EncodedFrame JitterBuffer::make_frame(const PacketView& packet, Instant arrival) {
    EncodedFrame frame;
    frame.rtp_timestamp = packet.timestamp.value();
    frame.payload_type = packet.payload_type;
    frame.marker = packet.marker;
    frame.arrival = arrival;
    if (!spare_.empty() && !packet.payload.empty()) {
        frame.payload = std::move(spare_.back());
        spare_.pop_back();
    }
    frame.payload.assign(packet.payload.begin(), packet.payload.end());
    return frame;
}

JitterBuffer::Inserted JitterBuffer::hold_suspect(const PacketView& packet, Instant arrival) {
    const SequenceNumber number = packet.sequence_number;
    if (suspect_ && suspect_->next == number) {
        restart_with(std::move(suspect_->frame), number.plus(-1));
        suspect_.reset();
        EncodedFrame second = make_frame(packet, arrival);
        second.sequence = unwrapper_.unwrap(number) + sequence_offset_;
        highest_ = second.sequence;
        return place(std::move(second));
    }
    if (suspect_) {
        ++counters_.dropped;
        recycle(std::move(suspect_->frame.payload));
    }
    suspect_ = Suspect{make_frame(packet, arrival), number.plus(1)};
    return Inserted::Suspicious;
}

/// Numbers go on after the highest one, as if nothing had been lost between: nobody can know.
void JitterBuffer::restart_with(EncodedFrame first, SequenceNumber number) {
    ++counters_.restarts;
    unwrapper_ = SequenceUnwrapper{};
    sequence_offset_ = highest_ + 1 - unwrapper_.unwrap(number);
    highest_ += 1;
    floor_ = highest_;
    late_run_ = 0;
    first.sequence = highest_;
    first.restarted = true;
    first.retransmitted = false;
    place(std::move(first));
}

JitterBuffer::Inserted JitterBuffer::place(EncodedFrame frame) {
    if (frame.sequence < floor_ || (frame.sequence < next_ && advanced_)) {
        return reject_late(std::move(frame));
    }
    const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(front_);
    const auto at = std::lower_bound(
        first,
        entries_.end(),
        frame.sequence,
        [](const EncodedFrame& entry, std::int64_t sequence) { return entry.sequence < sequence; }
    );
    if (at != entries_.end() && at->sequence == frame.sequence) {
        ++counters_.duplicate;
        recycle(std::move(frame.payload));
        return Inserted::Duplicate;
    }
    if (frame.retransmitted)
        ++counters_.reordered;
    else
        late_run_ = 0;
    next_ = std::min(next_, frame.sequence);  // only before the first frame was handed out
    const bool is_padding = frame.payload.empty();
    if (is_padding) ++counters_.padding;
    entries_.insert(at, std::move(frame));
    note_front();
    return is_padding ? Inserted::Padding : Inserted::Buffered;
}

JitterBuffer::Inserted JitterBuffer::reject_late(EncodedFrame frame) {
    late_run_ = late_run_ > 0 && frame.sequence == late_run_next_ ? late_run_ + 1 : 1;
    late_run_next_ = frame.sequence + 1;
    if (late_run_ >= kLateRunOfRestart) {
        const auto number = static_cast<std::uint16_t>(frame.sequence - sequence_offset_);
        const bool is_padding = frame.payload.empty();
        restart_with(std::move(frame), SequenceNumber(number));
        return is_padding ? Inserted::Padding : Inserted::Buffered;
    }
    ++counters_.late;
    recycle(std::move(frame.payload));
    return Inserted::Late;
}

/// Keeps `waiting_since_` true to the front: when the first packet behind its gap arrived.
void JitterBuffer::note_front() {
    if (size() == 0 || entries_[front_].sequence == next_) {
        waiting_since_.reset();
    } else if (!waiting_since_) {
        const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(front_);
        const auto by_arrival = [](const EncodedFrame& a, const EncodedFrame& b) {
            return a.arrival < b.arrival;
        };
        waiting_since_ = std::min_element(first, entries_.end(), by_arrival)->arrival;
    }
}

std::optional<Instant> JitterBuffer::deadline() const {
    if (!waiting_since_) return std::nullopt;
    return *waiting_since_ + limits_.max_wait;
}

std::optional<EncodedFrame> JitterBuffer::pop(Instant now) {
    while (size() > 0) {
        const bool waits = waiting_since_ && now < *waiting_since_ + limits_.max_wait;
        if (waits && size() <= limits_.max_packets) return std::nullopt;
        if (auto frame = take_front()) return frame;
    }
    return std::nullopt;
}

std::optional<EncodedFrame> JitterBuffer::flush() {
    while (size() > 0) {
        if (auto frame = take_front()) return frame;
    }
    return std::nullopt;
}

/// Takes the oldest packet, giving up what is missing before it; empty if it was padding.
std::optional<EncodedFrame> JitterBuffer::take_front() {
    EncodedFrame frame = std::move(entries_[front_]);
    ++front_;
    if (front_ == entries_.size() || front_ >= kCompactAfter) {
        entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(front_));
        front_ = 0;
    }
    const auto lost = static_cast<std::uint32_t>(frame.sequence - next_);
    counters_.lost += lost;
    lost_before_next_ += lost;
    restarted_before_next_ = restarted_before_next_ || frame.restarted;
    next_ = frame.sequence + 1;
    advanced_ = true;
    waiting_since_.reset();
    note_front();
    if (frame.payload.empty()) return std::nullopt;

    ++counters_.released;
    frame.rtp_timestamp =
        timestamps_.unwrap(RtpTimestamp(static_cast<std::uint32_t>(frame.rtp_timestamp)));
    frame.lost_before = std::exchange(lost_before_next_, 0);
    frame.restarted = std::exchange(restarted_before_next_, false);
    return frame;
}

void JitterBuffer::recycle(Bytes payload) {
    if (spare_.size() < kMaxSpare && payload.capacity() > 0) spare_.push_back(std::move(payload));
}

}  // namespace aircheck::rtp
