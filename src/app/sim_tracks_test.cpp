// Tracks' own files and the manifest of a recording in the built-in rooms.
#include "app/sim_world_test.hpp"

#include <filesystem>
#include <fstream>

namespace aircheck::app {
namespace {

using recorder::EndReason;
using recorder::Status;
using testing::seconds_of_tone;

class SimTracks : public testing::SimWorld {
protected:
    /// Until a track's file has grown in the spool.
    void record(recorder::Job asked, recorder::Recorder::Options options = {}) {
        make_recorder(std::move(options));
        add_room_with_voice("room");
        start(std::move(asked));
        const std::string grown = spool("EG_one") + "/tracks/1.ogg";
        run_watching([&] {
            std::error_code none;
            const auto size = std::filesystem::file_size(grown, none);
            return recorder::is_final(status("EG_one")) || (!none && size > 2000);
        });
        recorder_->stop("EG_one", EndReason::StopRequested);
        run_until_over("EG_one");
    }
    [[nodiscard]] recorder::Job tracks_job() const {
        recorder::Job made = job("EG_one", "room");
        made.filepath = "call.mp4";
        made.track_files.emplace();
        return made;
    }
};

TEST_F(SimTracks, LieBesideTheMixWithAManifest) {
    record(tracks_job());
    const recorder::Snapshot& end = last("EG_one");
    ASSERT_EQ(end.status, Status::Complete) << end.error;
    ASSERT_EQ(end.track_files.size(), 1U);
    const recorder::TrackFileResult& track = end.track_files.front();
    EXPECT_EQ(track.error, "");
    EXPECT_TRUE(track.file.location.starts_with(folder_ / "out/call/")) << track.file.location;
    EXPECT_NEAR(seconds_of_tone(track.file.location, 440), to_seconds(track.file.duration), 0.3);
    EXPECT_EQ(end.manifest_location, folder_ / "out/EG_one.json");
    const std::string manifest = tests::read_file(end.manifest_location);
    EXPECT_NE(manifest.find(track.file.sha256), std::string::npos) << manifest;
    EXPECT_FALSE(std::filesystem::exists(spool("EG_one") + "/tracks"));
    EXPECT_TRUE(recorder::is_stored(end));
}

TEST_F(SimTracks, ThatFailDoNotCostTheMix) {
    recorder::Job job = tracks_job();
    std::filesystem::create_directory(folder_ / "out");
    std::ofstream(folder_ / "out/call") << "in the way";
    record(std::move(job));
    const recorder::Snapshot& end = last("EG_one");
    EXPECT_EQ(end.status, Status::Complete) << end.error;
    EXPECT_GT(seconds_of_tone(end.file.location, 440), 0.5);
    ASSERT_EQ(end.track_files.size(), 1U);
    const recorder::TrackFileResult& track = end.track_files.front();
    EXPECT_NE(track.error, "");
    EXPECT_EQ(track.file.location, "");
    EXPECT_GT(seconds_of_tone(track.file.spool_path, 440), 0.5);
    EXPECT_TRUE(std::filesystem::exists(end.manifest_location));
    EXPECT_TRUE(std::filesystem::exists(end.manifest_spool_path)) << "sent again with the track";
    EXPECT_FALSE(recorder::is_stored(end));
}

TEST_F(SimTracks, AreNotMadeAndNoManifestIsWrittenUnasked) {
    recorder::Job job = tracks_job();
    job.track_files.reset();
    job.writes_manifest = false;
    make_recorder();
    add_room_with_voice("room");
    start(std::move(job));
    run_until([&] { return status("EG_one") == Status::Active; });
    recorder_->stop("EG_one", EndReason::StopRequested);
    run_until_over("EG_one");
    EXPECT_EQ(last("EG_one").status, Status::Complete);
    EXPECT_TRUE(last("EG_one").track_files.empty());
    EXPECT_EQ(last("EG_one").manifest_location, "");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out/EG_one.json"));
}

}  // namespace
}  // namespace aircheck::app
