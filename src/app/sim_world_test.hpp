#pragma once

#include "core/temp_folder_testing.hpp"
#include "net/loop.hpp"
#include "recorder/recorder.hpp"
#include "sim/server.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::app::testing {

/// Rooms of `sim` and a recorder, over real WebRTC on loopback, on the test's own loop.
class SimWorld : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    void make_recorder(recorder::Recorder::Options options = {});
    void add_room(sim::Room room);
    /// Adds a room in which one human speaks (a tone of 440 Hz) until it is closed.
    void add_room_with_voice(const std::string& name);
    [[nodiscard]] recorder::Job job(const std::string& egress_id, const std::string& room) const;
    void start(recorder::Job job);

    /// Runs the loop until `done` holds, asked after each snapshot; a failure after two minutes.
    void run_until(const std::function<bool()>& done);
    /// The same for what no snapshot tells: asks every 20 ms.
    void run_watching(const std::function<bool()>& done);
    void run_until_over(const std::string& egress_id);
    [[nodiscard]] const recorder::Snapshot& last(const std::string& egress_id) const;
    [[nodiscard]] recorder::Status status(const std::string& egress_id) const;
    /// Every status that was told, each once, in order.
    [[nodiscard]] const std::vector<recorder::Status>& statuses(const std::string& egress_id) {
        return statuses_[egress_id];
    }
    [[nodiscard]] std::string spool(const std::string& egress_id) const {
        return folder_ / "spool/" + egress_id;
    }

    const tests::TempFolder folder_;
    net::Loop loop_;
    std::unique_ptr<sim::Server> server_;
    std::unique_ptr<recorder::Recorder> recorder_;
    std::map<std::string, recorder::Snapshot> last_;

private:
    std::map<std::string, std::vector<recorder::Status>> statuses_;
    std::function<void()> on_news_;
};

/// A participant who says a tone of `hz`, from `start` on.
[[nodiscard]] sim::Caller speaker(
    const std::string& identity, int hz = 440, Nanoseconds start = Nanoseconds(0)
);

/// Seconds of `path`'s first audio stream in which a tone of `hz` is heard, decoded by ffmpeg.
[[nodiscard]] double seconds_of_tone(const std::string& path, int hz);

}  // namespace aircheck::app::testing
