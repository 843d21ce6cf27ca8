#include "recorder/upload_task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

namespace aircheck::recorder {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// What a session was asked, and what it is to answer; outlives it.
struct Story {
    void tell(std::string line) {
        const std::lock_guard lock(mutex);
        lines.push_back(std::move(line));
    }
    [[nodiscard]] std::vector<std::string> told() {
        const std::lock_guard lock(mutex);
        return lines;
    }

    std::mutex mutex;
    std::vector<std::string> lines;
    std::deque<Errc> failures;          ///< Of the next steps, in order; then all goes well.
    std::chrono::milliseconds each{0};  ///< How long a step takes.
    std::atomic<int> at_once{0};
    std::atomic<bool> overlapped{false};
};

class ToldSession : public storage::UploadSession {
public:
    explicit ToldSession(Story& story) : story_(story) {}
    Result<> advance(std::uint64_t body_bytes) override {
        AC_CHECK_OK(step("advance " + std::to_string(body_bytes)));
        sent_ = body_bytes;
        return {};
    }
    Result<storage::StoredObject> complete(BytesView head, std::uint64_t body_bytes) override {
        AC_CHECK_OK(
            step("complete " + std::string(as_text(head)) + " " + std::to_string(body_bytes))
        );
        storage::StoredObject stored;
        stored.size = head.size() + body_bytes;
        return stored;
    }
    Result<> abort() override { return step("abort"); }
    std::uint64_t sent_bytes() const override { return sent_; }
    std::string checkpoint() const override { return ""; }

private:
    Result<> step(std::string line) {
        if (++story_.at_once > 1) story_.overlapped = true;
        story_.tell(std::move(line));
        std::this_thread::sleep_for(story_.each);
        --story_.at_once;
        if (story_.failures.empty()) return {};
        const Errc code = story_.failures.front();
        story_.failures.pop_front();
        return fail(code, "store");
    }

    Story& story_;
    std::uint64_t sent_ = 0;
};

class UploadTaskTest : public ::testing::Test {
protected:
    void start(Nanoseconds patience = 10s) {
        UploadTask::Patience limits;
        limits.completing = patience;
        limits.first_pause = 2ms;
        limits.longest_pause = 8ms;
        task_ = UploadTask::start(
            loop_,
            pool_,
            std::make_unique<ToldSession>(story_),
            limits,
            [this](const Error& error, Nanoseconds pause) {
                EXPECT_TRUE(loop_.is_here());
                troubles_.emplace_back(error.code, pause);
            }
        );
    }
    /// Runs the loop until the upload is done, or for ten seconds.
    void complete(std::uint64_t body_bytes) {
        const std::string head = "head";
        const auto bytes = as_bytes(head);
        task_->complete(Bytes(bytes.begin(), bytes.end()), body_bytes, [this](auto stored) {
            EXPECT_FALSE(stored_) << "told twice";
            stored_ = std::move(stored);
            loop_.stop();
        });
        run_for(10s);
    }
    void run_for(Nanoseconds limit) {
        net::Timer watchdog(loop_);
        watchdog.after(limit, [this] { loop_.stop(); });
        loop_.run("test");
    }
    /// Runs the loop until the session was asked `count` things.
    void run_until_told(std::size_t count) {
        net::Timer again(loop_);
        const Instant since = monotonic_now();
        std::function<void()> look = [&] {
            if (story_.told().size() >= count || monotonic_now() - since > 10s) {
                loop_.stop();
            } else {
                again.after(1ms, look);
            }
        };
        look();
        loop_.run("test");
        ASSERT_GE(story_.told().size(), count);
    }

