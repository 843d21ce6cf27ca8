#pragma once

#include <cstdint>

namespace aircheck::transport {

/// Which local addresses media may take: all, or TURN servers' alone.
enum class IceTransport : std::uint8_t { All, Relay };

}  // namespace aircheck::transport
