#include "notify/outbox.hpp"

#include "net/http_server.hpp"
#include "net/loop.hpp"
#include "notify/webhook_verify.hpp"
#include "proto/livekit_webhook.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

// The loop of deliveries against a receiver on loopback that fails on purpose. Waits for events,
// not times.
namespace aircheck::notify {
namespace {

using testing::ElementsAre;

constexpr auto kPatience = std::chrono::seconds(60);

struct Seen {
    std::string egress_id, event, webhook_id, signature, authorization, body, path;
};

/// An HTTP server on a thread of its own; `answer` says the status for the n-th request (from 0).
class FlakyReceiver {
public:
    using Answer = std::function<int(const Seen& request, std::size_t number)>;

    explicit FlakyReceiver(Answer answer) : answer_(std::move(answer)) {
        thread_ = std::thread([this] { loop_.run("receiver"); });
        std::unique_lock lock(mutex_);
        loop_.post([this] {
            auto started = net::HttpServer::start(
                loop_,
                {},
                [this](net::HttpServerRequest request, net::HttpServer::Respond respond) {
                    handle(std::move(request), std::move(respond));
                }
            );
            const std::lock_guard inner(mutex_);
            if (started) {
                server_ = std::move(*started);
                url_ = "http://" + server_->local().to_string();
            }
            changed_.notify_all();
        });
        changed_.wait_for(lock, kPatience, [this] { return !url_.empty(); });
    }
    ~FlakyReceiver() {
        loop_.post([this] {
            timers_.clear();
            server_.reset();
            loop_.stop();
        });
        thread_.join();
    }

    [[nodiscard]] std::string url(const std::string& path = "/hook") const { return url_ + path; }
    bool wait_for(std::size_t requests) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kPatience, [&] { return seen_.size() >= requests; });
    }
    std::vector<Seen> seen() {
        const std::lock_guard lock(mutex_);
        return seen_;
    }
    /// The most requests of one egress that were under way at once.
    int most_at_once() {
        const std::lock_guard lock(mutex_);
        return most_at_once_;
    }
    Nanoseconds delay{0};  ///< Before answering; set before the first request.

private:
    void handle(net::HttpServerRequest request, net::HttpServer::Respond respond) {
        Seen seen;
        const auto json = nlohmann::json::parse(request.body, nullptr, false);
        const auto info = json.is_object() ? json.value("egressInfo", nlohmann::json::object())
                                           : nlohmann::json::object();
        seen.egress_id = info.value("egressId", info.value("egress_id", ""));
        seen.event = json.value("event", "");
        seen.webhook_id = request.headers.get("webhook-id");
        seen.signature = request.headers.get("webhook-signature");
        seen.authorization = request.headers.get("Authorization");
        seen.body = request.body;
        seen.path = request.path;
        net::HttpServerResponse response;
        {
            const std::lock_guard lock(mutex_);
            response.status = answer_(seen, seen_.size());
            most_at_once_ = std::max(most_at_once_, ++under_way_[seen.egress_id]);
        }
        auto done = [this, seen, respond = std::move(respond), response] {
            {
                const std::lock_guard lock(mutex_);
                --under_way_[seen.egress_id];
                seen_.push_back(seen);
            }
            respond(response);
            changed_.notify_all();
        };
        if (delay == Nanoseconds::zero()) return done();
        timers_.push_back(std::make_unique<net::Timer>(loop_));
        timers_.back()->after(delay, std::move(done));
    }

    Answer answer_;
    net::Loop loop_;
    std::thread thread_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string url_;
    std::unique_ptr<net::HttpServer> server_;
    std::vector<std::unique_ptr<net::Timer>> timers_;
    std::vector<Seen> seen_;
    std::map<std::string, int> under_way_;
    int most_at_once_ = 0;
};