    Story story_;
    net::Loop loop_;
    net::Pool pool_{"uploads", 4};
    std::unique_ptr<UploadTask> task_;
    std::vector<std::pair<std::error_code, Nanoseconds>> troubles_;
    std::optional<Result<storage::StoredObject>> stored_;
};

TEST_F(UploadTaskTest, SendsWhatHasGrownAndThenTheHead) {
    story_.each = std::chrono::milliseconds(5);
    start();
    task_->grown(100);
    task_->grown(200);  // while the first step runs: one step later
    task_->grown(300);
    complete(400);
    ASSERT_TRUE(stored_ && *stored_);
    EXPECT_EQ((*stored_)->size, 404U);
    // What the body had grown to meanwhile need not be sent by itself before completing.
    EXPECT_THAT(story_.told(), ElementsAre("advance 100", "complete head 400"));
    EXPECT_EQ(task_->sent_bytes(), 100U);
    EXPECT_THAT(troubles_, IsEmpty());
}

TEST_F(UploadTaskTest, TriesAgainWithGrowingPauses) {
    start();
    story_.failures = {
        Errc::Unavailable, Errc::Timeout, Errc::Unavailable, Errc::Unavailable, Errc::Failed};
    complete(7);
    ASSERT_TRUE(stored_ && *stored_);
    ASSERT_EQ(troubles_.size(), 5U);
    const std::vector<Nanoseconds> expected = {2ms, 4ms, 8ms, 8ms, 8ms};
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(troubles_[i].second, expected[i]);
    EXPECT_EQ(troubles_[1].first, Errc::Timeout);
    EXPECT_EQ(story_.told().size(), 6U);
}

TEST_F(UploadTaskTest, GivesUpWhenPatienceIsOver) {
    start(30ms);
    story_.failures.assign(1000, Errc::Unavailable);
    complete(7);
    ASSERT_TRUE(stored_);
    ASSERT_FALSE(*stored_);
    EXPECT_EQ(stored_->error().code, Errc::Unavailable);
    EXPECT_GE(troubles_.size(), 3U);
}

TEST_F(UploadTaskTest, TriesARefusalThreeTimes) {
    for (const Errc refusal : {Errc::PermissionDenied, Errc::NotFound, Errc::InvalidArgument}) {
        stored_.reset();
        troubles_.clear();
        story_.lines.clear();
        start();
        story_.failures.assign(10, refusal);
        complete(7);
        ASSERT_TRUE(stored_ && !*stored_);
        EXPECT_EQ(stored_->error().code, refusal);
        EXPECT_EQ(story_.told().size(), 3U);
        EXPECT_EQ(troubles_.size(), 2U);
    }
}

TEST_F(UploadTaskTest, DoesNotWaitForAPauseWhenTheBodyIsWhole) {
    UploadTask::Patience limits;
    limits.first_pause = std::chrono::hours(1);
    limits.longest_pause = std::chrono::hours(1);
    net::Timer later(loop_);
    task_ = UploadTask::start(
        loop_,
        pool_,
        std::make_unique<ToldSession>(story_),
        limits,
        [&](const Error&, Nanoseconds) { later.after(1ms, [this] { loop_.stop(); }); }
    );
    story_.failures = {Errc::Unavailable};
    task_->grown(100);
    run_for(10s);
    task_->grown(200);  // no step while it pauses
    EXPECT_THAT(story_.told(), ElementsAre("advance 100"));
    complete(300);
    ASSERT_TRUE(stored_ && *stored_);
    EXPECT_THAT(story_.told(), ElementsAre("advance 100", "complete head 300"));
}

TEST_F(UploadTaskTest, TakesBackOnlyAfterTheStepUnderWay) {
    story_.each = std::chrono::milliseconds(30);
    start();
    task_->grown(100);
    run_until_told(1);
    task_->abandon();
    task_->abandon();
    task_.reset();
    run_until_told(2);
    run_for(100ms);
    EXPECT_THAT(story_.told(), ElementsAre("advance 100", "abort"));
    EXPECT_FALSE(story_.overlapped);
}

TEST_F(UploadTaskTest, TellsNothingAfterItsEnd) {
    story_.each = std::chrono::milliseconds(20);
    story_.failures = {Errc::Unavailable};
    start();
    task_->complete({}, 7, [](auto) { FAIL() << "told a task that is gone"; });
    run_until_told(1);
    task_.reset();
    run_for(100ms);
    EXPECT_EQ(story_.told().size(), 1U) << "it went on";
    EXPECT_THAT(troubles_, IsEmpty());
}

}  // namespace
}  // namespace aircheck::recorder
