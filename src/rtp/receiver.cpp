#include "rtp/receiver.hpp"

#include <algorithm>
#include <cmath>

namespace aircheck::rtp {

ReceiveStatistics::ReceiveStatistics(std::uint32_t ssrc, std::uint32_t clock_rate_hz)
    : ssrc_(ssrc), clock_rate_hz_(clock_rate_hz) {}

void ReceiveStatistics::begin(SequenceNumber first) {
    started_ = true;
    base_ = first.value();
    highest_ = base_;
    received_ = 0;
    expected_before_ = 0;
    received_before_ = 0;
    suspect_next_.reset();
    jitter_arrival_.reset();
}

ReceiveStatistics::Verdict ReceiveStatistics::on_packet(const PacketView& packet, Instant arrival) {
    const SequenceNumber number = packet.sequence_number;
    Verdict verdict = Verdict::Counted;
    if (!started_) begin(number);
    const int distance = number.distance_from(SequenceNumber(static_cast<std::uint16_t>(highest_)));
    if (distance > kMaxDropout || distance < -kMaxMisorder) {
        if (suspect_next_ != number) {
            suspect_next_ = number.plus(1);
            return Verdict::Suspicious;
        }
        begin(number.plus(-1));  // the packet before this one was the first
        ++received_;
        ++restarts_;
        highest_ = base_ + 1;
        verdict = Verdict::Restarted;
    } else {
        highest_ = std::max(highest_, highest_ + distance);
    }
    ++received_;
    last_arrival_ = arrival;
    // The first packet is its own reference; of the others only those in order are measured.
    if (distance > 0 || !jitter_arrival_ || verdict == Verdict::Restarted) {
        update_jitter(packet, arrival);
    }
    return verdict;
}

void ReceiveStatistics::update_jitter(const PacketView& packet, Instant arrival) {
    if (jitter_arrival_) {
        const double elapsed_ticks = to_seconds(arrival - *jitter_arrival_) * clock_rate_hz_;
        const double sent_ticks = packet.timestamp.distance_from(jitter_timestamp_);
        // RFC 3550 §A.8: a running mean over 16 differences of transit time.
        jitter_ += (std::abs(elapsed_ticks - sent_ticks) - jitter_) / 16;
    }
    jitter_arrival_ = arrival;
    jitter_timestamp_ = packet.timestamp;
}

void ReceiveStatistics::on_sender_report(const SenderReport& report, Instant arrival) {
    if (report.ssrc != ssrc_) return;
    last_sr_ = report.ntp;
    last_sr_arrival_ = arrival;
}

std::uint64_t ReceiveStatistics::lost() const {
    if (!started_) return 0;
    const auto expected_packets = static_cast<std::uint64_t>(expected());
    return expected_packets > received_ ? expected_packets - received_ : 0;
}

ReportBlock ReceiveStatistics::report(Instant now) {
    ReportBlock block;
    block.ssrc = ssrc_;
    if (started_) {
        const std::int64_t lost = expected() - static_cast<std::int64_t>(received_);
        block.cumulative_lost =
            static_cast<std::int32_t>(std::clamp<std::int64_t>(lost, -0x800000, 0x7fffff));
        block.highest_sequence = static_cast<std::uint32_t>(highest_);
        block.jitter = static_cast<std::uint32_t>(std::min(jitter_, 4294967295.0));

        // RFC 3550 §A.3: duplicates and late arrivals make the interval's loss negative: 0 then.
        const std::int64_t expected_now = expected() - expected_before_;
        const auto received_now = static_cast<std::int64_t>(received_ - received_before_);
        const std::int64_t lost_now = expected_now - received_now;
        if (expected_now > 0 && lost_now > 0) {
            block.fraction_lost =
                static_cast<std::uint8_t>(std::min<std::int64_t>(lost_now * 256 / expected_now, 255)
                );
        }
        expected_before_ = expected();
        received_before_ = received_;
    }
    if (last_sr_) {
        block.last_sender_report = last_sr_->compact();
        block.delay_since_last_sr = to_compact_ntp(now - last_sr_arrival_);
    }
    return block;
}

}  // namespace aircheck::rtp
