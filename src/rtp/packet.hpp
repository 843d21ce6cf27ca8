#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "rtp/rtp_timestamp.hpp"
#include "rtp/sequence_number.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace aircheck::rtp {

/// One RTP packet, parsed in place (RFC 3550 §5.1): all spans borrow the datagram given to parse().
struct PacketView {
    bool marker = false;
    std::uint8_t payload_type = 0;  ///< 0 to 127.
    SequenceNumber sequence_number;
    RtpTimestamp timestamp;
    std::uint32_t ssrc = 0;
    BytesView csrcs;                       ///< Four bytes each, network order; at most 15.
    std::optional<std::uint16_t> profile;  ///< "Defined by profile" of the header extension.
    BytesView extensions;                  ///< The header extension's words after its length.
    BytesView payload;                     ///< Without padding; empty for a padding-only packet.
    std::uint8_t padding_bytes = 0;        ///< Includes the byte that counts them.

    /// Checks every length. Truncated: the packet ends before its header, CSRCs or extension do.
    /// Unsupported: not version 2. Malformed: padding that is zero or longer than what is left.
    [[nodiscard]] static Result<PacketView> parse(BytesView datagram);

    /// The element `id` (1 to 14, or 1 to 255) of a one-byte (0xBEDE) or two-byte (0x100x) header
    /// extension, RFC 8285 §4.2 and §4.3; empty when it is not there or the list is damaged before
    /// it.
    [[nodiscard]] std::optional<BytesView> extension(std::uint8_t id) const;
};

/// What build_packet() writes; the counterpart of PacketView for the simulator and tests.
struct PacketFields {
    bool marker = false;
    std::uint8_t payload_type = 0;
    SequenceNumber sequence_number;
    RtpTimestamp timestamp;
    std::uint32_t ssrc = 0;
    std::vector<std::uint32_t> csrcs;  ///< At most 15.
    /// Ids and values; one-byte form when every id is 1 to 14 and every value 1 to 16 bytes long,
    /// two-byte form otherwise.
    std::vector<std::pair<std::uint8_t, Bytes>> extensions;
    BytesView payload;
    std::uint8_t padding_bytes = 0;  ///< 0: no padding.
};

/// Appends the packet to `out` (RFC 3550 §5.1, RFC 8285 §4).
void build_packet(const PacketFields& fields, Bytes& out);

}  // namespace aircheck::rtp
