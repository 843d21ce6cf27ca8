#pragma once

#include "core/bytes.hpp"

#include <cstddef>
#include <cstdint>

namespace aircheck::transport {

/// Longer packets fit no path and are dropped.
inline constexpr std::size_t kMaxPacketBytes = 2048;

/// Whom a packet is for.
enum class PacketKind : std::uint8_t { Stun, Dtls, Rtp, Rtcp, Unknown };

/// Told by the first byte (RFC 7983 §7), and RTCP from RTP by the second (RFC 5761 §4). Unknown:
/// of no protocol here, or too short or too long for any.
[[nodiscard]] constexpr PacketKind kind_of(BytesView bytes) {
    if (bytes.size() < 2 || bytes.size() > kMaxPacketBytes) return PacketKind::Unknown;
    const auto first = bytes[0];
    if (first < 4) return PacketKind::Stun;
    if (first >= 20 && first < 64) return PacketKind::Dtls;
    if (first < 128 || first > 191) return PacketKind::Unknown;
    // RTCP's packet types lie where RTP has marker and types 64 to 95.
    return bytes[1] >= 192 && bytes[1] <= 223 ? PacketKind::Rtcp : PacketKind::Rtp;
}

}  // namespace aircheck::transport
