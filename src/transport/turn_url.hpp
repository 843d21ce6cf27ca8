#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace aircheck::transport {

/// How a TURN server is reached (RFC 8656 §3.1); what it relays to the peer is UDP in any case.
enum class TurnTransport : std::uint8_t { Udp, Tcp, Tls };

/// A TURN server with what it asks for: "turn:" and "turns:" URIs (RFC 7065).
struct TurnServer {
    std::string host;  ///< A name or an address, without brackets.
    std::uint16_t port = 0;
    TurnTransport transport = TurnTransport::Udp;
    std::string username;
    std::string credential;

    /// "turns:relay.example:443?transport=tcp", without credentials.
    [[nodiscard]] std::string to_string() const;
    bool operator==(const TurnServer&) const = default;
};

/// Reads a URI; the credentials stay empty. Errors: Errc::Malformed; Errc::Unsupported for "stun:"
/// and "stuns:" (an SFU is reached from host addresses, and sees by itself where packets come
/// from), for other schemes and transports, and for TURN over DTLS. Each names the URI.
[[nodiscard]] Result<TurnServer> parse_turn_url(std::string_view url);

}  // namespace aircheck::transport
