#include "control/redis_bus.hpp"

#include <utility>

namespace aircheck::control {
namespace {

std::string text_of(const net::RedisReply& reply) {
    const bool is_number = reply.kind == net::RedisReply::Kind::Integer;
    return is_number ? std::to_string(reply.integer) : reply.text;
}

}  // namespace

RedisBus::RedisBus(std::unique_ptr<net::Redis> redis) : redis_(std::move(redis)) {
    redis_->on_connection([this](bool is_connected, const Error&) {
        if (!is_connected) return;
        for (const auto& handler : on_connected_) handler();
    });
}

void RedisBus::publish(const std::string& channel, std::string message) {
    redis_->command({"PUBLISH", channel, std::move(message)}, {});
}

void RedisBus::subscribe(
    const std::string& channel, OnMessage on_message, std::function<void()> on_ready
) {
    redis_->subscribe(channel, std::move(on_message), std::move(on_ready));
}

void RedisBus::unsubscribe(const std::string& channel) { redis_->unsubscribe(channel); }

void RedisBus::command(std::vector<std::string> words, OnReply done) {
    redis_->command(std::move(words), [done = std::move(done)](Result<net::RedisReply> reply) {
        if (!done) return;
        if (!reply) return done(tl::unexpected(std::move(reply).error()));
        std::vector<std::string> texts;
        if (reply->kind != net::RedisReply::Kind::Array) texts.push_back(text_of(*reply));
        for (const net::RedisReply& item : reply->items) texts.push_back(text_of(item));
        done(std::move(texts));
    });
}

void RedisBus::on_connected(std::function<void()> handler) {
    on_connected_.push_back(std::move(handler));
}

bool RedisBus::is_connected() const { return redis_->is_connected(); }

BusClock::TimerId LoopClock::after(Nanoseconds delay, std::function<void()> task) {
    const TimerId id = ++last_;
    auto& timer = timers_[id] = std::make_unique<net::Timer>(loop_);
    timer->after(delay, [this, id, task = std::move(task)] {
        timers_.erase(id);
        task();
    });
    return id;
}

void LoopClock::cancel(TimerId timer) { timers_.erase(timer); }

}  // namespace aircheck::control
