#include "notify/courier.hpp"

#include "tests/support/stores.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>

// Receivers that fail for hours and workers that share one outbox, in simulated time.
namespace aircheck::notify {
namespace {

using records::Delivery;
using records::DeliveryState;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;
using tests::at;
using tests::Backend;
using tests::must;

constexpr double kHour = 3600;

/// One request that a receiver got.
struct Request {
    double at = 0;
    std::string delivery_id, event_id;
    int status = 0;
};

class Couriers : public tests::OnBackend {
protected:
    /// One more process on the database; in memory there is one store only.
    Courier& add_worker(const std::string& name) {
        records::Store* shared = store_.get();
        if (GetParam() != Backend::SqliteMemory) {
            stores_.push_back(must(records::Store::open(location_)));
            shared = stores_.back().get();
        }
        workers_.push_back(std::make_unique<Courier>(*shared, Courier::Options{name, 8, 60s}));
        return *workers_.back();
    }
    /// Event `number` of an egress, for `receiver`.
    void tell(const std::string& receiver, int egress, int number, double time) {
        Delivery delivery;
        delivery.receiver = receiver;
        delivery.egress_id = delivery.fifo_key = "EG_" + std::to_string(egress);
        delivery.delivery_id = receiver + "/" + delivery.egress_id + "/" + std::to_string(number);
        delivery.event_id = "EV" + delivery.delivery_id;
        delivery.url = "https://" + receiver + "/hook";
        delivery.created_at = at(time);
        must(store().add_deliveries(std::vector{delivery}));
    }
    /// What `delivery`'s receiver answers at `time`.
    Answer answer(const Delivery& delivery, double time) {
        const auto says = answers_.find(delivery.receiver);
        const int status = says == answers_.end() ? 200 : says->second(time);
        requests_[delivery.receiver].push_back(
            {time, delivery.delivery_id, delivery.event_id, status}
        );
        return {status, {}, status == 200 ? "" : "it is down", Prospect::ByStatus};
    }
    /// All workers send all that is due at `time`.
    void send_due(double time) {
        for (bool found = true; found;) {
            found = false;
            for (const auto& worker : workers_) {
                for (const Delivery& one : must(worker->take(at(time)))) {
                    found = true;
                    worker->settle(one, answer(one, time), at(time));
                }
            }
        }
    }
    /// From one due time to the next, until nothing is pending or `end`.
    double run(double from, double end) {
        double time = from;
        for (;;) {
            send_due(time);
            const auto next = must(store().next_delivery_at());
            if (!next) return time;
            time = std::max(time + 1e-3, to_seconds(next->time_since_epoch()));
            if (time > end) return end;
        }
    }
    std::vector<std::string> taken_by(const std::string& receiver) {
        std::vector<std::string> ids;
        for (const Request& one : requests_[receiver]) {
            if (one.status == 200) ids.push_back(one.delivery_id);
        }
        return ids;
    }
    DeliveryState state(const std::string& id) { return must(store().find_delivery(id)).state; }

