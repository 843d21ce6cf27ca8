#include "streams/threads.hpp"

#include <pthread.h>

#include <system_error>
#include <utility>

namespace aircheck::streams {

Threads::~Threads() { finish(); }

void Threads::join_done() {
    for (auto it = entries_.begin(); it != entries_.end();) {
        if (!it->is_done) {
            ++it;
            continue;
        }
        it->thread.join();
        it = entries_.erase(it);
    }
}

Result<> Threads::run(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    if (is_finishing_) return fail(Errc::Cancelled, "streams are shut down");
    join_done();
    Entry& entry = entries_.emplace_back();
    try {
        entry.thread = std::thread([&entry, job = std::move(job)]() mutable {
            pthread_setname_np(pthread_self(), "stream");
            job();
            job = nullptr;
            entry.is_done = true;
        });
    } catch (const std::system_error& error) {
        entries_.pop_back();
        return fail(Errc::Unavailable, std::string("no thread for a stream: ") + error.what());
    }
    return {};
}

void Threads::finish() {
    {
        const std::lock_guard lock(mutex_);
        is_finishing_ = true;
    }
    for (Entry& entry : entries_) entry.thread.join();
    entries_.clear();
}

}  // namespace aircheck::streams
