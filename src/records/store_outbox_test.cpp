#include "tests/support/stores.hpp"

#include "records/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace aircheck::records {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using tests::at;
using tests::Backend;
using tests::must;

class OutboxRows : public tests::OnBackend {
protected:
    /// `id` is "<receiver><egress><number>": "a11" goes to a, about EG_1.
    void add(const std::string& id, double created = 0) {
        Delivery delivery;
        delivery.delivery_id = id;
        delivery.receiver = id.substr(0, 1);
        delivery.fifo_key = delivery.egress_id = "EG_" + id.substr(1, 1);
        delivery.event = "egress_updated";
        delivery.url = "https://" + delivery.receiver + "/hook";
        delivery.body = "{}";
        delivery.created_at = at(created);
        must(store().add_deliveries(std::vector{delivery}));
    }
    std::vector<std::string> claim(double now, int limit = 100, const std::string& worker = "w") {
        std::vector<std::string> ids;
        Store::ClaimTerms terms;
        terms.now = at(now);
        terms.limit = limit;
        terms.worker = worker;
        return claim(terms);
    }
    std::vector<std::string> claim(const Store::ClaimTerms& terms) {
        std::vector<std::string> ids;
        for (const auto& one : must(store().claim_deliveries(terms))) {
            ids.push_back(one.delivery_id);
            claims_[one.delivery_id] = {terms.worker, one.leased_until};
        }
        return ids;
    }
    void delivered(const std::string& id, double now) {
        must(store().mark_delivered(id, 200, at(now)));
    }
    void failed(const std::string& id, double now, std::optional<double> next) {
        const auto& [worker, until] = claims_[id];
        Store::FailedTry result{id, worker, until, 500, "boom", at(now), {}};
        if (next) result.next_try = at(*next);
        must(store().mark_failed(result));
    }
    DeliveryState state(const std::string& id) { return must(store().find_delivery(id)).state; }

    std::map<std::string, std::pair<std::string, WallTime>> claims_;  ///< The last of each.
};
INSTANTIATE_TEST_SUITE_P(
    Contract,
    OutboxRows,
    testing::Values(Backend::SqliteMemory, Backend::SqliteFile, Backend::Postgres),
    [](const auto& backend) { return tests::name_of(backend.param); }
);

TEST_P(OutboxRows, ComeBackAsTheyWereGiven) {
    Delivery told;
    told.delivery_id = "DL_1";
    told.receiver = "https://n8n/…#12345678";
    told.fifo_key = told.egress_id = "EG_1";
    told.event = "egress_ended";
    told.event_id = "EV_1";
    told.format = "simple";
    told.signing_key = "devkey";
    told.url = "https://n8n/hook?{...}";
    told.sealed_url = {0, 9, 255};
    told.content_type = "application/json";
    told.headers = {{"X-A", "1"}};
    told.body = R"({"event":"egress_ended"})";
    told.created_at = at(10);
    must(store().add_deliveries(std::vector{told, told}));
    told.first_due = told.next_try = at(10);
    EXPECT_THAT(must(store().list_deliveries({})).items, ElementsAre(told));
    Store::ClaimTerms terms;
    terms.now = at(10);
    terms.worker = "w";
    told.leased_until = at(70);
    EXPECT_THAT(must(store().claim_deliveries(terms)), ElementsAre(told));
    EXPECT_EQ(store().find_delivery("DL_2").error().code, Errc::NotFound);
}

TEST_P(OutboxRows, GoOutInOrderOnePerReceiverAndEgress) {
    for (const char* id : {"a11", "a12", "b11", "a21"}) add(id);
    EXPECT_THAT(claim(1), UnorderedElementsAre("a11", "b11", "a21"));
    EXPECT_THAT(claim(2), IsEmpty());  // a12 waits for a11, which is under way.
    failed("a11", 2, 10);
    delivered("b11", 2);
    EXPECT_THAT(claim(3), IsEmpty());  // a11 is not due, and still holds a12 back.
    EXPECT_THAT(claim(10), ElementsAre("a11"));
    delivered("a11", 11);
    EXPECT_THAT(claim(11), ElementsAre("a12"));
    EXPECT_EQ(must(store().find_delivery("a11")).attempts, 2);
}

TEST_P(OutboxRows, AreNotDueBeforeTheirTime) {
    add("a11", 5);
    EXPECT_THAT(claim(4.999), IsEmpty());
    EXPECT_EQ(must(store().next_delivery_at()), at(5));
    EXPECT_THAT(claim(5), ElementsAre("a11"));
}

TEST_P(OutboxRows, TheLimitIsKept) {
    for (const char* id : {"a11", "a21", "a31"}) add(id);
    EXPECT_THAT(claim(1, 2), ElementsAre("a11", "a21"));
    EXPECT_THAT(claim(1, 2), ElementsAre("a31"));
}

