#pragma once

#include "bench/child.hpp"
#include "bench/rooms.hpp"

#include "net/loop.hpp"
#include "recorder/recorder.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace aircheck::bench {

[[nodiscard]] std::string room_name(std::size_t index);
/// One recording of `room` on the room server at `url`; its destination is left to the caller.
[[nodiscard]] recorder::Job make_job(const std::string& url, const std::string& room, Work work);
/// A process that plays `count` rooms until its input ends: see play_rooms().
[[nodiscard]] Result<Child> start_rooms(Work work, std::size_t count, const std::string& folder);

/// Recordings in this process, watched from the thread that makes this object.
class Recordings {
public:
    /// Errors: the recorder's.
    [[nodiscard]] static Result<std::unique_ptr<Recordings>> create(const std::string& folder);

    [[nodiscard]] Result<> start(recorder::Job job);
    /// Runs the loop until `done` says so; false when that takes too long or a recording fails.
    bool run_until(Nanoseconds limit, const std::function<bool()>& done);
    void run_for(Nanoseconds time);
    bool wait_until_active(std::size_t count);
    bool wait_until_over();

    [[nodiscard]] std::size_t in_status(recorder::Status status) const;
    [[nodiscard]] const recorder::Snapshot& snapshot(const std::string& id) { return seen_[id]; }
    [[nodiscard]] const std::map<std::string, recorder::Snapshot>& snapshots() const {
        return seen_;
    }
    [[nodiscard]] recorder::Recorder& recorder() { return *recorder_; }
    [[nodiscard]] const std::string& failure() const { return failure_; }

private:
    Recordings() = default;

    net::Loop loop_;
    std::map<std::string, recorder::Snapshot> seen_;
    std::string failure_;
    std::unique_ptr<recorder::Recorder> recorder_;
};

}  // namespace aircheck::bench
