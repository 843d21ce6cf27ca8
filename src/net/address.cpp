#include "net/address.hpp"

#include "core/bytes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
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

/// Those of them that nothing opens: "this network", link-local, metadata (Alibaba's, Azure's,
/// Oracle's), multicast and reserved.
constexpr V4Range kForbiddenV4[] = {
    {0x00000000, 8},
    {0x646464c8, 32},
    {0xa83f8110, 32},
    {0xa9fe0000, 16},
    {0xc0000000, 24},
    {0xe0000000, 3},
};

template <std::size_t Size>
bool lies_in(const V4Range (&ranges)[Size], std::uint32_t address) {
    return std::any_of(std::begin(ranges), std::end(ranges), [&](const V4Range& range) {
        return ((address ^ range.network) >> (32 - range.prefix)) == 0;
    });
}

bool is_public_v4(std::uint32_t address) { return !lies_in(kSpecialV4, address); }

std::uint32_t v4_at(const V6& bytes, std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
           std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

template <std::size_t Size>
bool begins(const V6& bytes, const std::array<std::uint8_t, Size>& prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// The IPv4 address that an IPv6 one carries.
std::optional<std::uint32_t> carried_v4(const V6& bytes) {
    constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};
    constexpr std::array<std::uint8_t, 2> kSixToFour{0x20, 0x02};
    if (begins(bytes, kMapped) || begins(bytes, kNat64)) return v4_at(bytes, 12);
    if (begins(bytes, kSixToFour)) return v4_at(bytes, 2);
    return std::nullopt;
}

bool is_public_v6(const V6& bytes) {
    constexpr std::array<std::uint8_t, 4> kDocumentation{0x20, 0x01, 0x0d, 0xb8};
    if (const auto v4 = carried_v4(bytes)) return is_public_v4(*v4);
    if (begins(bytes, kDocumentation)) return false;
    // 2001::/23: protocol assignments, among them Teredo, which carries any IPv4 address.
    if (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 2) return false;
    return (bytes[0] & 0xe0) == 0x20;  // 2000::/3 is all the unicast space there is.
}

bool is_forbidden_v6(const V6& bytes) {
    constexpr std::array<std::uint8_t, 12> kCompatible{};  // ::a.b.c.d, and ::
    constexpr std::array<std::uint8_t, 6> kLocalNat64{0, 0x64, 0xff, 0x9b, 0, 1};
    constexpr std::array<std::uint8_t, 4> kTeredo{0x20, 0x01, 0, 0};
    constexpr std::array<std::uint8_t, 4> kAwsServices{0xfd, 0x00, 0x0e, 0xc2};
    constexpr std::array<std::uint8_t, 4> kGoogleServices{0xfd, 0x20, 0x00, 0xce};
    constexpr V6 kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    if (const auto v4 = carried_v4(bytes)) return lies_in(kForbiddenV4, *v4);
    if (bytes == kLoopback) return false;
    const bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
    const bool is_multicast = bytes[0] == 0xff;
    return is_link_local || is_multicast || begins(bytes, kCompatible) ||
           begins(bytes, kLocalNat64) || begins(bytes, kTeredo) || begins(bytes, kAwsServices) ||
           begins(bytes, kGoogleServices);
}

std::optional<std::uint32_t> v4_of(const sockaddr& address) {
    if (address.sa_family != AF_INET) return std::nullopt;
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return ntohl(v4.sin_addr.s_addr);
}

std::optional<V6> v6_of(const sockaddr& address) {
    if (address.sa_family != AF_INET6) return std::nullopt;
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    V6 bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return bytes;
}

/// 4 or 16 bytes in network byte order, a mapped IPv4 address as the 4 it stands for; none for what
/// is no numeric address.
Bytes address_bytes(const sockaddr& address) {
    Bytes bytes;
    if (const auto v4 = v4_of(address)) {
        ByteWriter(bytes).u32(*v4);
    } else if (const auto v6 = v6_of(address)) {
        const auto skipped = begins(*v6, kMapped) ? kMapped.size() : 0;
        bytes.assign(v6->begin() + static_cast<std::ptrdiff_t>(skipped), v6->end());
    }
    return bytes;
}

bool lies_in(const Bytes& network, unsigned prefix, const Bytes& address) {
    if (network.empty() || network.size() != address.size()) return false;
    for (unsigned bit = 0; bit < prefix; ++bit) {
        const unsigned mask = 0x80U >> (bit % 8);
        if (((network[bit / 8] ^ address[bit / 8]) & mask) != 0) return false;
    }
    return true;
}

/// `entry`: "10.0.0.1", "10.0.0.0/8", "fd00::1", "fd00::/8".
bool lists_address(const std::string& entry, const Bytes& address) {
    const auto slash = entry.find('/');
    const auto parsed = to_socket_address({entry.substr(0, slash), 0});
    if (!parsed) return false;
    const Bytes network = address_bytes(*parsed->get());
    const auto most = static_cast<unsigned>(network.size() * 8);
    unsigned prefix = most;
    if (slash != std::string::npos) {
        const char* end = entry.data() + entry.size();
        const auto [rest, error] = std::from_chars(entry.data() + slash + 1, end, prefix);
        if (error != std::errc{} || rest != end) return false;
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
        const bool is_mapped = network.size() == 4 && entry.find(':') != std::string::npos;
        const auto skipped = static_cast<unsigned>(kMapped.size() * 8);
        if (is_mapped && prefix < skipped) return false;
        if (is_mapped) prefix -= skipped;
        if (prefix > most) return false;
    }
    return lies_in(network, prefix, address);
}

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char left, char right) {
        return lower(left) == lower(right);
    });
}

}  // namespace

bool is_public_address(const sockaddr& address) {
    if (const auto v4 = v4_of(address)) return is_public_v4(*v4);
    if (const auto v6 = v6_of(address)) return is_public_v6(*v6);
    return false;
}

bool is_forbidden_address(const sockaddr& address) {
    if (const auto v4 = v4_of(address)) return lies_in(kForbiddenV4, *v4);
    if (const auto v6 = v6_of(address)) return is_forbidden_v6(*v6);
    return true;
}

bool is_listed(
    const std::vector<std::string>& allow, const sockaddr& address, std::string_view host
) {
    const Bytes bytes = address_bytes(address);
    return std::any_of(allow.begin(), allow.end(), [&](const std::string& entry) {
        return (!host.empty() && same_name(entry, host)) || lists_address(entry, bytes);
    });
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

std::string refusal_of(
    const sockaddr& address, const std::vector<std::string>& allow, std::string_view host
) {
    if (is_public_address(address)) return "";
    const std::string what = address_text(address) + " is not a public address";
    if (is_forbidden_address(address)) {
        return what +
               " but link-local, a metadata service's or reserved, which network.allow "
               "cannot open";
    }
    if (is_listed(allow, address, host)) return "";
    return what + ", and network.allow does not list it";
}

}  // namespace aircheck::net
