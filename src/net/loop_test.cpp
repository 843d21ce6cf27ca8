#include "net/loop.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace aircheck::net {
namespace {

TEST(Loop, RunsTasksInOrderUntilStopped) {
    Loop loop;
    std::vector<int> order;
    loop.post([&] { order.push_back(1); });
    loop.post([&] {
        order.push_back(2);
        loop.post([&] {
            order.push_back(4);
            loop.stop();
        });
    });
    loop.post([&] { order.push_back(3); });
    loop.run("test");
    EXPECT_EQ(order, (std::vector{1, 2, 3, 4}));
}

TEST(Loop, StopLeavesPendingWorkAndTimersBehind) {
    Loop loop;
    Timer timer(loop);
    bool late = false;
    timer.after(24 * 3600s, [&] { late = true; });
    loop.post([&] {
        loop.stop();
        loop.post([&] { late = true; });
    });
    loop.run("test");
    EXPECT_FALSE(late);
}

TEST(Loop, StopBeforeRunCountsAndRunCanBeCalledAgain) {
    Loop loop;
    loop.stop();
    loop.run("test");
    bool ran = false;
    loop.post([&] {
        ran = true;
        loop.stop();
    });
    loop.run("test");
    EXPECT_TRUE(ran);
}

TEST(Loop, TakesTasksFromOtherThreads) {
    Loop loop;
    int count = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int k = 0; k < 250; ++k) {
                loop.post([&] {
                    EXPECT_TRUE(loop.is_here());
                    if (++count == 1000) loop.stop();
                });
            }
        });
    }
    EXPECT_TRUE(loop.is_here());
    loop.run("test");
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(count, 1000);
}

TEST(Loop, KnowsItsThread) {
    Loop loop;
    std::promise<bool> elsewhere;
    loop.post([&] {
        std::thread([&] { elsewhere.set_value(loop.is_here()); }).join();
        loop.stop();
    });
    loop.run("test");
    EXPECT_FALSE(elsewhere.get_future().get());
}

TEST(Loop, OutlivesATaskThatThrows) {
    Loop loop;
    bool after = false;
    loop.post([] { throw std::runtime_error("on purpose"); });
    loop.post([&] {
        after = true;
        loop.stop();
    });
    loop.run("test");
    EXPECT_TRUE(after);
}

TEST(Timer, RunsOnceInOrderOfTime) {
    Loop loop;
    Timer first(loop), second(loop);
    std::vector<int> order;
    second.after(20ms, [&] {
        order.push_back(2);
        loop.stop();
    });
    first.after(-5s, [&] { order.push_back(1); });
    loop.run("test");
    EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(Timer, ACancelledOrRearmedHandlerNeverRuns) {
    Loop loop;
    Timer cancelled(loop), rearmed(loop), end(loop);
    auto destroyed = std::make_unique<Timer>(loop);
    std::string ran;
    // All expire at once; the first to run ends the others, whose expiries are queued by then.
    Timer breaker(loop);
    breaker.after(0ns, [&] {
        cancelled.cancel();
        rearmed.after(1ms, [&] { ran += "new "; });
        destroyed.reset();
    });
    cancelled.after(0ns, [&] { ran += "cancelled "; });
    rearmed.after(0ns, [&] { ran += "old "; });
    destroyed->after(0ns, [&] { ran += "destroyed "; });
    end.after(50ms, [&] { loop.stop(); });
    loop.run("test");
    EXPECT_EQ(ran, "new ");
}

TEST(Timer, MayArmAgainAndDestroyItselfInItsHandler) {
    Loop loop;
    auto timer = std::make_unique<Timer>(loop);
    int runs = 0;
    timer->after(0ns, [&] {
        ++runs;
        timer->after(0ns, [&] {
            ++runs;
            timer.reset();
            ++runs;
            loop.stop();
        });
    });
    loop.run("test");
    EXPECT_EQ(runs, 3);
}

TEST(Timer, CancelLetsGoOfTheHandler) {
    Loop loop;
    const auto held = std::make_shared<int>(1);
    Timer timer(loop);
    timer.after(3600s, [held] {});
    EXPECT_EQ(held.use_count(), 2);
    timer.cancel();
    EXPECT_EQ(held.use_count(), 1);
}

TEST(Pool, RunsAllJobsBeforeItEnds) {
    std::atomic<int> done = 0;
    {
        Pool pool("test", 3);
        for (int i = 0; i < 500; ++i) pool.run([&] { ++done; });
    }
    EXPECT_EQ(done, 500);
}

TEST(Pool, StartsJobsInOrder) {
    std::vector<int> order;
    Pool pool("test", 1);
    for (int i = 0; i < 100; ++i) pool.run([&order, i] { order.push_back(i); });
    pool.finish();
    ASSERT_EQ(order.size(), 100u);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Pool, RunsJobsSideBySide) {
    Pool pool("test", 2);
    std::promise<void> first, second;
    // Each waits for the other: one thread alone could not end this.
    pool.run([&] {
        first.set_value();
        second.get_future().wait();
    });
    pool.run([&] {
        first.get_future().wait();
        second.set_value();
    });
    pool.finish();
}

TEST(Pool, DropsJobsAfterFinishAndOutlivesOneThatThrows) {
    Pool pool("test", 1);
    bool ran = false;
    pool.run([] { throw std::runtime_error("on purpose"); });
    pool.run([&] { ran = true; });
    pool.finish();
    EXPECT_TRUE(ran);
    pool.run([] { FAIL() << "after finish()"; });
    pool.finish();
}

TEST(SignalWatch, TellsEachSignalUntilDestroyed) {
    Loop loop;
    std::vector<int> seen;
    std::unique_ptr<SignalWatch> watch;
    watch = std::make_unique<SignalWatch>(
        loop,
        std::initializer_list<int>{SIGUSR1, SIGUSR2},
        [&](int s) {
            seen.push_back(s);
            if (seen.size() == 1) {
                raise(SIGUSR2);
            } else {
                watch.reset();
                loop.stop();
            }
        }
    );
    raise(SIGUSR1);
    loop.run("test");
    EXPECT_EQ(seen, (std::vector{SIGUSR1, SIGUSR2}));
}

}  // namespace
}  // namespace aircheck::net
