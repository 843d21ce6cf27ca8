#pragma once

#include "net/loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <thread>

namespace aircheck::net {

/// A way to a loop that may be gone: post() drops the task then. For work that outlives its caller,
/// on threads that nobody waits for.
class LoopGate {
public:
    explicit LoopGate(Loop& loop) : loop_(&loop) {}
    void post(std::function<void()> task) {
        const std::lock_guard lock(mutex_);
        if (loop_ != nullptr) loop_->post(std::move(task));
    }
    void shut() {
        const std::lock_guard lock(mutex_);
        loop_ = nullptr;
    }

private:
    std::mutex mutex_;
    Loop* loop_;
};

/// What `Loop` hides; only for net's own .cpp files.
struct Loop::Impl {
    explicit Impl(Loop& loop) : gate(std::make_shared<LoopGate>(loop)) {}

    std::shared_ptr<LoopGate> gate;
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    std::atomic<std::thread::id> thread;
};

}  // namespace aircheck::net
