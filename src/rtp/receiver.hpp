#pragma once

#include "core/time.hpp"
#include "rtp/packet.hpp"
#include "rtp/rtcp.hpp"

#include <cstdint>
#include <optional>

namespace aircheck::rtp {

/// Receive statistics of one SSRC, for the report blocks we send (RFC 3550 §6.4.1, §A.1, §A.3,
/// §A.8).
///
/// There is no probation (MIN_SEQUENTIAL): SRTP has authenticated the source. A jump of more than
/// kMaxDropout forward or kMaxMisorder back is ignored unless the next packet follows it: then the
/// sender has restarted and counting begins anew. Retransmissions count as received; packets out of
/// order leave the jitter alone, which would otherwise measure the NACK's round trip.
/// Lives on the recording's thread. Never fails, never allocates, reads no clock.
class ReceiveStatistics {
public:
    static constexpr int kMaxDropout = 3000;   ///< Packets (RFC 3550 §A.1).
    static constexpr int kMaxMisorder = 1000;  ///< Packets; §A.1's 100 is too few with NACKs.

    enum class Verdict {
        Counted,
        Suspicious,  ///< Far off; not counted unless the next packet follows it.
        Restarted,   ///< The sender began anew with the packet before this one.
    };

    ReceiveStatistics(std::uint32_t ssrc, std::uint32_t clock_rate_hz);

    Verdict on_packet(const PacketView& packet, Instant arrival);
    /// Reports of other SSRCs are ignored.
    void on_sender_report(const SenderReport& report, Instant arrival);

    /// The block for a report sent at `now`; begins the next interval of `fraction_lost`.
    [[nodiscard]] ReportBlock report(Instant now);

    [[nodiscard]] std::uint32_t ssrc() const { return ssrc_; }
    /// Packets since the stream began or restarted, retransmissions and duplicates included.
    [[nodiscard]] std::uint64_t received() const { return received_; }
    /// Expected less received, not below zero; 0 before the first packet.
    [[nodiscard]] std::uint64_t lost() const;
    [[nodiscard]] std::uint64_t restarts() const { return restarts_; }
    [[nodiscard]] std::optional<Instant> last_arrival() const { return last_arrival_; }

private:
    void begin(SequenceNumber first);
    void update_jitter(const PacketView& packet, Instant arrival);
    [[nodiscard]] std::int64_t expected() const { return highest_ - base_ + 1; }

    std::uint32_t ssrc_;
    std::uint32_t clock_rate_hz_;
    bool started_ = false;
    std::int64_t base_ = 0;     ///< First sequence number, unwrapped.
    std::int64_t highest_ = 0;  ///< Highest one, unwrapped from `base_`.
    std::uint64_t received_ = 0;
    std::uint64_t restarts_ = 0;
    std::int64_t expected_before_ = 0;
    std::uint64_t received_before_ = 0;
    std::optional<SequenceNumber> suspect_next_;  ///< What would confirm a restart.
    std::optional<Instant> last_arrival_;
    std::optional<Instant> jitter_arrival_;
    RtpTimestamp jitter_timestamp_;
    double jitter_ = 0;  ///< In ticks.
    std::optional<NtpTime> last_sr_;
    Instant last_sr_arrival_;
};

}  // namespace aircheck::rtp
