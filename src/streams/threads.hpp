#pragma once

#include "core/result.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace aircheck::streams {

/// A thread each for what blocks as long as a stream lives. From any thread.
class Threads {
public:
    Threads() = default;
    /// As finish().
    ~Threads();
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

    /// Errc::Unavailable: the system gives no thread; Errc::Cancelled: after finish().
    [[nodiscard]] Result<> run(std::function<void()> job);
    /// Waits for all jobs, whose owners have told them to end; no more are taken.
    void finish();

private:
    struct Entry {
        std::thread thread;
        std::atomic<bool> is_done = false;
    };

    void join_done();

    std::mutex mutex_;
    std::list<Entry> entries_;
    bool is_finishing_ = false;
};

}  // namespace aircheck::streams
