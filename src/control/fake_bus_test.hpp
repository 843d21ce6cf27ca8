#pragma once

#include "control/message_bus.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace aircheck::control::testing {

/// Time that the test moves, and the queue of what is to be done at which.
class ManualClock final : public BusClock {
public:
    [[nodiscard]] Instant now() const override { return Instant(1000s + passed_); }
    [[nodiscard]] WallTime wall() const override { return WallTime(1'700'000'000s + passed_); }
    TimerId after(Nanoseconds delay, std::function<void()> task) override {
        tasks_.emplace(
            std::pair(passed_ + std::max(delay, Nanoseconds(0)), ++last_), std::move(task)
        );
        return last_;
    }
    void cancel(TimerId timer) override {
        std::erase_if(tasks_, [&](const auto& task) { return task.first.second == timer; });
    }
    /// Does all that is due within `duration`, in order.
    void advance(Nanoseconds duration) {
        const auto end = passed_ + duration;
        while (!tasks_.empty() && tasks_.begin()->first.first <= end) {
            const auto node = tasks_.extract(tasks_.begin());
            passed_ = node.key().first;
            node.mapped()();
        }
        passed_ = end;
    }
    /// Does what is due now, and what follows from it.
    void settle() { advance(0s); }

private:
    Nanoseconds passed_{0};
    TimerId last_ = 0;
    std::map<std::pair<Nanoseconds, TimerId>, std::function<void()>> tasks_;
};

/// A Redis in memory, with the few commands that the bus needs, and what its clients subscribed to.
class FakeRedis {
public:
    explicit FakeRedis(ManualClock& clock) : clock_(clock) {}

    /// What SET, HSET … answer; fails the test for another command.
    std::vector<std::string> run(const std::vector<std::string>& words);
    /// Forgets all keys, as a restart does.
    void flush() {
        keys_.clear();
        hashes_.clear();
    }
    [[nodiscard]] std::map<std::string, std::string>& hash(const std::string& key) {
        return hashes_[key];
    }
    [[nodiscard]] ManualClock& clock() { return clock_; }

private:
    friend class FakeBus;
    struct Key {
        std::string value;
        Instant expires = Instant::max();
    };
    std::vector<std::string> set(const std::vector<std::string>& words);

    ManualClock& clock_;
    std::map<std::string, Key> keys_;
    std::map<std::string, std::map<std::string, std::string>> hashes_;
    std::multimap<std::string, std::pair<class FakeBus*, MessageBus::OnMessage>> subscribers_;
};

/// One client's connection to a FakeRedis.
class FakeBus final : public MessageBus {
public:
    explicit FakeBus(FakeRedis& redis) : redis_(redis) {}
    ~FakeBus() override { forget_subscriptions({}); }

    void publish(const std::string& channel, std::string message) override {
        if (!connected_) return;
        published.emplace_back(channel, message);
        const auto [first, last] = redis_.subscribers_.equal_range(channel);
        for (auto it = first; it != last; ++it) {
            redis_.clock_.after(0s, [on_message = it->second.second, message] {
                on_message(message);
            });
        }
    }
    void subscribe(const std::string& channel, OnMessage on_message, std::function<void()> on_ready)
        override {
        forget_subscriptions(channel);
        // What is still under way when it ends is not delivered any more.
        auto open = std::make_shared<bool>(true);
        open_[channel] = open;
        redis_.subscribers_
            .emplace(channel, std::pair(this, [this, open, on_message](std::string_view message) {
                         if (*open && connected_) on_message(message);
                     }));
        if (on_ready) redis_.clock_.after(0s, std::move(on_ready));
    }
    void unsubscribe(const std::string& channel) override { forget_subscriptions(channel); }
    void command(std::vector<std::string> words, OnReply done) override {
        if (!connected_) {
            if (done) {
                redis_.clock_.after(0s, [done] { done(fail(Errc::Unavailable, "no Redis")); });
            }
            return;
        }
        auto reply = redis_.run(words);
        if (done) redis_.clock_.after(0s, [done, reply] { done(reply); });
    }
    void on_connected(std::function<void()> handler) override {
        on_connected_.push_back(std::move(handler));
    }
    [[nodiscard]] bool is_connected() const override { return connected_; }

    void disconnect() { connected_ = false; }
    void connect() {
        connected_ = true;
        for (const auto& handler : on_connected_) handler();
    }
    /// As if its process had been killed: nothing reaches it, nothing comes from it.
    void kill() {
        connected_ = false;
        forget_subscriptions({});
    }

    std::vector<std::pair<std::string, std::string>> published;

private:
    /// All with "".
    void forget_subscriptions(const std::string& channel) {
        std::erase_if(redis_.subscribers_, [&](const auto& one) {
            return one.second.first == this && (channel.empty() || one.first == channel);
        });
        for (auto& [name, open] : open_) {
            if (channel.empty() || name == channel) *open = false;
        }
    }

    FakeRedis& redis_;
    bool connected_ = true;
    std::map<std::string, std::shared_ptr<bool>> open_;
    std::vector<std::function<void()>> on_connected_;
};

}  // namespace aircheck::control::testing
