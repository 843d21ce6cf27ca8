#include "control/admission.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMB = 1'000'000;

/// A machine on which each recording costs what the test says, in steps of a measurement.
class AdmissionTest : public testing::Test {
protected:
    void open(Admission::Options options) {
        admission_.emplace(options);
        admission_->measure(usage_, now_);
    }
    static Admission::Options cores(double number) {
        Admission::Options options;
        options.capacity.cores = number;
        return options;
    }
    std::string begin(Workload workload = Workload::Mixed) {
        const std::string id = "EG_" + std::to_string(++begun_);
        admission_->begin(id, workload, now_);
        return id;
    }
    /// As many as fit at this moment.
    std::size_t fill(Workload workload = Workload::Mixed) {
        std::size_t count = 0;
        while (!admission_->refusal(workload) && count < 100'000) {
            begin(workload);
            ++count;
        }
        return count;
    }
    /// So many measurements, five seconds apart, with so many cores used all the time.
    void run(int windows, double cores_used) {
        for (int i = 0; i < windows; ++i) {
            now_ += 5s;
            usage_.cpu += std::chrono::duration_cast<Nanoseconds>(
                std::chrono::duration<double>(5 * cores_used)
            );
            admission_->measure(usage_, now_);
        }
    }
    std::string refusal() { return admission_->refusal(Workload::Mixed).value_or(""); }
    double load() { return admission_->status().load; }

    std::optional<Admission> admission_;
    Instant now_{std::chrono::hours(1)};
    Usage usage_{50ms, 40 * kMB};
    int begun_ = 0;
};

TEST_F(AdmissionTest, IsIdleWithoutRecordings) {
    open(cores(2));
    EXPECT_EQ(load(), 0);
    EXPECT_EQ(refusal(), "");
    EXPECT_EQ(admission_->status().slots_free, 160U);  // 2 cores x 80 % / a hundredth of a core
}

TEST_F(AdmissionTest, ABurstCountsBeforeItIsMeasured) {
    open(cores(1));
    EXPECT_EQ(fill(), 80U);
    EXPECT_EQ(refusal(), "this machine is full: 80 recordings use 0.8 of 1 cores (limit 80 %)");
    EXPECT_EQ(load(), 1);
    EXPECT_EQ(admission_->status().slots_free, 0U);
}

TEST_F(AdmissionTest, APassthroughCostsLess) {
    open(cores(1));
    EXPECT_EQ(fill(Workload::Passthrough), 200U);
}

TEST_F(AdmissionTest, LearnsThatThisMachineIsSlow) {
    open(cores(1));
    for (int i = 0; i < 10; ++i) begin();
    run(120, 0.4);  // ten minutes: 0.04 each
    EXPECT_NEAR(admission_->status().cores_a_recording, 0.04, 0.006);
    EXPECT_NEAR(static_cast<double>(fill()), 10, 2);  // 20 of them make 0.8
}

TEST_F(AdmissionTest, LearnsThatThisMachineIsFast) {
    open(cores(1));
    for (int i = 0; i < 50; ++i) begin();
    run(120, 0.2);  // 0.004 each
    EXPECT_NEAR(admission_->status().cores_a_recording, 0.004, 0.0005);
    EXPECT_GT(50 + fill(), 160U);
}

TEST_F(AdmissionTest, SilentRoomsAreNotTakenForCheapOnes) {
    open(cores(1));
    for (int i = 0; i < 100; ++i)
        admission_->begin("EG_s" + std::to_string(i), Workload::Mixed, now_);
    run(400, 0.001);
    EXPECT_EQ(admission_->status().cores_a_recording, 0.0025);
    EXPECT_EQ(100 + fill(), 320U);
}

TEST_F(AdmissionTest, OneRecordingWithABurstBesideItDoesNotFillTheMachine) {
    open(cores(2));
    begin();
    run(1, 0.5);
    run(3, 0.01);
    EXPECT_LT(load(), 0.1);
    EXPECT_GT(admission_->status().slots_free, 100U);
}

TEST_F(AdmissionTest, WhatIsMeasuredRefusesWhateverWasExpected) {
    open(cores(2));
    begin();
    run(2, 1.7);  // Something else in this process: the recording must not be crowded out.
    EXPECT_THAT(refusal(), HasSubstr("1 recording uses 1.7 of 2 cores"));
    EXPECT_EQ(load(), 1);
    run(2, 0.01);
    EXPECT_EQ(refusal(), "");
}

TEST_F(AdmissionTest, WhoHasJustBegunIsNotCountedTwiceInWhatIsMeasured) {
    open(cores(2));
    for (int i = 0; i < 80; ++i) begin();
    run(1, 0.8);  // just as expected
    EXPECT_NEAR(admission_->status().cores_used, 0.8, 0.01);
    for (int i = 0; i < 20; ++i) begin();
    EXPECT_NEAR(admission_->status().cores_used, 1.0, 0.01);
}

TEST_F(AdmissionTest, NewOnesCountBesideWhatOldOnesReallyUse) {
    open(cores(2));
    for (int i = 0; i < 10; ++i) begin();
    run(3, 1.0);  // Far more than expected.
    for (int i = 0; i < 10; ++i) begin();
    const auto status = admission_->status();
    EXPECT_NEAR(status.cores_used, 1.0 + 10 * status.cores_a_recording, 0.001);
}

