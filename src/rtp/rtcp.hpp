#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "rtp/ntp_time.hpp"
#include "rtp/rtp_timestamp.hpp"
#include "rtp/sequence_number.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace aircheck::rtp {

/// What a receiver tells of one source (RFC 3550 §6.4.1).
struct ReportBlock {
    std::uint32_t ssrc = 0;
    std::uint8_t fraction_lost = 0;         ///< Of 256, since the last report.
    std::int32_t cumulative_lost = 0;       ///< 24 bits signed: duplicates can make it negative.
    std::uint32_t highest_sequence = 0;     ///< Cycles in the upper 16 bits.
    std::uint32_t jitter = 0;               ///< In ticks of the payload's clock.
    std::uint32_t last_sender_report = 0;   ///< NtpTime::compact() of it; 0: none yet.
    std::uint32_t delay_since_last_sr = 0;  ///< In 1/65536 s; 0 with none.
    bool operator==(const ReportBlock&) const = default;
};

/// SR (RFC 3550 §6.4.1): `ntp` and `rtp_timestamp` are the same moment.
struct SenderReport {
    std::uint32_t ssrc = 0;
    NtpTime ntp;
    RtpTimestamp rtp_timestamp;
    std::uint32_t packet_count = 0;
    std::uint32_t octet_count = 0;
    std::vector<ReportBlock> blocks;  ///< At most 31.
    bool operator==(const SenderReport&) const = default;
};

/// RR (RFC 3550 §6.4.2).
struct ReceiverReport {
    std::uint32_t ssrc = 0;
    std::vector<ReportBlock> blocks;  ///< At most 31.
    bool operator==(const ReceiverReport&) const = default;
};

/// One chunk of an SDES packet (RFC 3550 §6.5); items other than CNAME are skipped.
struct SourceDescription {
    std::uint32_t ssrc = 0;
    std::string cname;
    bool operator==(const SourceDescription&) const = default;
};

/// BYE (RFC 3550 §6.6).
struct Bye {
    std::vector<std::uint32_t> ssrcs;  ///< At most 31.
    std::string reason;
    bool operator==(const Bye&) const = default;
};

/// Generic NACK (RFC 4585 §6.2.1).
struct Nack {
    std::uint32_t sender_ssrc = 0;
    std::uint32_t media_ssrc = 0;
    std::vector<SequenceNumber> lost;  ///< When building: in sequence order, so that few words do.
    bool operator==(const Nack&) const = default;
};

/// Picture loss indication (RFC 4585 §6.3.1): asks for a key frame.
struct Pli {
    std::uint32_t sender_ssrc = 0;
    std::uint32_t media_ssrc = 0;
    bool operator==(const Pli&) const = default;
};

/// A well-formed packet of a kind that is not looked into: APP, XR, other feedback.
struct OtherRtcp {
    std::uint8_t packet_type = 0;
    std::uint8_t count_or_format = 0;  ///< The header's five bits.
    bool operator==(const OtherRtcp&) const = default;
};

using Rtcp =
    std::variant<SenderReport, ReceiverReport, SourceDescription, Bye, Nack, Pli, OtherRtcp>;

/// Parses a compound or reduced-size (RFC 5506) RTCP datagram; an SDES packet gives one element a
/// chunk. Truncated: a length points past the end. Unsupported: not version 2. Malformed: padding
/// or a count that does not fit its packet. All or nothing: a fault anywhere refuses the datagram.
[[nodiscard]] Result<std::vector<Rtcp>> parse_rtcp(BytesView datagram);

/// Each appends one packet to `out`; several in a row make a compound packet, SR or RR first.
/// More elements than a packet can tell (31) are left out: the caller spreads them over several.
void append_rtcp(const SenderReport& report, Bytes& out);
void append_rtcp(const ReceiverReport& report, Bytes& out);
void append_rtcp(const SourceDescription& description, Bytes& out);  ///< CNAME cut at 255 bytes.
void append_rtcp(const Bye& bye, Bytes& out);
void append_rtcp(const Nack& nack, Bytes& out);  ///< Nothing when `lost` is empty.
void append_rtcp(const Pli& pli, Bytes& out);

}  // namespace aircheck::rtp
