#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace aircheck::net {

class Loop;

/// An IPv4 or IPv6 address with a port; a value, comparable.
struct Endpoint {
    std::string address;  ///< Textual, canonical: "127.0.0.1", "::1"; no zone.
    std::uint16_t port = 0;
    [[nodiscard]] bool is_v6() const { return address.find(':') != std::string::npos; }
    [[nodiscard]] std::string to_string() const;
    bool operator==(const Endpoint&) const = default;
};

/// A UDP socket drained in batches (recvmmsg) with the kernel's arrival times, on CLOCK_MONOTONIC.
class UdpSocket {
public:
    /// `bytes` and `from` are borrowed until the handler returns.
    using OnDatagram = std::function<void(BytesView bytes, const Endpoint& from, Instant arrival)>;

    /// Binds to `local` (port 0: any). Errors: the address is not this machine's.
    [[nodiscard]] static Result<std::unique_ptr<UdpSocket>> open(Loop& loop, const Endpoint& local);
    ~UdpSocket();

    [[nodiscard]] Endpoint local() const;
    /// Sends at once; a full buffer or an unreachable host drops the datagram (UDP's own
    /// semantics).
    void send(BytesView bytes, const Endpoint& to);
    /// Hands over everything that has arrived (4096 datagrams at most, so that a flood can't hold
    /// up the thread), then returns how many datagrams that were. Never blocks. Datagrams of more
    /// than 2048 bytes are dropped. The handler may destroy the socket.
    std::size_t drain(const OnDatagram& handler);
    /// Calls `handler` whenever the socket is readable (it should drain()); nullptr stops that.
    /// Used while a connection is set up; a connected recording is drained by its thread's tick
    /// instead.
    void on_readable(std::function<void()> handler);

private:
    struct Impl;
    explicit UdpSocket(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// A TCP connection carrying RFC 4571 frames (16-bit length before each packet): ICE-TCP.
class FramedTcp {
public:
    struct Handlers {
        std::function<void()> connected;
        std::function<void(BytesView bytes, Instant arrival)>
            packet;                                      ///< Borrowed until it returns.
        std::function<void(const Error& error)> closed;  ///< Once; also when connecting failed.
    };
    [[nodiscard]] static std::unique_ptr<FramedTcp> connect(
        Loop& loop, const Endpoint& to, Handlers handlers
    );
    ~FramedTcp();
    /// Queues one packet; beyond 1 MiB of backlog packets are dropped, as UDP would.
    void send(BytesView bytes);
    [[nodiscard]] Endpoint local() const;

private:
    struct Impl;
    explicit FramedTcp(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// The local address the system would use towards `remote` (a connected UDP socket, nothing is
/// sent).
[[nodiscard]] Result<std::string> local_address_towards(const Endpoint& remote);
/// Resolves on a thread of its own; handler on `loop`. Addresses in the resolver's order.
void resolve(
    Loop& loop,
    const std::string& host,
    std::function<void(Result<std::vector<std::string>> addresses)> handler
);

}  // namespace aircheck::net
