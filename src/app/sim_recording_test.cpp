// Whole recordings in the built-in rooms: how they begin, and how they end.
#include "tests/support/loopback.hpp"

#include "app/sim_world_test.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>

namespace aircheck::app {
namespace {

using recorder::EndReason;
using recorder::Status;
using testing::seconds_of_tone;
using testing::speaker;

class SimRecording : public testing::SimWorld {
protected:
    /// Occupies the disk's only thread: it opens a pipe that nobody reads, until release_disk().
    void block_disk() {
        recorder::Recorder::Options options;
        options.disk_threads = 1;
        make_recorder(options);
        std::filesystem::create_directory(spool("EG_blocker"));
        ASSERT_EQ(::mkfifo((spool("EG_blocker") + "/reserve").c_str(), 0600), 0);
        start(job("EG_blocker", "no-such-room"));
    }
    void release_disk() {
        const int pipe = ::open((spool("EG_blocker") + "/reserve").c_str(), O_RDONLY);
        ASSERT_GE(pipe, 0);
        run_until_over("EG_blocker");
        ::close(pipe);
    }
};

TEST_F(SimRecording, FailsWhereItsFolderCannotBe) {
    make_recorder();
    add_room_with_voice("room");
    std::ofstream(spool("EG_one")) << "in the way";
    start(job("EG_one", "room"));
    run_until_over("EG_one");
    EXPECT_EQ(last("EG_one").status, Status::Failed);
    EXPECT_EQ(last("EG_one").error_code, 500);
    EXPECT_NE(last("EG_one").error.find(spool("EG_one")), std::string::npos)
        << last("EG_one").error;
    EXPECT_TRUE(last("EG_one").ended_at.has_value());
    EXPECT_EQ(recorder_->active(), 0U);
}

TEST_F(SimRecording, FailsInARoomThatIsNotThere) {
    make_recorder();
    start(job("EG_one", "nowhere"));
    run_until_over("EG_one");
    EXPECT_EQ(last("EG_one").status, Status::Failed);
    EXPECT_EQ(last("EG_one").error_code, 401);
    EXPECT_FALSE(last("EG_one").error.empty());
}

TEST_F(SimRecording, HearsTheRoomBeforeItsFilesAreThere) {
    block_disk();
    sim::Room room;
    room.name = "room";
    room.callers = {speaker("ada")};
    room.callers[0].stop = 3s;
    add_room(std::move(room));
    start(job("EG_one", "room"));
    run_until([&] { return status("EG_one") == Status::Active; });
    EXPECT_FALSE(std::filesystem::exists(spool("EG_one"))) << "the disk is blocked";
    // Somebody leaves: that is seconds of media in memory by now.
    run_until([&] {
        const auto& who = last("EG_one").participants;
        return !who.empty() && who[0].left_at.has_value();
    });
    release_disk();
    run_until_over("EG_one");
    ASSERT_EQ(last("EG_one").status, Status::Complete) << last("EG_one").error;
    EXPECT_GT(seconds_of_tone(last("EG_one").file.location, 440), 2.7) << "nothing was missed";
    EXPECT_GT(std::filesystem::file_size(spool("EG_one") + "/000001.acj"), 3U * 50 * 20);
    EXPECT_FALSE(std::filesystem::exists(spool("EG_one") + "/output.part"));
    EXPECT_FALSE(std::filesystem::exists(spool("EG_one") + "/reserve"));
}

TEST_F(SimRecording, StoppedBeforeItsFilesAreThereItWaitsForThem) {
    block_disk();
    add_room_with_voice("room");
    sim::Room silent;
    silent.name = "silent";
    add_room(std::move(silent));
    start(job("EG_heard", "room"));
    start(job("EG_unheard", "silent"));
    run_until([&] {
        return status("EG_heard") == Status::Active && !last("EG_unheard").room_sid.empty();
    });
    EXPECT_TRUE(recorder_->stop("EG_heard", EndReason::StopRequested));
    EXPECT_TRUE(recorder_->stop("EG_unheard", EndReason::StopRequested));
    run_until([&] {
        return status("EG_heard") == Status::Ending && status("EG_unheard") == Status::Ending;
    });
    EXPECT_TRUE(recorder_->stop("EG_heard", EndReason::Shutdown)) << "again: harmless";
    release_disk();
    run_until_over("EG_heard");
    run_until_over("EG_unheard");
    EXPECT_EQ(last("EG_heard").status, Status::Complete) << last("EG_heard").error;
    EXPECT_EQ(last("EG_heard").end_reason, EndReason::StopRequested);
    EXPECT_TRUE(std::filesystem::exists(last("EG_heard").file.location));
    EXPECT_EQ(last("EG_unheard").status, Status::Aborted);
    EXPECT_EQ(last("EG_unheard").error_code, 412);
    EXPECT_EQ(
        statuses("EG_heard"),
        (std::vector{Status::Starting, Status::Active, Status::Ending, Status::Complete})
    );
}

TEST_F(SimRecording, ShutDownBeforeItsFilesAreThereAndTheyCannotBe) {
    block_disk();
    add_room_with_voice("room");
    std::ofstream(spool("EG_one")) << "in the way";
    start(job("EG_one", "room"));
    run_until([&] { return status("EG_one") == Status::Active; });
    recorder_->shutdown();
    run_until([&] { return status("EG_one") == Status::Ending; });
    release_disk();
    run_until_over("EG_one");
    EXPECT_EQ(last("EG_one").status, Status::Failed) << "what was heard has no place to be";
    EXPECT_EQ(last("EG_one").end_reason, EndReason::Shutdown);
    EXPECT_EQ(last("EG_one").error_code, 500);
    EXPECT_NE(last("EG_one").error.find(spool("EG_one")), std::string::npos);
}

TEST_F(SimRecording, TwoHundredBegunAtOnceAllEnd) {
    recorder::Recorder::Options options;
    options.media_threads = 2;
    make_recorder(options);
    add_room_with_voice("room");
    std::vector<std::string> heard;
    for (int i = 0; i < 200; ++i) {
        const std::string id = "EG_" + std::to_string(1000 + i);
        if (i % 4 == 0) {  // Stopped before it can have begun.
            start(job(id, "room"));
            EXPECT_TRUE(recorder_->stop(id, EndReason::StopRequested));
        } else if (i % 4 == 1) {
            start(job(id, "nowhere"));
        } else if (i % 40 == 2) {
            std::ofstream(spool(id)) << "in the way";
            start(job(id, "room"));
        } else {
            start(job(id, "room"));
            heard.push_back(id);
        }
    }
    run_until([&] {
        return std::all_of(heard.begin(), heard.end(), [&](const std::string& id) {
            return status(id) >= Status::Active;
        });
    });
    recorder_->shutdown();
    run_until([&] { return recorder_->active() == 0; });
    ASSERT_EQ(last_.size(), 200U);
    std::map<Status, int> ends;
    for (const auto& [id, snapshot] : last_) {
        ++ends[snapshot.status];
        EXPECT_TRUE(snapshot.ended_at.has_value()) << id;
    }
    // Who is stopped at once may have been heard all the same, never lost.
    EXPECT_EQ(ends[Status::Complete] + ends[Status::Aborted], 145);
    EXPECT_EQ(ends[Status::Failed], 55);
    for (const std::string& id : heard) {
        EXPECT_EQ(last(id).status, Status::Complete) << id << ": " << last(id).error;
    }
}

TEST_F(SimRecording, EndsAtItsLongestDuration) {
    make_recorder();
    add_room_with_voice("room");
    auto limited = job("EG_one", "room");
    limited.end.max_duration = 1500ms;
    start(limited);
    run_until_over("EG_one");
    const auto& end = last("EG_one");
    EXPECT_EQ(end.status, Status::LimitReached) << end.error;
    EXPECT_EQ(end.end_reason, EndReason::LimitReached);
    EXPECT_EQ(end.error_code, 413);
    EXPECT_GE(end.file.duration, 1500ms);
    EXPECT_GE(seconds_of_tone(end.file.location, 440), 1.3);
}

TEST_F(SimRecording, CountsWaitingTowardsTheSessionsLimit) {
    make_recorder();
    sim::Room silent;
    silent.name = "silent";
    add_room(silent);
    auto waiting = job("EG_waits", "silent");
    waiting.end.session_limit = 1500ms;
    waiting.end.max_duration = 1ms;  // Of a file that does not come.
    start(waiting);
    add_room_with_voice("room");
    auto limited = job("EG_speaks", "room");
    limited.end.session_limit = 5s;
    limited.end.max_duration = 60s;
    start(limited);
    run_until_over("EG_waits");
    EXPECT_EQ(last("EG_waits").status, Status::Aborted);
    EXPECT_EQ(last("EG_waits").error_code, 412);
    EXPECT_EQ(last("EG_waits").error, "Session limit reached before start signal");
    EXPECT_EQ(last("EG_waits").end_reason, EndReason::LimitReached);
    run_until_over("EG_speaks");
    const auto& end = last("EG_speaks");
    EXPECT_EQ(end.status, Status::LimitReached) << end.error;
    EXPECT_EQ(end.error_code, 413);
}

TEST_F(SimRecording, EndsAtItsLargestSize) {
    make_recorder();
    add_room_with_voice("room");
    auto limited = job("EG_one", "room");
    limited.end.max_bytes = 15'000;
    start(limited);
    run_until_over("EG_one");
    const auto& end = last("EG_one");
    EXPECT_EQ(end.status, Status::LimitReached) << end.error;
    EXPECT_EQ(end.error_code, 413);
    EXPECT_GE(end.file.size_bytes, 15'000U);
    EXPECT_EQ(end.file.size_bytes, std::filesystem::file_size(end.file.location));
    EXPECT_GT(seconds_of_tone(end.file.location, 440), 0.5);
}

TEST_F(SimRecording, EndsAfterTheLastHumanAndTheGrace) {
    make_recorder();
    sim::Room room;
    room.name = "room";
    auto agent = speaker("agent", 700);
    agent.kind = sim::CallerKind::Agent;
    auto ada = speaker("ada", 440);
    ada.stop = 1s;
    auto back = speaker("ada-again", 440, 1500ms);  // Within the grace: the call goes on.
    back.stop = 3s;
    room.callers = {agent, ada, back};
    add_room(std::move(room));
    auto attended = job("EG_one", "room");
    attended.end.last_human_left = true;
    attended.end.end_grace = 1s;
    start(attended);
    run_until_over("EG_one");
    const auto& end = last("EG_one");
    EXPECT_EQ(end.status, Status::Complete) << end.error;
    EXPECT_EQ(end.end_reason, EndReason::LastHumanLeft);
    EXPECT_EQ(end.participants.size(), 3U);
    EXPECT_GT(seconds_of_tone(end.file.location, 440), 2.0);
    EXPECT_GT(seconds_of_tone(end.file.location, 700), 3.5) << "the agent, until after the grace";
    EXPECT_TRUE(server_->has_room("room")) << "the room itself goes on";
}

TEST_F(SimRecording, GivesUpWithoutMediaAndSaysWhy) {
    make_recorder();
    sim::Room room;
    room.name = "silent";
    add_room(std::move(room));
    auto impatient = job("EG_one", "silent");
    impatient.end.media_timeout = 2s;
    start(impatient);
    run_until_over("EG_one");
    EXPECT_EQ(last("EG_one").status, Status::Failed);
    EXPECT_EQ(last("EG_one").error_code, 504);
    EXPECT_FALSE(last("EG_one").error.empty());
}

TEST_F(SimRecording, GoesOnWhereTheDiskIsFullForAMoment) {
    ASSERT_EQ(::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=4m"), 0) << "run as root";
    make_recorder();
    sim::Room room;
    room.name = "room";
    room.callers = {speaker("ada")};
    room.callers[0].stop = 6s;
    add_room(std::move(room));
    start(job("EG_one", "room"));
    run_until([&] { return status("EG_one") == Status::Active; });
    // Another program fills the disk, until the recording has noticed.
    std::ofstream(folder_ / "ballast") << std::string(5'000'000, 'x') << std::flush;
    const auto whole = std::filesystem::file_size(spool("EG_one") + "/reserve");
    run_watching([&] { return std::filesystem::file_size(spool("EG_one") + "/reserve") < whole; });
    std::filesystem::remove(folder_ / "ballast");
    run_until_over("EG_one");
    EXPECT_EQ(last("EG_one").status, Status::Complete) << last("EG_one").error;
    EXPECT_GT(seconds_of_tone(last("EG_one").file.location, 440), 5.6) << "nothing is missing";
}

TEST_F(SimRecording, ItsRecorderDoesNotWaitForAStoreThatHangs) {
    // Takes connections, and never says a word.
    const tests::LoopbackSocket listener;
    listener.listen();
    storage::S3Destination store;
    store.bucket = "calls";
    store.endpoint = "http://127.0.0.1:" + std::to_string(listener.port());
    store.access_key = "key";
    store.secret = "secret";

    make_recorder();
    add_room_with_voice("room");
    auto uploaded = job("EG_one", "room");
    uploaded.destination = store;
    uploaded.end.max_duration = 1s;
    start(uploaded);
    run_until([&] { return status("EG_one") == Status::Ending; });
    pollfd asked{listener.descriptor(), POLLIN, 0};
    ASSERT_EQ(::poll(&asked, 1, 60'000), 1) << "the upload has begun";
    auto gone = std::async(std::launch::async, [&] { recorder_.reset(); });
    EXPECT_EQ(gone.wait_for(30s), std::future_status::ready);
    gone.get();
    EXPECT_EQ(status("EG_one"), Status::Ending) << "nothing is told of what was abandoned";
    EXPECT_GT(seconds_of_tone(spool("EG_one") + "/output.part", 440), 0.8) << "and nothing is lost";
    EXPECT_TRUE(std::filesystem::exists(spool("EG_one") + "/000001.acj"));
}

}  // namespace
}  // namespace aircheck::app
