#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "rtp/nack.hpp"
#include "rtp/packet.hpp"
#include "rtp/receiver.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// What a receiver owes its senders: receiver reports every second, NACKs when packets are missing
/// (RFC 3550 §6.4.2, RFC 4585). Lives on the recording's thread; reads no clock.
class RtcpFeedback {
public:
    /// `cname` goes into every compound packet (RFC 3550 §6.1).
    explicit RtcpFeedback(std::string cname);

    /// Which SSRCs are received from now on, with the rates of their clocks in Hz; statistics of
    /// those that stay go on.
    void set_sources(const std::map<std::uint32_t, std::uint32_t>& ssrcs);
    void on_packet(const rtp::PacketView& packet, Instant arrival);
    /// Sender reports in `packet` are noted for LSR and DLSR.
    void on_rtcp(BytesView packet, Instant arrival);
    /// Replaces `out` by the compound packet that is due at `now`; empty when none is.
    void collect(Instant now, Bytes& out);
    /// A packet has not come that a later one came after, and may still come.
    [[nodiscard]] bool has_missing() const;

private:
    struct Source {
        rtp::ReceiveStatistics statistics;
        rtp::NackGenerator nack;
    };

    void add_blocks(Instant now, rtp::ReceiverReport& report);

    std::string cname_;
    std::map<std::uint32_t, Source> sources_;
    std::vector<rtp::SequenceNumber> lost_;
    Instant next_report_;
    std::uint32_t last_reported_ = 0;  ///< SSRC of the last block.
};

}  // namespace aircheck::recorder
