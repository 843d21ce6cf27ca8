#include "core/log.hpp"
#include "net/loop.hpp"
#include "net/thread_name.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace aircheck::net {
namespace {

constexpr int kLowPriority = 10;  ///< A tenth of a normal thread's share of a busy core.

}  // namespace

struct Pool::Impl {
    void work();

    std::string name;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> jobs;
    bool finishing = false;
    Priority priority = Priority::Normal;
    std::vector<std::thread> threads;
};

void Pool::Impl::work() {
    name_this_thread(name);
    // Linux counts niceness by thread. Where it is refused, the work is done all the same.
    if (priority == Priority::Low) {
        static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowPriority));
    }
    std::unique_lock lock(mutex);
    while (true) {
        changed.wait(lock, [&] { return finishing || !jobs.empty(); });
        if (jobs.empty()) return;
        auto job = std::move(jobs.front());
        jobs.pop_front();
        lock.unlock();
        try {
            job();
        } catch (const std::exception& error) {
            log::error("pool.exception", {{"pool", name}, {"what", error.what()}});
        }
        job = nullptr;  // What it captured may be costly to destroy: not under the lock.
        lock.lock();
    }
}

Pool::Pool(std::string name, unsigned threads, Priority priority)
    : impl_(std::make_unique<Impl>()) {
    impl_->name = std::move(name);
    impl_->priority = priority;
    for (unsigned i = 0; i < std::max(threads, 1u); ++i) {
        impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
    }
}

Pool::~Pool() { finish(); }

void Pool::run(std::function<void()> job) {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->finishing) return;
    impl_->jobs.push_back(std::move(job));
    impl_->changed.notify_one();
}

void Pool::finish() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->finishing = true;
    }
    impl_->changed.notify_all();
    for (auto& thread : impl_->threads) {
        if (thread.joinable()) thread.join();
    }
}

}  // namespace aircheck::net
