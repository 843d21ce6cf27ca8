#pragma once

#include <sys/socket.h>

#include <string>

namespace aircheck::net {

/// True for an address of the public internet: none of the special ranges of RFC 6890 (private,
/// loopback, link-local, shared, multicast, documentation …), and no cloud's metadata service. IPv6
/// addresses that carry an IPv4 one (mapped, NAT64, 6to4) are judged by that one.
[[nodiscard]] bool is_public_address(const sockaddr& address);

/// The numeric address without port and zone; "?" when the family is neither IPv4 nor IPv6.
[[nodiscard]] std::string address_text(const sockaddr& address);

}  // namespace aircheck::net
