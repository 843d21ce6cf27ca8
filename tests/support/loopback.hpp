#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>

namespace aircheck::tests {

/// A socket of 127.0.0.1 that a test holds itself, closed with its object. What the system refuses
/// throws.
class LoopbackSocket {
public:
    /// Binds `port`, or one that the system chooses (0). `type`: SOCK_STREAM or SOCK_DGRAM.
    explicit LoopbackSocket(int type = SOCK_STREAM, std::uint16_t port = 0)
        : descriptor_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = address_of(port);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof address;
        if (::bind(descriptor_, generic, size) != 0 ||
            ::getsockname(descriptor_, generic, &size) != 0) {
            const int error = errno;
            ::close(descriptor_);
            throw std::system_error(error, std::generic_category(), "a port of loopback");
        }
        port_ = ntohs(address.sin_port);
    }
    ~LoopbackSocket() { ::close(descriptor_); }
    LoopbackSocket(const LoopbackSocket&) = delete;
    LoopbackSocket& operator=(const LoopbackSocket&) = delete;

    void listen(int backlog = 8) const {
        if (::listen(descriptor_, backlog) != 0) {
            throw std::system_error(errno, std::generic_category(), "listen on loopback");
        }
    }
    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] static sockaddr_in address_of(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }

private:
    int descriptor_;
    std::uint16_t port_ = 0;
};

/// A port of loopback that nobody has now, another one at each call; below those that the system
/// gives to outgoing connections, so that none of these takes it before a server that is told it.
inline std::uint16_t free_port(int type = SOCK_STREAM) {
    constexpr int kFirst = 20000;
    constexpr int kCount = 12000;
    static int next = ::getpid() * 37 % kCount;
    for (int tries = 0; tries < kCount; ++tries) {
        const auto port = static_cast<std::uint16_t>(kFirst + next++ % kCount);
        try {
            return LoopbackSocket(type, port).port();
        } catch (const std::system_error&) {
            continue;  // somebody has it
        }
    }
    throw std::runtime_error("no free port");
}

/// True when something listens on `port` of loopback.
inline bool listens(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = LoopbackSocket::address_of(port);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const bool ok = ::connect(descriptor, generic, sizeof address) == 0;
    ::close(descriptor);
    return ok;
}

}  // namespace aircheck::tests
