#pragma once

#include "core/bytes.hpp"
#include "net/socket.hpp"

#include <cstdint>

namespace aircheck::transport {

/// One local end that packets come and go by: a UDP socket, an allocation at a TURN server, or one
/// TCP connection. UDP paths are numbered by whoever owns the sockets, from 0, allocations from
/// kFirstRelayPath; TCP paths by the transport, from kFirstTcpPath.
using PathId = std::uint32_t;
inline constexpr PathId kFirstRelayPath = 500;
inline constexpr PathId kFirstTcpPath = 1000;

/// What a transport asks of its shell. Calls come from inside the transport's own entry points, on
/// its thread, and must not call back into it.
class Wire {
public:
    virtual ~Wire() = default;
    /// Sends one packet at once; `packet` is borrowed until it returns. Losing it is no error.
    virtual void send(PathId path, const net::Endpoint& to, BytesView packet) = 0;
    /// Opens a TCP connection (RFC 4571 frames) and reports by on_tcp_connected or on_tcp_closed.
    virtual void open_tcp(PathId path, const net::Endpoint& to) = 0;
    /// Drops a connection that was asked for; nothing is reported back.
    virtual void close_tcp(PathId path) = 0;
};

[[nodiscard]] constexpr bool is_relay_path(PathId path) {
    return path >= kFirstRelayPath && path < kFirstTcpPath;
}

}  // namespace aircheck::transport
