#include "net/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace aircheck::net {
namespace {

using V6 = std::array<std::uint8_t, 16>;

struct V4Range {
    std::uint32_t network;
    unsigned prefix;
};

/// RFC 6890 and its registry; 168.63.129.16 is Azure's platform service. AWS's, Google's, Oracle's
/// and Alibaba's metadata services lie in 169.254/16, 192.0.0/24 and 100.64/10.
constexpr V4Range kSpecialV4[] = {
    {0x00000000, 8},
    {0x0a000000, 8},
    {0x64400000, 10},
    {0x7f000000, 8},
    {0xa83f8110, 32},
    {0xa9fe0000, 16},
    {0xac100000, 12},
    {0xc0000000, 24},
    {0xc0000200, 24},
    {0xc0586300, 24},
    {0xc0a80000, 16},
    {0xc6120000, 15},
    {0xc6336400, 24},
    {0xcb007100, 24},
    {0xe0000000, 3},
};

bool is_public_v4(std::uint32_t address) {
    return std::none_of(std::begin(kSpecialV4), std::end(kSpecialV4), [&](const V4Range& range) {
        return ((address ^ range.network) >> (32 - range.prefix)) == 0;
    });
}

std::uint32_t v4_at(const V6& bytes, std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
           std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

template <std::size_t Size>
bool begins(const V6& bytes, const std::array<std::uint8_t, Size>& prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

bool is_public_v6(const V6& bytes) {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};
    constexpr std::array<std::uint8_t, 2> kSixToFour{0x20, 0x02};
    constexpr std::array<std::uint8_t, 4> kDocumentation{0x20, 0x01, 0x0d, 0xb8};
    if (begins(bytes, kMapped) || begins(bytes, kNat64)) return is_public_v4(v4_at(bytes, 12));
    if (begins(bytes, kSixToFour)) return is_public_v4(v4_at(bytes, 2));
    if (begins(bytes, kDocumentation)) return false;
    // 2001::/23: protocol assignments, among them Teredo, which carries any IPv4 address.
    if (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 2) return false;
    return (bytes[0] & 0xe0) == 0x20;  // 2000::/3 is all the unicast space there is.
}

}  // namespace

bool is_public_address(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        return is_public_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        V6 bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return is_public_v6(bytes);
    }
    return false;
}

std::string address_text(const sockaddr& address) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    } else if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
    return text;
}

std::optional<SocketAddress> to_socket_address(const Endpoint& endpoint) {
    SocketAddress out;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (inet_pton(AF_INET, endpoint.address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&out.storage, &v4, sizeof v4);
        out.size = sizeof v4;
        return out;
    }
    if (inet_pton(AF_INET6, endpoint.address.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        std::memcpy(&out.storage, &v6, sizeof v6);
        out.size = sizeof v6;
        return out;
    }
    return std::nullopt;
}

Endpoint to_endpoint(const sockaddr& address) {
    Endpoint out{address_text(address), 0};
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        out.port = ntohs(v4.sin_port);
    } else if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        out.port = ntohs(v6.sin6_port);
    }
    return out;
}

Endpoint local_endpoint(int fd) {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (getsockname(fd, address.get(), &address.size) != 0) return {};
    return to_endpoint(*address.get());
}

std::string Endpoint::to_string() const {
    return (is_v6() ? "[" + address + "]:" : address + ":") + std::to_string(port);
}

}  // namespace aircheck::net
