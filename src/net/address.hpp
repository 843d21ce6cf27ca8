#pragma once

#include "net/socket.hpp"

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::net {

/// True for an address of the public internet: none of the special ranges of RFC 6890 (private,
/// loopback, link-local, shared, multicast, documentation …), and no cloud's metadata service. IPv6
/// addresses that carry an IPv4 one (mapped, NAT64, 6to4) are judged by that one.
[[nodiscard]] bool is_public_address(const sockaddr& address);

/// True for what no URL of a request may reach, whatever `network.allow` lists: link-local,
/// unspecified, multicast and reserved addresses, clouds' metadata services, and IPv6 addresses
/// that carry or may carry such an IPv4 one. All others that are not public (private, loopback,
/// shared …) may be allowed.
[[nodiscard]] bool is_forbidden_address(const sockaddr& address);

/// True when `allow` (`network.allow`) lists `address`, alone or by its network ("10.0.0.0/8",
/// "fd00::/8"), or `host` literally. `host`: as in the URL, lower case; "" matches no entry. An
/// IPv4 address mapped into IPv6 is taken as the IPv4 one. An entry that is malformed matches
/// nothing.
[[nodiscard]] bool is_listed(
    const std::vector<std::string>& allow, const sockaddr& address, std::string_view host
);

/// Why a URL that came in a request may not reach `address` of `host` (design.md, section 5),
/// naming it; "" when it may: a public one, or one that `allow` lists and is not forbidden.
[[nodiscard]] std::string refusal_of(
    const sockaddr& address, const std::vector<std::string>& allow, std::string_view host
);

/// The numeric address without port and zone; "?" when the family is neither IPv4 nor IPv6.
[[nodiscard]] std::string address_text(const sockaddr& address);

/// A socket address as the system calls take it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// Empty when `endpoint.address` is no numeric address.
[[nodiscard]] std::optional<SocketAddress> to_socket_address(const Endpoint& endpoint);
[[nodiscard]] Endpoint to_endpoint(const sockaddr& address);
/// The local end of socket `fd`; an empty endpoint when it has none.
[[nodiscard]] Endpoint local_endpoint(int fd);

}  // namespace aircheck::net