    std::vector<std::unique_ptr<records::Store>> stores_;
    std::vector<std::unique_ptr<Courier>> workers_;
    std::map<std::string, std::function<int(double)>> answers_;
    std::map<std::string, std::vector<Request>> requests_;
};
INSTANTIATE_TEST_SUITE_P(
    Contract,
    Couriers,
    testing::Values(Backend::SqliteMemory, Backend::Postgres),
    [](const auto& backend) { return tests::name_of(backend.param); }
);

TEST_P(Couriers, TellAReceiverThatWasDownForHoursAllOfItInOrder) {
    for (const char* name : {"w1", "w2", "w3"}) add_worker(name);
    constexpr double kBack = 10 * kHour;
    constexpr int kEgresses = 12, kEvents = 3;
    answers_["down"] = [](double time) { return time < kBack ? 0 : 200; };
    double time = 0;
    for (int egress = 0; egress < kEgresses; ++egress) {
        for (int number = 0; number < kEvents; ++number) {
            time = run(time, egress * 600 + number * 60);
            time = std::max(time, egress * 600.0 + number * 60);
            tell("down", egress, number, time);
            tell("up", egress, number, time);
            send_due(time);
            EXPECT_EQ(requests_["up"].back().at, time) << "the other one waits for nothing";
        }
    }
    const double end = run(time, 100 * kHour);
    EXPECT_LE(end, kBack + kHour) << "the longest pause is an hour";
    for (const char* receiver : {"up", "down"}) {
        const auto taken = taken_by(receiver);
        EXPECT_THAT(std::set<std::string>(taken.begin(), taken.end()), SizeIs(taken.size()));
        EXPECT_THAT(taken, SizeIs(kEgresses * kEvents)) << receiver;
        std::map<std::string, int> last;
        for (const std::string& id : taken) {
            const auto slash = id.rfind('/');
            int& before = last.emplace(id.substr(0, slash), -1).first->second;
            const int number = std::stoi(id.substr(slash + 1));
            EXPECT_EQ(number, before + 1) << id;
            before = number;
        }
    }
    for (const Request& one : requests_["down"]) EXPECT_EQ(one.event_id, "EV" + one.delivery_id);
    // 1 s, 2 s … 2048 s (the sum is 68 minutes), then hours: some 21 tries of each first event.
    EXPECT_THAT(requests_["down"], SizeIs(Le(std::size_t{kEgresses * (22 + kEvents)})));
}

TEST_P(Couriers, GiveUpAfterThreeDaysAndTellItWhenAsked) {
    Courier& worker = add_worker("w");
    bool is_down = true;
    answers_["a"] = [&](double) { return is_down ? 500 : 200; };
    tell("a", 1, 0, 0);
    tell("a", 1, 1, 0);
    const double end = run(0, 1000 * kHour);
    EXPECT_EQ(requests_["a"].front().at, 0);
    // The second was due from the beginning, so it is tried once when its turn comes.
    EXPECT_EQ(requests_["a"].back().at, 72 * kHour);
    EXPECT_EQ(end, 72 * kHour);
    EXPECT_EQ(state("a/EG_1/0"), DeliveryState::Dead);
    EXPECT_EQ(state("a/EG_1/1"), DeliveryState::Dead);
    EXPECT_EQ(worker.counters().dead, 2U);
    is_down = false;
    EXPECT_EQ(must(store().replay_dead(at(end + 1))), 2);
    run(end + 1, end + 2);
    EXPECT_THAT(taken_by("a"), testing::UnorderedElementsAre("a/EG_1/0", "a/EG_1/1"));
    EXPECT_EQ(worker.counters().sent, 2U);
}

TEST_P(Couriers, TakeOverWhatAWorkerThatDiedHad) {
    Courier& dead = add_worker("dead");
    tell("a", 1, 0, 0);
    tell("a", 1, 1, 0);
    EXPECT_THAT(must(dead.take(at(0))), SizeIs(1));
    workers_.pop_back();
    Courier& other = add_worker("other");
    EXPECT_THAT(must(other.take(at(59))), IsEmpty()) << "it may still be sending";
    const auto taken = must(other.take(at(60)));
    ASSERT_THAT(taken, SizeIs(1));
    EXPECT_EQ(taken[0].delivery_id, "a/EG_1/0");
}

TEST_P(Couriers, DoNotSendAgainWhatCouldNotBePutOnRecord) {
    if (GetParam() == Backend::SqliteMemory) return;  // No second session reaches its tables.
    Courier& worker = add_worker("w");
    tell("a", 1, 0, 0);
    tell("a", 1, 1, 0);
    const auto taken = must(worker.take(at(0)));
    ASSERT_THAT(taken, SizeIs(1));
    records::Database database(location_);
    database.open_if_closed();
    database.run("ALTER TABLE deliveries RENAME TO away");  // The database fails for a while.
    worker.settle(taken[0], answer(taken[0], 1), at(1));
    EXPECT_FALSE(worker.take(at(2)));
    database.run("ALTER TABLE away RENAME TO deliveries");
    send_due(1000);  // Long after its lease.
    EXPECT_THAT(taken_by("a"), ElementsAre("a/EG_1/0", "a/EG_1/1"));
    EXPECT_EQ(state("a/EG_1/0"), DeliveryState::Delivered);
}

TEST_P(Couriers, GiveASilentReceiverOneRequestAtATime) {
    Courier& worker = add_worker("w");
    for (int egress = 0; egress < 20; ++egress) {
        tell("a", egress, 0, 0);
        tell("b", egress, 0, 0);
    }
    const auto first = must(worker.take(at(0)));
    std::map<std::string, int> under_way;
    for (const Delivery& one : first) ++under_way[one.receiver];
    EXPECT_THAT(under_way, ElementsAre(std::pair("a", 4), std::pair("b", 4))) << "half each";
    for (const Delivery& one : first) {
        const int status = one.receiver == "a" ? 0 : 200;
        worker.settle(one, {status, {}, "", Prospect::ByStatus}, at(0));
    }
    under_way.clear();
    const auto second = must(worker.take(at(0)));
    for (const Delivery& one : second) ++under_way[one.receiver];
    EXPECT_THAT(under_way, ElementsAre(std::pair("a", 1), std::pair("b", 4)));
    for (const Delivery& one : second) worker.settle(one, {200, {}, "", Prospect::ByStatus}, at(0));
    under_way.clear();
    for (const Delivery& one : must(worker.take(at(0)))) ++under_way[one.receiver];
    EXPECT_EQ(under_way["a"], 4) << "it answers again";
}

}  // namespace
}  // namespace aircheck::notify