TEST_F(AdmissionTest, AnEndMakesRoomAtOnceAndItsUploadIsMeasured) {
    Admission::Options options = cores(1);
    options.max_recordings = 1;
    open(options);
    const std::string first = begin();
    EXPECT_EQ(refusal(), "this recorder is full: max_recordings is 1");
    EXPECT_EQ(load(), 1);
    admission_->end(first, now_);
    admission_->end(first, now_);
    admission_->end("EG_unknown", now_);
    EXPECT_EQ(refusal(), "");
    EXPECT_EQ(load(), 0);
    run(2, 0.9);
    EXPECT_THAT(refusal(), HasSubstr("0 recordings use 0.9 of 1 cores"));
}

TEST_F(AdmissionTest, ShortRecordingsAreLearntFromToo) {
    open(cores(1));
    for (int i = 0; i < 400; ++i) {  // each for four of the five seconds, one after another
        const std::string id = begin();
        now_ += 4s;
        admission_->end(id, now_);
        now_ += 1s;
        usage_.cpu += 200ms;  // 0.05 while it ran
        admission_->measure(usage_, now_);
    }
    EXPECT_GT(admission_->status().cores_a_recording, 0.025);
}

TEST_F(AdmissionTest, CpuTimeOfAnIdleProcessIsNoRecordings) {
    open(cores(1));
    run(100, 0.3);
    EXPECT_EQ(admission_->status().cores_a_recording, 0.01);
}

TEST_F(AdmissionTest, RefusesByMemory) {
    Admission::Options options = cores(64);
    options.max_memory_bytes = 100 * kMB;  // 40 are used at rest, 4 MiB each are expected
    open(options);
    EXPECT_EQ(fill(), 14U);
    EXPECT_EQ(refusal(), "this machine is full: 14 recordings use 99 MB of memory (limit 100 MB)");
    EXPECT_EQ(load(), 1);
    EXPECT_EQ(admission_->status().slots_free, 0U);
}

TEST_F(AdmissionTest, NineTenthsOfTheMachinesMemoryAreTheLimit) {
    Admission::Options options = cores(64);
    options.capacity.memory_bytes = 1000 * kMB;
    open(options);
    EXPECT_EQ(admission_->status().memory_limit_bytes, 900 * kMB);
}

TEST_F(AdmissionTest, LearnsWhatMemoryARecordingTakes) {
    Admission::Options options = cores(64);
    options.max_memory_bytes = 1000 * kMB;
    open(options);
    for (int i = 0; i < 90; ++i) begin();
    usage_.memory_bytes = 40 * kMB + 90 * 8 * kMB;
    run(1, 0.5);
    // (10 x 4.2 + 90 x 8) MB / 100 = 7.6 MB
    EXPECT_EQ(admission_->status().memory_used_bytes, 760 * kMB);
    EXPECT_EQ(fill(), 35U);  // 40 MB + 125 x 7.6 MB
}

TEST_F(AdmissionTest, MemoryThatIsNotGivenBackRefusesNobodyForEver) {
    Admission::Options options = cores(64);
    options.max_memory_bytes = 100 * kMB;
    open(options);
    const std::string only = begin();
    usage_.memory_bytes = 120 * kMB;
    run(1, 0.01);
    EXPECT_THAT(refusal(), HasSubstr("1 recording uses 120 MB"));
    admission_->end(only, now_);
    run(1, 0.01);
    EXPECT_EQ(refusal(), "");
}

TEST_F(AdmissionTest, AQuotaBelowOneRecordingRefusesAll) {
    open(cores(0.01));
    EXPECT_THAT(refusal(), HasSubstr("0 recordings use 0 of 0.01 cores"));
    EXPECT_EQ(load(), 1);
}

TEST_F(AdmissionTest, MeasurementsThatComeTooSoonAreNone) {
    open(cores(1));
    begin();
    now_ += 10ms;
    usage_.cpu += 10ms;
    admission_->measure(usage_, now_);  // A whole core, over a hundredth of a second.
    EXPECT_LT(load(), 0.1);
}

TEST_F(AdmissionTest, LoadGrowsEvenly) {
    open(cores(1));
    double before = load();
    for (int i = 0; i < 80; ++i) {
        begin();
        EXPECT_GT(load(), before);
        before = load();
        EXPECT_EQ(before == 1.0, refusal() != "") << i;
    }
}

TEST(Bid, TheEmptierWorkerWins) {
    for (int job = 0; job < 200; ++job) {
        const std::string id = "EG_" + std::to_string(job);
        const float idle = bid_of(0, "one", id);
        const float half = bid_of(0.5, "two", id);
        const float nearly_full = bid_of(0.999, "three", id);
        EXPECT_LT(idle, 0.981F);
        EXPECT_GT(idle, half);
        EXPECT_GT(half, nearly_full);
        EXPECT_GE(nearly_full, 0.5F);
    }
}

TEST(Bid, WorkersThatAreAsFullShareABurst) {
    std::map<std::string, int> won;
    for (int job = 0; job < 300; ++job) {
        const std::string id = "EG_" + std::to_string(job);
        std::string winner;
        float highest = 0;
        for (const std::string worker : {"WK_a1", "WK_a2", "WK_a3"}) {
            const float bid = bid_of(0.3, worker, id);
            if (bid > highest) winner = worker;
            highest = std::max(highest, bid);
        }
        ++won[winner];
    }
    for (const auto& [worker, jobs] : won) EXPECT_NEAR(jobs, 100, 30) << worker;
    EXPECT_EQ(won.size(), 3U);
}

}  // namespace
}  // namespace aircheck::control