TEST_P(OutboxRows, DeadLettersHoldNothingBack) {
    add("a11");
    add("a12");
    EXPECT_THAT(claim(1), ElementsAre("a11"));
    failed("a11", 1, {});
    EXPECT_EQ(state("a11"), DeliveryState::Dead);
    const Delivery dead = must(store().find_delivery("a11"));
    EXPECT_EQ(dead.last_error, "boom");
    EXPECT_EQ(dead.last_status, 500);
    EXPECT_EQ(dead.finished_at, at(1));
    EXPECT_THAT(claim(1), ElementsAre("a12"));
}

TEST_P(OutboxRows, AReplayedDeadLetterHoldsNothingBackEither) {
    add("a11");
    claim(1);
    failed("a11", 1, {});
    must(store().replay_delivery("a11", at(100)));
    add("a12", 100);
    const Delivery again = must(store().find_delivery("a11"));
    EXPECT_EQ(again.state, DeliveryState::Pending);
    EXPECT_EQ(again.first_due, at(100));  // Its 72 hours begin anew.
    EXPECT_EQ(again.attempts, 0);
    EXPECT_FALSE(again.finished_at);
    EXPECT_THAT(claim(100), ElementsAre("a11"));  // But only one of the two at a time.
    EXPECT_THAT(claim(100), IsEmpty());
    failed("a11", 101, 9000);
    EXPECT_THAT(claim(102), ElementsAre("a12"));
    EXPECT_EQ(store().replay_delivery("zzz", at(1)).error().code, Errc::NotFound);
}

TEST_P(OutboxRows, AllDeadLettersAreReplayedAtOnce) {
    for (const char* id : {"a11", "a21", "a31"}) add(id);
    claim(1);
    failed("a11", 1, {});
    failed("a21", 1, {});
    delivered("a31", 1);
    EXPECT_EQ(must(store().replay_dead(at(2))), 2);
    EXPECT_EQ(state("a31"), DeliveryState::Delivered);
    EXPECT_THAT(
        must(store().delivery_counts()),
        ElementsAre(
            std::pair(DeliveryState::Pending, std::int64_t{2}),
            std::pair(DeliveryState::Delivered, std::int64_t{1})
        )
    );
}

TEST_P(OutboxRows, LeasesEndOrAreGivenBack) {
    add("a11");
    EXPECT_THAT(claim(1), ElementsAre("a11"));
    EXPECT_THAT(claim(60.999), IsEmpty());
    EXPECT_THAT(claim(61), ElementsAre("a11"));  // Whoever had it is gone.
    must(store().release_leases("another"));
    EXPECT_THAT(claim(62), IsEmpty());
    must(store().release_leases("w"));
    EXPECT_THAT(claim(62), ElementsAre("a11"));
}

TEST_P(OutboxRows, ALateFailureDoesNotUndoADelivery) {
    add("a11");
    claim(1);
    delivered("a11", 2);
    failed("a11", 3, 4);
    EXPECT_EQ(state("a11"), DeliveryState::Delivered);
    const Store::FailedTry unknown{"zzz", "w", at(60), 500, "", at(1), {}};
    EXPECT_EQ(store().mark_failed(unknown).error().code, Errc::NotFound);
    EXPECT_EQ(store().mark_delivered("zzz", 200, at(1)).error().code, Errc::NotFound);
}

TEST_P(OutboxRows, AFailureToldAfterItsClaimChangesNothing) {
    add("a11");
    claim(1, 1, "slow");
    const auto slow = claims_["a11"];
    EXPECT_THAT(claim(61, 1, "w"), ElementsAre("a11"));  // The slow one's claim is over.
    must(store().mark_failed({"a11", slow.first, slow.second, 0, "timeout", at(62), at(63)}));
    EXPECT_THAT(claim(100), IsEmpty()) << "the other one is still sending it";
    EXPECT_EQ(must(store().find_delivery("a11")).attempts, 0);
    // Nor does one of the same worker, told of a claim before.
    must(store().mark_failed({"a11", "w", slow.second, 0, "timeout", at(62), at(63)}));
    EXPECT_THAT(claim(100), IsEmpty());
    failed("a11", 101, 102);
    EXPECT_EQ(must(store().find_delivery("a11")).attempts, 1);
}

TEST_P(OutboxRows, AreNotDueBeforeTheOneTheyWaitFor) {
    for (const char* id : {"a11", "a12", "a13"}) add(id);
    claim(1);
    failed("a11", 2, 50);
    add("a14", 3);
    EXPECT_EQ(must(store().next_delivery_at()), at(50)) << "nothing to look for until then";
    EXPECT_THAT(claim(50), ElementsAre("a11"));
    delivered("a11", 51);
    EXPECT_EQ(must(store().next_delivery_at()), at(50));
    EXPECT_THAT(claim(51), ElementsAre("a12"));
    failed("a12", 52, 4000);
    EXPECT_EQ(must(store().next_delivery_at()), at(4000));
    EXPECT_THAT(claim(4000), ElementsAre("a12"));
    failed("a12", 4001, {});  // Given up: the next one does not wait out its pause.
    EXPECT_THAT(claim(4001), ElementsAre("a13"));
}

