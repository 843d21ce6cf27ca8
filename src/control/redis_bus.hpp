#pragma once

#include "control/message_bus.hpp"
#include "net/loop.hpp"
#include "net/redis.hpp"

#include <map>
#include <memory>

namespace aircheck::control {

/// LiveKit's bus: Redis.
class RedisBus final : public MessageBus {
public:
    explicit RedisBus(std::unique_ptr<net::Redis> redis);

    void publish(const std::string& channel, std::string message) override;
    void subscribe(const std::string& channel, OnMessage on_message, std::function<void()> on_ready)
        override;
    void unsubscribe(const std::string& channel) override;
    void command(std::vector<std::string> words, OnReply done) override;
    void on_connected(std::function<void()> handler) override;
    [[nodiscard]] bool is_connected() const override;

private:
    std::unique_ptr<net::Redis> redis_;
    std::vector<std::function<void()>> on_connected_;
};

/// A loop's time.
class LoopClock final : public BusClock {
public:
    explicit LoopClock(net::Loop& loop) : loop_(loop) {}

    [[nodiscard]] Instant now() const override { return monotonic_now(); }
    [[nodiscard]] WallTime wall() const override { return wall_now(); }
    TimerId after(Nanoseconds delay, std::function<void()> task) override;
    void cancel(TimerId timer) override;

private:
    net::Loop& loop_;
    TimerId last_ = 0;
    std::map<TimerId, std::unique_ptr<net::Timer>> timers_;
};

}  // namespace aircheck::control
