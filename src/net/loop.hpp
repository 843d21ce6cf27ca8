#pragma once

#include "core/time.hpp"

#include <functional>
#include <memory>
#include <string>

namespace aircheck::net {

/// One thread's event loop (Asio's io_context behind it). post() and stop() may be called from any
/// thread; all else, and every object made on the loop, belongs to the thread that runs it.
class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs until stop(); names the thread `name` (15 characters are shown by the system).
    void run(const std::string& name);
    void stop();
    /// Runs `task` on the loop's thread, after what is queued already. From any thread.
    void post(std::function<void()> task);
    /// True on the thread inside run(), and before run() was called.
    [[nodiscard]] bool is_here() const;

    struct Impl;  ///< Holds the io_context; for net's own .cpp files.
    [[nodiscard]] Impl& impl() { return *impl_; }

private:
    std::unique_ptr<Impl> impl_;
};

/// A one-shot timer. The handler never runs after cancel() or destruction, nor for an earlier
/// arming.
class Timer {
public:
    explicit Timer(Loop& loop);
    ~Timer();
    void after(Nanoseconds delay, std::function<void()> handler);
    void cancel();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// Threads for what blocks: uploads, SQL, DNS. Jobs start in order; the destructor waits for them.
class Pool {
public:
    enum class Priority {
        Normal,
        Low  ///< Whatever else wants the cores goes first.
    };
    Pool(std::string name, unsigned threads, Priority priority = Priority::Normal);
    ~Pool();
    /// Runs `job` on a pool thread. From any thread. Unbounded: callers bound what they hand out.
    void run(std::function<void()> job);
    /// Waits for all jobs, then joins; later run() calls are dropped.
    void finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Calls `handler` on `loop` at each of `signals` until destroyed.
class SignalWatch {
public:
    SignalWatch(Loop& loop, std::initializer_list<int> signals, std::function<void(int)> handler);
    ~SignalWatch();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace aircheck::net
