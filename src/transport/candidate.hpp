#pragma once

#include "core/result.hpp"
#include "net/socket.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace aircheck::transport {

enum class Protocol : std::uint8_t { Udp, Tcp };

enum class CandidateType : std::uint8_t { Host, ServerReflexive, PeerReflexive, Relay };

/// One address where a peer can be reached (RFC 8445 §5.1). A TCP candidate of the remote is always
/// `tcptype passive` (RFC 6544): we connect to it.
struct Candidate {
    std::string foundation = "1";  ///< At most 32 characters.
    Protocol protocol = Protocol::Udp;
    CandidateType type = CandidateType::Host;
    std::uint32_t priority = 0;
    net::Endpoint endpoint;
};

/// Reads an SDP candidate (RFC 8839 §5.1), with or without "a=" and "candidate:" before it. Errors:
/// Errc::Malformed, and Errc::Unsupported for what is well-formed but of no use here (component 2,
/// a name instead of an address such as mDNS's, TCP other than passive, zoned or unspecified
/// addresses).
[[nodiscard]] Result<Candidate> parse_candidate(std::string_view text);

/// The attribute's value as SDP and trickle want it: "candidate:1 1 udp 2130706431 192.0.2.1 5000
/// typ host".
[[nodiscard]] std::string to_string(const Candidate& candidate);

/// RFC 8445 §5.1.2.1 for component 1. `local_preference` 0 to 65535.
[[nodiscard]] std::uint32_t candidate_priority(CandidateType type, std::uint16_t local_preference);

/// The address in its canonical text ("::1", "192.0.2.1"), IPv4-mapped IPv6 as IPv4; empty when
/// `text` is no address.
[[nodiscard]] std::string canonical_address(std::string_view text);

}  // namespace aircheck::transport