TEST_P(OutboxRows, AReceiverWithoutRoomHoldsUpNoOther) {
    for (const char* id : {"a11", "a21", "a31", "a41", "b11", "c11"}) add(id);
    Store::ClaimTerms terms;
    terms.now = at(1);
    terms.limit = 3;
    terms.per_receiver = 2;
    terms.room = {{"b", 0}};
    EXPECT_THAT(claim(terms), ElementsAre("a11", "a21", "c11"));
    terms.room = {{"a", 1}};
    EXPECT_THAT(claim(terms), ElementsAre("a31", "b11"));
}

TEST_P(OutboxRows, AReplayedOneThatIsPendingKeepsItsPlace) {
    add("a11");
    add("a12");
    claim(1);
    failed("a11", 2, 3600);
    must(store().replay_delivery("a12", at(10)));
    EXPECT_THAT(claim(10), IsEmpty()) << "it waits for the one before it";
    must(store().replay_delivery("a11", at(10)));
    EXPECT_THAT(claim(10), ElementsAre("a11"));
    must(store().replay_delivery("a11", at(11)));
    EXPECT_THAT(claim(11), IsEmpty()) << "it is under way";
    delivered("a11", 12);
    EXPECT_THAT(claim(12), ElementsAre("a12"));
}

TEST_P(OutboxRows, AreReplayedAndListedByReceiverAndEgress) {
    for (const char* id : {"a11", "a21", "b11", "b21"}) add(id);
    claim(1);
    for (const char* id : {"a11", "a21", "b11", "b21"}) failed(id, 1, {});
    DeliveryQuery of_a;
    of_a.receiver = "a";
    of_a.egress_id = "EG_2";
    EXPECT_EQ(must(store().replay_dead(at(2), of_a)), 1);
    EXPECT_EQ(state("a21"), DeliveryState::Pending);
    of_a.egress_id.clear();
    EXPECT_EQ(must(store().list_deliveries(of_a)).items.size(), 2U);
    DeliveryQuery by_url;
    by_url.receiver = "https://b/hook";
    EXPECT_EQ(must(store().list_deliveries(by_url)).items.size(), 2U);
    EXPECT_EQ(must(store().replay_dead(at(2), by_url)), 2);
    EXPECT_EQ(state("a11"), DeliveryState::Dead);
}

TEST_P(OutboxRows, TheClockIsTheDatabasesOwn) {
    // Both run on this machine: it is one clock, to a minute whatever else the machine does.
    const Nanoseconds apart = must(store().now()) - wall_now();
    EXPECT_LT(std::chrono::abs(apart), 60s);
}

TEST_P(OutboxRows, AreListedAndPruned) {
    add("a11");
    add("a12");
    add("b21");
    claim(1);
    delivered("a11", 10);
    DeliveryQuery query;
    query.egress_id = "EG_1";
    query.limit = 1;
    const auto page = must(store().list_deliveries(query));
    ASSERT_EQ(page.items.size(), 1U);
    EXPECT_EQ(page.items[0].delivery_id, "a12");
    query.cursor = page.next_cursor.value_or("");
    EXPECT_EQ(must(store().list_deliveries(query)).items[0].delivery_id, "a11");
    must(store().remember_event("EV_old", at(9)));
    must(store().remember_event("EV_new", at(11)));
    must(store().remember_event("EV_new", at(12)));
    must(store().prune(at(10)));  // Nothing of exactly that time goes.
    EXPECT_EQ(state("a11"), DeliveryState::Delivered);
    EXPECT_FALSE(must(store().event_seen("EV_old")));
    must(store().prune(at(10.5)));
    EXPECT_EQ(store().find_delivery("a11").error().code, Errc::NotFound);
    EXPECT_EQ(state("a12"), DeliveryState::Pending);
    EXPECT_TRUE(must(store().event_seen("EV_new")));
}

TEST_P(OutboxRows, TwoProcessesNeverTakeTheSame) {
    if (GetParam() == Backend::SqliteMemory) return;  // Belongs to one process.
    constexpr int kRows = 60;
    for (int i = 0; i < kRows; ++i) {
        Delivery delivery;
        delivery.delivery_id = "DL_" + std::to_string(i);
        delivery.receiver = "r";
        delivery.fifo_key = std::to_string(i);
        must(store().add_deliveries(std::vector{delivery}));
    }
    auto other = must(Store::open(location_));
    std::vector<std::string> taken[2];
    const auto work = [&](Store& from, std::vector<std::string>& into) {
        for (int idle = 0; idle < 3;) {
            Store::ClaimTerms terms;
            terms.now = at(1);
            terms.limit = 2;
            const auto claimed = from.claim_deliveries(terms);
            ASSERT_TRUE(claimed) << claimed.error().to_string();
            idle = claimed->empty() ? idle + 1 : 0;
            for (const auto& one : *claimed) into.push_back(one.delivery_id);
        }
    };
    std::thread second([&] { work(*other, taken[1]); });
    work(store(), taken[0]);
    second.join();
    std::set<std::string> all(taken[0].begin(), taken[0].end());
    all.insert(taken[1].begin(), taken[1].end());
    EXPECT_EQ(taken[0].size() + taken[1].size(), static_cast<std::size_t>(kRows));
    EXPECT_EQ(all.size(), static_cast<std::size_t>(kRows));
}

}  // namespace
}  // namespace aircheck::records