class Delivering : public testing::Test {
protected:
    Delivering() : store(records::Store::open(":memory:").value()) {
        options.api_keys = {{"devkey", "secret"}};
        options.secrets_key = Bytes(32, 1);
        options.allow = {"127.0.0.0/8"};
    }
    void configure(const std::string& url, Format format = Format::Simple) {
        Receiver receiver;
        receiver.url = url;
        receiver.format = format;
        options.receivers.push_back(receiver);
    }
    std::unique_ptr<Outbox> make() { return Outbox::create(*store, options).value(); }
    void enqueue(
        Outbox& outbox,
        const std::string& egress_id,
        const std::string& name,
        const std::vector<Receiver>& request_receivers = {}
    ) {
        livekit::WebhookEvent event;
        event.set_event(name);
        event.set_id("EV_" + std::to_string(++events));
        event.set_created_at(unix_nanoseconds(wall_now()) / 1'000'000'000);
        event.mutable_egress_info()->set_egress_id(egress_id);
        const auto stored = outbox.enqueue(event, {}, request_receivers);
        ASSERT_TRUE(stored) << stored.error().to_string();
    }
    /// Waits until nothing is pending.
    void drain() {
        const auto limit = std::chrono::steady_clock::now() + kPatience;
        while (std::chrono::steady_clock::now() < limit) {
            if (store->delivery_counts().value()[records::DeliveryState::Pending] == 0) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        FAIL() << "deliveries are still pending";
    }

    std::unique_ptr<records::Store> store;
    Outbox::Options options;
    int events = 0;
};

TEST_F(Delivering, TriesAgainInOrderWithTheSameIdAndAFreshSignature) {
    FlakyReceiver receiver([](const Seen&, std::size_t number) { return number < 2 ? 500 : 200; });
    configure(receiver.url());
    const auto outbox = make();
    enqueue(*outbox, "EG_1", "egress_started");
    enqueue(*outbox, "EG_1", "egress_ended");
    outbox->start();
    ASSERT_TRUE(receiver.wait_for(4));
    drain();
    std::vector<std::string> order;
    for (const Seen& seen : receiver.seen()) order.push_back(seen.event);
    EXPECT_THAT(
        order, ElementsAre("egress_started", "egress_started", "egress_started", "egress_ended")
    );
    const auto seen = receiver.seen();
    EXPECT_EQ(seen[0].webhook_id, "EV_1");
    EXPECT_EQ(seen[2].webhook_id, "EV_1");
    EXPECT_EQ(seen[0].body, seen[2].body);
    EXPECT_NE(seen[0].signature, seen[2].signature);  // At least a second later.
    EXPECT_EQ(seen[3].webhook_id, "EV_2");
    EXPECT_EQ(outbox->counters().sent, 2U);
    EXPECT_EQ(outbox->counters().failed, 2U);
    const auto kept = store->list_deliveries({}).value().items;
    ASSERT_EQ(kept.size(), 2U);
    EXPECT_EQ(kept[1].attempts, 3);
    EXPECT_EQ(kept[1].last_status, 200);
}

TEST_F(Delivering, LiveKitsFormatVerifies) {
    FlakyReceiver receiver([](const Seen&, std::size_t) { return 200; });
    configure(receiver.url(), Format::LiveKit);
    const auto outbox = make();
    outbox->start();
    enqueue(*outbox, "EG_1", "egress_ended");  // Wakes it.
    ASSERT_TRUE(receiver.wait_for(1));
    const Seen seen = receiver.seen().front();
    EXPECT_EQ(
        verify_webhook(seen.authorization, seen.body, options.api_keys, wall_now()).value(),
        "devkey"
    );
}

TEST_F(Delivering, OnlyOneOfAnEgressIsUnderWay) {
    FlakyReceiver receiver([](const Seen&, std::size_t) { return 200; });
    receiver.delay = 20ms;
    configure(receiver.url());
    const auto outbox = make();
    outbox->start();
    constexpr int kEgresses = 6, kEvents = 4;
    for (int event = 0; event < kEvents; ++event) {
        for (int egress = 0; egress < kEgresses; ++egress) {
            enqueue(*outbox, "EG_" + std::to_string(egress), "egress_" + std::to_string(event));
        }
    }
    ASSERT_TRUE(receiver.wait_for(kEgresses * kEvents));
    drain();
    EXPECT_EQ(receiver.most_at_once(), 1);
    std::map<std::string, std::vector<std::string>> order;
    for (const Seen& seen : receiver.seen()) order[seen.egress_id].push_back(seen.event);
    EXPECT_EQ(order.size(), static_cast<std::size_t>(kEgresses));
    for (const auto& [egress, names] : order) {
        EXPECT_THAT(names, ElementsAre("egress_0", "egress_1", "egress_2", "egress_3")) << egress;
    }
}

TEST_F(Delivering, GoneIsADeadLetterThatHoldsNothingBackAndCanBeReplayed) {
    std::atomic<bool> gone = true;
    FlakyReceiver receiver([&](const Seen& seen, std::size_t) {
        return gone && seen.event == "egress_started" ? 410 : 200;
    });
    configure(receiver.url());
    const auto outbox = make();
    enqueue(*outbox, "EG_1", "egress_started");
    enqueue(*outbox, "EG_1", "egress_ended");
    outbox->start();
    ASSERT_TRUE(receiver.wait_for(2));
    drain();
    EXPECT_EQ(outbox->counters().dead, 1U);
    EXPECT_EQ(store->delivery_counts().value()[records::DeliveryState::Dead], 1);
    gone = false;
    EXPECT_EQ(store->replay_dead(wall_now()).value(), 1);
    outbox->wake();
    ASSERT_TRUE(receiver.wait_for(3));
    drain();
    EXPECT_EQ(receiver.seen().back().event, "egress_started");
    EXPECT_EQ(store->delivery_counts().value()[records::DeliveryState::Delivered], 2);
}

TEST_F(Delivering, WhatIsPendingOutlivesTheProcess) {
    FlakyReceiver receiver([](const Seen&, std::size_t) { return 200; });
    configure(receiver.url());
    {
        const auto outbox = make();
        enqueue(*outbox, "EG_1", "egress_ended");
        // A process that died while it was sending: claimed, and no result told.
        records::Store::ClaimTerms terms;
        terms.now = wall_now();
        terms.worker = options.worker;
        terms.lease = 3600s;
        const auto claimed = store->claim_deliveries(terms);
        ASSERT_EQ(claimed.value().size(), 1U);
    }
    const auto outbox = make();
    outbox->start();
    EXPECT_TRUE(receiver.wait_for(1));
}

TEST_F(Delivering, ReceiversOfARequestAreToldToo) {
    FlakyReceiver receiver([](const Seen&, std::size_t) { return 200; });
    configure(receiver.url("/configured"));
    Receiver of_request;
    of_request.url = receiver.url("/request?token=abc");
    const auto outbox = make();
    enqueue(*outbox, "EG_1", "egress_ended", {of_request});
    outbox->start();
    ASSERT_TRUE(receiver.wait_for(2));
    std::set<std::string> paths;
    for (const Seen& seen : receiver.seen()) paths.insert(seen.path);
    EXPECT_THAT(paths, ElementsAre("/configured", "/request"));
}

TEST_F(Delivering, AUrlOfARequestThatMayNotReachThisMachineIsDeadAtOnce) {
    FlakyReceiver receiver([](const Seen&, std::size_t) { return 200; });
    options.allow = {"10.0.0.0/8"};
    Receiver of_request;
    of_request.url = receiver.url();
    configure(receiver.url("/configured"));
    const auto outbox = make();
    enqueue(*outbox, "EG_1", "egress_ended", {of_request});
    outbox->start();
    ASSERT_TRUE(receiver.wait_for(1));
    drain();
    outbox->stop();
    EXPECT_EQ(outbox->counters().dead, 1U);
    ASSERT_EQ(receiver.seen().size(), 1U);
    EXPECT_EQ(receiver.seen()[0].path, "/configured");
    records::DeliveryQuery dead;
    dead.state = records::DeliveryState::Dead;
    const auto kept = store->list_deliveries(dead).value().items;
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].attempts, 1);
    EXPECT_THAT(kept[0].last_error, testing::HasSubstr("127.0.0.1"));
    EXPECT_THAT(kept[0].last_error, testing::HasSubstr("network.allow"));
}

