#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "net/socket.hpp"

#include <functional>
#include <memory>
#include <string>

namespace aircheck::net {

class Loop;

/// A TCP connection that carries bytes both ways, with TLS where asked for (verified by name and
/// chain), through an HTTP proxy where one is given.
///
/// Connecting ends within 15 s. Lives on the loop's thread; may be destroyed in its handlers, none
/// of which runs afterwards, and none inside a call of its owner.
class ByteStream {
public:
    enum class Security { None, Tls };
    struct Options {
        Security security = Security::None;
        std::string ca_file;  ///< Extra trust anchors, PEM.
        std::string proxy;    ///< "http://user:password@host:port", or "" for none.
    };
    struct Handlers {
        std::function<void()> connected;
        std::function<void(BytesView bytes, Instant arrival)> bytes;  ///< Borrowed.
        std::function<void(const Error& error)> closed;  ///< Once; also when connecting failed.
    };
    [[nodiscard]] static std::unique_ptr<ByteStream> connect(
        Loop& loop, const Endpoint& to, Options options, Handlers handlers
    );
    ~ByteStream();
    /// Queues bytes that belong together; beyond 1 MiB of backlog they are dropped as a whole.
    void send(BytesView bytes);

private:
    struct Impl;
    explicit ByteStream(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace aircheck::net
