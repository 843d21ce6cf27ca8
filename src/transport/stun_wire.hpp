#pragma once

// What reading and writing STUN messages share; for transport's own .cpp files.

#include "transport/stun.hpp"

#include <algorithm>

namespace aircheck::transport::stun {

inline constexpr std::uint32_t kMagicCookie = 0x2112a442;
inline constexpr std::size_t kHeaderSize = 20;
inline constexpr std::size_t kIntegritySize = 20;

enum Attribute : std::uint16_t {
    Username = 0x0006,
    MessageIntegrity = 0x0008,
    ErrorCode = 0x0009,
    UnknownAttributes = 0x000a,
    ChannelNumber = 0x000c,
    Lifetime = 0x000d,
    XorPeerAddress = 0x0012,
    Data = 0x0013,
    Realm = 0x0014,
    Nonce = 0x0015,
    XorRelayedAddress = 0x0016,
    RequestedAddressFamily = 0x0017,
    RequestedTransport = 0x0019,
    XorMappedAddress = 0x0020,
    Priority = 0x0024,
    UseCandidate = 0x0025,
    AlternateServer = 0x8023,
    Fingerprint = 0x8028,
    IceControlled = 0x8029,
    IceControlling = 0x802a,
};

/// CRC-32 of ITU V.42, xored as FINGERPRINT wants it (RFC 8489 §14.7).
[[nodiscard]] std::uint32_t fingerprint_of(BytesView bytes);

/// HMAC-SHA1 over `message` as if its header announced `length` (RFC 8489 §14.5).
[[nodiscard]] std::array<std::uint8_t, kIntegritySize> integrity_of(
    BytesView message, std::uint16_t length, std::string_view key
);

/// What addresses are xored with (§14.2).
[[nodiscard]] inline std::array<std::uint8_t, 16> xor_mask(const TransactionId& transaction) {
    std::array<std::uint8_t, 16> mask{0x21, 0x12, 0xa4, 0x42};
    std::copy(transaction.begin(), transaction.end(), mask.begin() + 4);
    return mask;
}

}  // namespace aircheck::transport::stun
