#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::control {

/// What psrpc and leases need of Redis. In production Redis itself (`redis_bus`), in unit tests
/// memory. Callbacks never run inside a call.
class MessageBus {
public:
    /// `message` is borrowed until it returns.
    using OnMessage = std::function<void(std::string_view message)>;
    /// The reply's text ("" for null) or its items' texts; integers as digits.
    using OnReply = std::function<void(Result<std::vector<std::string>> reply)>;

    virtual ~MessageBus() = default;
    virtual void publish(const std::string& channel, std::string message) = 0;
    /// `on_ready` may be empty; it runs once, when messages do arrive.
    virtual void subscribe(
        const std::string& channel, OnMessage on_message, std::function<void()> on_ready
    ) = 0;
    virtual void unsubscribe(const std::string& channel) = 0;
    /// A command of Redis, key first behind its name.
    virtual void command(std::vector<std::string> words, OnReply done) = 0;
    /// Runs `handler` at each connection, the first included.
    virtual void on_connected(std::function<void()> handler) = 0;
    [[nodiscard]] virtual bool is_connected() const = 0;
};

/// The clocks and timers of what speaks on the bus. In production the loop's, in unit tests a
/// number that the test moves.
class BusClock {
public:
    using TimerId = std::uint64_t;  ///< Never 0.

    virtual ~BusClock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
    [[nodiscard]] virtual WallTime wall() const = 0;
    /// Runs `task` once, after `delay`, never inside the call.
    virtual TimerId after(Nanoseconds delay, std::function<void()> task) = 0;
    virtual void cancel(TimerId timer) = 0;
};

}  // namespace aircheck::control
