#include "control/bus_worker.hpp"

#include "control/bus_scene_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using livekit::EgressStatus;
using ::testing::ElementsAre;
using testing::FakeLivekit;
using testing::FakeRedis;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ManualClock;
using testing::status_of;
using testing::Worker;

constexpr const char* kOwners = "{aircheck}:owners";
constexpr const char* kJobs = "{aircheck}:jobs";

class BusWorkers : public ::testing::Test {
protected:
    ManualClock clock_;
    FakeRedis redis_{clock_};
    FakeLivekit livekit_{redis_, clock_};
    Worker one_{redis_, clock_, "one"};
    Worker two_{redis_, clock_, "two"};

    /// A job on worker one.
    void begin(const std::string& egress_id) {
        two_.host.bid = -1;
        const auto answer = livekit_.start(egress_id);
        ASSERT_TRUE(answer.has_come);
        ASSERT_EQ(answer.error, "");
        two_.host.bid = 1;
    }
};

TEST_F(BusWorkers, DoAJobFromStartToEnd) {
    two_.host.bid = 0.5f;
    const auto started = livekit_.start("EG_1", "lobby");
    EXPECT_EQ(started.error, "");
    EXPECT_EQ(status_of(started.info), "STARTING");
    EXPECT_EQ(started.info.room_name(), "lobby");
    EXPECT_THAT(one_.host.calls, ElementsAre("start EG_1 lobby")) << "the higher bid";
    EXPECT_THAT(two_.host.calls, IsEmpty());
    EXPECT_THAT(livekit_.webhooks, ElementsAre("started EG_1"));
    EXPECT_EQ(redis_.hash(kOwners)["EG_1"], "one");

    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    EXPECT_EQ(status_of(livekit_.stop("EG_1").info), "ENDING");
    EXPECT_EQ(one_.host.calls.back(), "stop EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ENDING);
    EXPECT_FALSE(one_.worker->is_settled());
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    EXPECT_THAT(
        livekit_.webhooks,
        ElementsAre(
            "started EG_1", "updated EG_1 ACTIVE", "updated EG_1 ENDING", "ended EG_1 COMPLETE"
        )
    );
    EXPECT_TRUE(one_.worker->is_settled());
    EXPECT_EQ(one_.kept(), 0u);
    EXPECT_THAT(redis_.hash(kOwners), IsEmpty());
    EXPECT_THAT(redis_.hash(kJobs), IsEmpty());
    EXPECT_FALSE(livekit_.stop("EG_1").has_come) << "nobody answers for what is over";
}

TEST_F(BusWorkers, RefuseInWordsAndLeaveNoTrace) {
    one_.host.refusal = RpcError{"resource_exhausted", "this recorder is full"};
    one_.host.bid = 0.001f;
    two_.host.bid = -1;
    EXPECT_EQ(livekit_.start("EG_1").error, "resource_exhausted: this recorder is full");
    EXPECT_EQ(livekit_.start("../x").error, "invalid_argument: '../x' is no egress id");
    EXPECT_THAT(livekit_.webhooks, IsEmpty());
    EXPECT_THAT(redis_.hash(kOwners), IsEmpty());
    EXPECT_TRUE(one_.worker->is_settled());
    one_.host.refusal.reset();
    EXPECT_EQ(livekit_.start("EG_1").error, "") << "later it may fit";
    EXPECT_EQ(one_.worker->counters().refused, 2u);
}

TEST_F(BusWorkers, LeaveAJobThatNobodyBidsFor) {
    one_.host.bid = two_.host.bid = -1;
    EXPECT_FALSE(livekit_.start("EG_1").has_come);
    EXPECT_THAT(one_.host.calls, IsEmpty());
}

TEST_F(BusWorkers, PassOnWhatStreamsAreTold) {
    begin("EG_1");
    EXPECT_EQ(
        livekit_.update_stream("EG_1", "rtmp://x").error,
        "invalid_argument: UpdateStream called on non-streaming egress"
    );
    EXPECT_EQ(one_.host.calls.back(), "stream EG_1 rtmp://x");
}

TEST_F(BusWorkers, ListWhatIsNotOver) {
    begin("EG_1");
    begin("EG_2");
    livekit_.refusal = RpcError{"unavailable", "later"};
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    two_.kill();
    const auto answer = livekit_.call({"EgressInternal", "ListActiveEgress", ""}, "");
    // ListActiveEgressResponse.egress_ids is field 1, as EgressInfo.egress_id.
    EXPECT_EQ(answer.info.egress_id(), "EG_2");
}

TEST_F(BusWorkers, DoAJobOnceHoweverOftenItComes) {
    begin("EG_1");
    EXPECT_EQ(livekit_.start("EG_1").info.room_name(), "room") << "the worker that has it";
    EXPECT_EQ(one_.host.calls.size(), 1u);
    // The one that has it does not hear the caller: the other knows of it from Redis.
    one_.bus->disconnect();
    const auto elsewhere = livekit_.start("EG_1");
    EXPECT_EQ(elsewhere.error, "");
    EXPECT_EQ(elsewhere.info.room_name(), "room");
    EXPECT_THAT(two_.host.calls, IsEmpty());
    EXPECT_EQ(two_.worker->counters().repeated, 1u);
    // Asked again while the first is not answered yet: one start, one answer each.
    one_.bus->connect();
    two_.host.bid = -1;
    one_.host.holds_answers = true;
    EXPECT_FALSE(livekit_.start("EG_2").has_come);
    EXPECT_FALSE(livekit_.start("EG_2").has_come);
    ASSERT_EQ(one_.host.held.size(), 1u);
    livekit::EgressInfo info;
    info.set_egress_id("EG_2");
    one_.host.held[0](info);
    clock_.settle();
    EXPECT_EQ(livekit_.last().info.egress_id(), "EG_2");
}

TEST_F(BusWorkers, TakeOverAStartWhoseWorkerIsGone) {
    begin("EG_1");
    one_.kill();
    clock_.advance(21s);
    livekit_.start("EG_1");
    EXPECT_THAT(two_.host.calls, ElementsAre("start EG_1 room"));
}

TEST_F(BusWorkers, TellWhatHappensBeforeTheHostHasAnswered) {
    two_.host.bid = -1;
    one_.host.holds_answers = true;
    livekit_.start("EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    EXPECT_THAT(livekit_.webhooks, IsEmpty());
    livekit::EgressInfo info;
    info.set_egress_id("EG_1");
    one_.host.held.at(0)(info);
    clock_.settle();
    EXPECT_THAT(livekit_.webhooks, ElementsAre("started EG_1", "updated EG_1 ACTIVE"));
    EXPECT_EQ(status_of(livekit_.last().info), "STARTING");
}

TEST_F(BusWorkers, AnswerInTimeWhateverIOInfoDoes) {
    two_.host.bid = -1;
    livekit_.refusal = RpcError{"unavailable", "later"};
    EXPECT_FALSE(livekit_.start("EG_1").has_come);
    clock_.advance(7s);
    EXPECT_FALSE(livekit_.last().has_come);
    clock_.advance(1s);
    EXPECT_TRUE(livekit_.last().has_come) << "two seconds before the caller gives up";
}

TEST_F(BusWorkers, TellTheNewestStateAndTheLastAlways) {
    begin("EG_1");
    livekit_.bus.disconnect();
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    one_.report("EG_1", EgressStatus::EGRESS_ENDING);
    clock_.advance(30s);
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    one_.report("EG_1", EgressStatus::EGRESS_ENDING);  // Late: nothing follows the last.
    clock_.advance(30s);
    EXPECT_GT(one_.worker->counters().report_retries, 3u);
    EXPECT_LT(one_.worker->counters().report_retries, 20u) << "with growing pauses";
    livekit_.bus.connect();
    clock_.advance(61s);
    EXPECT_THAT(livekit_.webhooks, ElementsAre("started EG_1", "ended EG_1 COMPLETE"));
    EXPECT_TRUE(one_.worker->is_settled());
}

TEST_F(BusWorkers, DoNotRepeatForEverWhatIsRefused) {
    begin("EG_1");
    livekit_.refusal = RpcError{"internal", "no store"};
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    clock_.advance(std::chrono::minutes(10));
    EXPECT_TRUE(one_.worker->is_settled());
    EXPECT_EQ(one_.worker->counters().report_retries, 10u);
}

TEST_F(BusWorkers, TellAfterARestartWhatWasNotTold) {
    begin("EG_1");
    begin("EG_2");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    one_.report("EG_2", EgressStatus::EGRESS_ACTIVE);
    livekit_.bus.disconnect();
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    one_.kill();
    livekit_.bus.connect();
    livekit_.webhooks.clear();
    one_.restart();
    clock_.settle();
    EXPECT_THAT(
        livekit_.webhooks,
        ::testing::UnorderedElementsAre("ended EG_1 COMPLETE", "ended EG_2 FAILED")
    );
    EXPECT_THAT(livekit_.store["EG_2"].error(), HasSubstr("restarted"));
    EXPECT_EQ(livekit_.store["EG_2"].error_code(), 500);
    EXPECT_GT(livekit_.store["EG_2"].ended_at(), 0);
    EXPECT_EQ(one_.kept(), 0u);
    EXPECT_THAT(redis_.hash(kOwners), IsEmpty());
}

TEST_F(BusWorkers, EndTheJobsOfOneThatIsGone) {
    Worker three(redis_, clock_, "three");
    three.host.bid = -1;
    begin("EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    begin("EG_2");
    one_.kill();
    clock_.advance(19s);
    EXPECT_EQ(status_of(livekit_.store["EG_1"]), "ACTIVE") << "it may come back";
    clock_.advance(25s);
    EXPECT_EQ(status_of(livekit_.store["EG_1"]), "FAILED");
    EXPECT_THAT(livekit_.store["EG_1"].error(), HasSubstr("worker one"));
    EXPECT_EQ(livekit_.store["EG_1"].details(), "End reason: Failure");
    EXPECT_GT(livekit_.store["EG_1"].ended_at(), 0);
    clock_.advance(std::chrono::minutes(5));
    EXPECT_THAT(
        livekit_.webhooks,
        ::testing::UnorderedElementsAre(
            "started EG_1",
            "started EG_2",
            "updated EG_1 ACTIVE",
            "ended EG_1 FAILED",
            "ended EG_2 FAILED"
        )
    ) << "once, though two workers saw it";
    EXPECT_THAT(redis_.hash(kOwners), IsEmpty());
    EXPECT_EQ(two_.kept() + three.kept(), 0u);
}

TEST_F(BusWorkers, GoOnWithTheJobOfOneThatIsGone) {
    two_.host.takes = JobHost::TakenOver::Yes;
    begin("EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    one_.kill();
    clock_.advance(60s);
    EXPECT_THAT(two_.host.calls, ::testing::Contains("take over EG_1").Times(1));
    EXPECT_EQ(redis_.hash(kOwners)["EG_1"], "two");
    EXPECT_EQ(status_of(livekit_.store["EG_1"]), "ACTIVE");
    two_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    clock_.advance(60s);
    EXPECT_THAT(
        livekit_.webhooks, ElementsAre("started EG_1", "updated EG_1 ACTIVE", "ended EG_1 COMPLETE")
    );
    EXPECT_THAT(redis_.hash(kOwners), IsEmpty());
}

TEST_F(BusWorkers, LeaveTheJobOfOneThatTheRecordsTakeForAlive) {
    two_.host.takes = JobHost::TakenOver::NotGone;
    begin("EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    one_.kill();
    clock_.advance(60s);
    EXPECT_EQ(status_of(livekit_.store["EG_1"]), "ACTIVE") << "it is asked about again later";
    two_.host.takes = JobHost::TakenOver::Not;
    clock_.advance(std::chrono::minutes(3));
    EXPECT_EQ(status_of(livekit_.store["EG_1"]), "FAILED");
}

TEST_F(BusWorkers, TellTheEndThatOneWhoIsGoneCouldNotTell) {
    begin("EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    livekit_.bus.disconnect();
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    one_.kill();
    clock_.advance(60s);
    EXPECT_EQ(status_of(livekit_.store["EG_1"]), "ACTIVE");
    livekit_.bus.connect();
    clock_.advance(std::chrono::minutes(3));
    EXPECT_EQ(livekit_.webhooks.back(), "ended EG_1 COMPLETE");
}

TEST_F(BusWorkers, LeaveTheEndThatWasTold) {
    begin("EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    // As if it had died between livekit-server's answer and its own tidying up.
    livekit_.store["EG_1"].set_status(EgressStatus::EGRESS_COMPLETE);
    one_.kill();
    clock_.advance(60s);
    EXPECT_EQ(livekit_.webhooks.back(), "updated EG_1 ACTIVE");
    EXPECT_THAT(redis_.hash(kOwners), IsEmpty());
}

TEST_F(BusWorkers, GoOnAfterRedisForgotEverything) {
    begin("EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    one_.bus->disconnect();
    two_.bus->disconnect();
    livekit_.bus.disconnect();
    clock_.advance(60s);
    redis_.flush();
    livekit_.store.clear();  // It keeps its records on the same Redis.
    livekit_.bus.connect();
    two_.bus->connect();
    clock_.advance(5s);
    one_.bus->connect();
    clock_.settle();
    EXPECT_EQ(status_of(livekit_.store["EG_1"]), "ACTIVE");
    clock_.advance(60s);
    EXPECT_EQ(status_of(livekit_.store["EG_1"]), "ACTIVE") << "nobody took it for dead";
    EXPECT_EQ(redis_.hash(kOwners)["EG_1"], "one");
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    EXPECT_EQ(livekit_.webhooks.back(), "ended EG_1 COMPLETE");
}

TEST_F(BusWorkers, AreNotTakenForDeadRightAfterARestartOfRedis) {
    begin("EG_1");
    for (auto* bus : {one_.bus.get(), two_.bus.get()}) bus->disconnect();
    clock_.advance(std::chrono::minutes(2));  // Its key has expired meanwhile.
    two_.bus->connect();
    clock_.advance(19s);
    one_.bus->connect();
    clock_.advance(60s);
    EXPECT_THAT(livekit_.webhooks, ElementsAre("started EG_1"));
}

TEST_F(BusWorkers, TellTheTruthWhenTakenForDeadInError) {
    begin("EG_1");
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    one_.bus->disconnect();
    clock_.advance(60s);
    EXPECT_EQ(livekit_.webhooks.back(), "ended EG_1 FAILED");
    one_.bus->connect();
    clock_.settle();
    EXPECT_EQ(livekit_.webhooks.back(), "updated EG_1 ACTIVE") << "it records on";
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    EXPECT_EQ(livekit_.webhooks.back(), "ended EG_1 COMPLETE") << "and its file is told";
}

TEST_F(BusWorkers, DrainWithoutLeavingTheirJobs) {
    begin("EG_1");
    one_.worker->drain();
    livekit_.start("EG_2");
    EXPECT_THAT(two_.host.calls, ElementsAre("start EG_2 room"));
    EXPECT_EQ(status_of(livekit_.stop("EG_1").info), "ENDING");
    one_.report("EG_1", EgressStatus::EGRESS_COMPLETE);
    EXPECT_TRUE(one_.worker->is_settled());
    EXPECT_EQ(one_.host.calls.size(), 2u);
}

TEST_F(BusWorkers, TakeNoJobsThatTheyCannotReport) {
    begin("EG_1");
    livekit_.refusal = RpcError{"unavailable", "later"};
    one_.report("EG_1", EgressStatus::EGRESS_ACTIVE);
    EXPECT_TRUE(one_.worker->is_healthy());
    clock_.advance(std::chrono::minutes(11));
    EXPECT_FALSE(one_.worker->is_healthy());
    two_.host.bid = -1;
    EXPECT_FALSE(livekit_.start("EG_2").has_come);
    livekit_.refusal.reset();
    clock_.advance(61s);
    EXPECT_TRUE(one_.worker->is_healthy());
    EXPECT_EQ(livekit_.start("EG_2").error, "");
}

TEST_F(BusWorkers, NameAFolderThatCannotBeUsed) {
    testing::FakeBus bus(redis_);
    testing::FakeHost host;
    BusWorker worker(bus, clock_, host, {"x", "", "/proc/none/bus"});
    const auto started = worker.start();
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().to_string(), HasSubstr("/proc/none/bus"));
}

}  // namespace
}  // namespace aircheck::control
