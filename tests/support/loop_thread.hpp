#pragma once

#include "net/loop.hpp"

#include <functional>
#include <future>
#include <thread>

namespace aircheck::tests {

/// A loop on a thread of its own, for tests that block.
class LoopThread {
public:
    LoopThread() : thread_([this] { loop.run("test loop"); }) {}
    ~LoopThread() {
        loop.stop();
        thread_.join();
    }
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;
    /// Runs `task` on the loop and waits for its end.
    void call(const std::function<void()>& task) {
        std::promise<void> done;
        loop.post([&] {
            task();
            done.set_value();
        });
        done.get_future().wait();
    }

    net::Loop loop;

private:
    std::thread thread_;
};

}  // namespace aircheck::tests
