#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"

#include <cstdint>

namespace aircheck::rtp {

/// One encoded frame of a track, in order: for audio, the payload of one RTP packet.
struct EncodedFrame {
    std::int64_t sequence =
        0;  ///< Sequence number, unwrapped (RFC 3550 §A.1); contiguous but for losses.
    std::int64_t rtp_timestamp = 0;  ///< Timestamp, unwrapped, in the codec's clock (Opus: 48 kHz).
    std::uint8_t payload_type = 0;
    bool marker = false;
    std::uint32_t lost_before = 0;  ///< Packets given up directly before this one.
    Instant arrival;             ///< When its packet (or its retransmission) reached this machine.
    bool retransmitted = false;  ///< Its arrival says nothing of the path's delay.
    Bytes payload;               ///< Without RTP header, extensions and padding; never empty.
    /// The sender began anew: the timestamp has no relation to those of the frames before.
    bool restarted = false;
};

}  // namespace aircheck::rtp