TEST_F(Delivering, ARulesReceiverOnThisMachineGetsItsHeaders) {
    FlakyReceiver receiver([](const Seen&, std::size_t) { return 200; });
    options.allow.clear();
    configure(receiver.url("/rule"));
    options.receivers[0].only_when_named = true;
    options.receivers[0].headers = {{"Authorization", "Bearer inside"}};
    const auto outbox = make();
    enqueue(*outbox, "EG_other", "egress_ended");  // Of no rule.
    enqueue(*outbox, "EG_rule", "egress_ended", options.receivers);
    outbox->start();
    ASSERT_TRUE(receiver.wait_for(1));
    drain();
    ASSERT_EQ(receiver.seen().size(), 1U);
    EXPECT_EQ(receiver.seen()[0].egress_id, "EG_rule");
    EXPECT_EQ(receiver.seen()[0].authorization, "Bearer inside");
    EXPECT_EQ(receiver.seen()[0].path, "/rule");
}

TEST_F(Delivering, AReceiverThatIsDownIsTriedUntilItIsUp) {
    std::string url;
    {
        const FlakyReceiver down([](const Seen&, std::size_t) { return 200; });
        url = down.url();
    }
    configure(url);
    const auto outbox = make();
    enqueue(*outbox, "EG_1", "egress_ended");
    outbox->start();
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (outbox->counters().failed < 2 && std::chrono::steady_clock::now() < limit) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    outbox->stop();
    const auto kept = store->list_deliveries({}).value().items.at(0);
    EXPECT_EQ(kept.state, records::DeliveryState::Pending);
    EXPECT_GE(kept.attempts, 2);
    EXPECT_EQ(kept.last_status, 0);
    // 1 s after the first, 2 s after the second.
    EXPECT_GE(kept.next_try - kept.first_due, 3s);
}

}  // namespace
}  // namespace aircheck::notify
