#pragma once

#include "tests/support/loop_thread.hpp"
#include "tests/support/redis.hpp"

#include "net/redis.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace aircheck::tests {

inline net::RedisSettings settings_for(const RedisServer& server) {
    net::RedisSettings settings;
    settings.address = server.address();
    return settings;
}

/// A client on its own thread, used from the test's.
class RedisPeer {
public:
    explicit RedisPeer(const net::RedisSettings& settings) {
        loop_.call([&] {
            redis_ = net::Redis::create(loop_.loop, settings).value();
            redis_->on_connection([this](bool is_connected, const Error& why) {
                events.add(is_connected ? "connected" : "lost");
                static_cast<void>(why);
            });
        });
    }
    ~RedisPeer() {
        loop_.call([&] { redis_.reset(); });
    }
    RedisPeer(const RedisPeer&) = delete;
    RedisPeer& operator=(const RedisPeer&) = delete;

    std::future<Result<net::RedisReply>> begin(std::vector<std::string> words) {
        auto done = std::make_shared<std::promise<Result<net::RedisReply>>>();
        auto future = done->get_future();
        loop_.call([&] {
            redis_->command(std::move(words), [done](Result<net::RedisReply> reply) {
                done->set_value(std::move(reply));
            });
        });
        return future;
    }
    Result<net::RedisReply> command(std::vector<std::string> words) {
        return begin(std::move(words)).get();
    }
    /// The answer's text, or the error's.
    std::string text(std::vector<std::string> words) {
        const auto reply = command(std::move(words));
        return reply ? reply->text : reply.error().to_string();
    }
    /// Events: "CHANNEL: MESSAGE", and "CHANNEL ready".
    void subscribe(const std::string& channel) {
        loop_.call([&] {
            redis_->subscribe(
                channel,
                [this, channel](std::string_view message) {
                    events.add(channel + ": " + std::string(message));
                },
                [this, channel] { events.add(channel + " ready"); }
            );
        });
    }
    void unsubscribe(const std::string& channel) {
        loop_.call([&] { redis_->unsubscribe(channel); });
    }
    /// Publishes until `channel` hears it: right after a reconnection nobody may listen yet.
    bool hears(const std::string& channel, const std::string& message) {
        for (int i = 0; i < 600; ++i) {
            const auto heard = command({"PUBLISH", channel, message});
            if (heard && heard->integer > 0) return events.wait_for(channel + ": " + message);
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        return false;
    }

    Events events;

private:
    LoopThread loop_;
    std::unique_ptr<net::Redis> redis_;
};

}  // namespace aircheck::tests
