// A file and HLS segments of one recording in the built-in rooms.
#include "app/sim_world_test.hpp"
#include "mux/playlist.hpp"
#include "recorder/kept_segments.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace aircheck::app {
namespace {

using recorder::EndReason;
using recorder::Status;
using testing::seconds_of_tone;

class SimSegments : public testing::SimWorld {
protected:
    /// With segments of one second under "hls/", and a live playlist.
    [[nodiscard]] recorder::Job segmented_job() const {
        recorder::Job made = job("EG_one", "room");
        made.segments.emplace();
        made.segments->prefix = "hls/part";
        made.segments->playlist_name = "hls/all";
        made.segments->live_playlist_name = "hls/live";
        made.segments->duration = 1s;
        made.segments->destination = made.destination;
        return made;
    }
    void record(recorder::Job asked, std::uint32_t segments) {
        make_recorder();
        add_room_with_voice("room");
        start(std::move(asked));
        const std::string last_one = folder_ / "out/" + mux::segment_name("hls/part", segments - 1);
        run_watching([&] {
            return recorder::is_final(status("EG_one")) || std::filesystem::exists(last_one);
        });
        recorder_->stop("EG_one", EndReason::StopRequested);
        run_until_over("EG_one");
    }
};

TEST_F(SimSegments, LieBesideTheFileOfOneEncode) {
    record(segmented_job(), 7);
    const recorder::Snapshot& end = last("EG_one");
    ASSERT_EQ(end.status, Status::Complete) << end.error;
    ASSERT_TRUE(end.segments);
    const std::string folder = folder_ / "out/hls/";
    EXPECT_EQ(end.segments->playlist_name, "hls/all.m3u8");
    EXPECT_EQ(end.segments->playlist_location, folder + "all.m3u8");
    EXPECT_EQ(end.segments->live_playlist_location, folder + "live.m3u8");
    EXPECT_GE(end.segments->count, 7U);
    const double seconds = to_seconds(end.file.duration);
    EXPECT_NEAR(to_seconds(end.segments->duration), seconds, 0.1);
    EXPECT_NEAR(seconds_of_tone(end.file.location, 440), seconds, 0.3);
    EXPECT_NEAR(seconds_of_tone(folder + "all.m3u8", 440), seconds, 0.3);
    EXPECT_TRUE(std::filesystem::exists(folder + "part_00006.ts"));
    EXPECT_GT(seconds_of_tone(folder + "part_00002.ts", 440), 0.8) << "plays by itself";

    const std::string all = tests::read_file(folder + "all.m3u8");
    const std::string live = tests::read_file(folder + "live.m3u8");
    EXPECT_NE(all.find("part_00000.ts\n"), std::string::npos) << all;
    EXPECT_EQ(live.find("part_00000.ts\n"), std::string::npos) << live;
    EXPECT_TRUE(all.ends_with("#EXT-X-ENDLIST\n")) << all;
    EXPECT_TRUE(live.ends_with("#EXT-X-ENDLIST\n")) << live;
    EXPECT_FALSE(std::filesystem::exists(spool("EG_one") + "/segments"));
}

TEST_F(SimSegments, DoWithoutAFile) {
    recorder::Job alone = segmented_job();
    alone.makes_file = false;
    record(std::move(alone), 2);
    const recorder::Snapshot& end = last("EG_one");
    ASSERT_EQ(end.status, Status::Complete) << end.error;
    EXPECT_TRUE(end.file.location.empty());
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out/EG_one.mp4"));
    EXPECT_GT(seconds_of_tone(folder_ / "out/hls/all.m3u8", 440), 1.8);
}

TEST_F(SimSegments, ThatFailDoNotCostTheFile) {
    recorder::Job job = segmented_job();
    std::filesystem::create_directory(folder_ / "locked");
    std::ofstream(folder_ / "locked/hls") << "in the way";
    job.segments->destination = storage::LocalDestination{folder_ / "locked"};
    recorder::Recorder::Options options;
    options.upload_patience = 1s;
    make_recorder(options);
    add_room_with_voice("room");
    start(std::move(job));
    run_watching([&] { return std::filesystem::exists(spool("EG_one") + "/segments"); });
    recorder_->stop("EG_one", EndReason::StopRequested);
    run_until_over("EG_one");
    const recorder::Snapshot& end = last("EG_one");
    EXPECT_EQ(end.status, Status::Failed);
    EXPECT_TRUE(end.error.starts_with("segments: ")) << end.error;
    EXPECT_NE(end.error.find(spool("EG_one") + "/segments"), std::string::npos) << end.error;
    EXPECT_GT(seconds_of_tone(end.file.location, 440), 0.5);
    EXPECT_GT(seconds_of_tone(spool("EG_one") + "/segments/segment_00000.ts", 440), 0.4);
    EXPECT_EQ(end.segments->spool_path, spool("EG_one") + "/segments/segments.json");
}

TEST_F(SimSegments, WhatWasNotSentIsSentLaterBesideWhatWas) {
    namespace fs = std::filesystem;
    const std::string folder = folder_ / "out/hls";
    const std::string away = folder_ / "out/away";
    recorder::Recorder::Options options;
    options.upload_patience = 1s;
    make_recorder(options);
    add_room_with_voice("room");
    recorder::Job job = segmented_job();
    const storage::Destination destination = job.segments->destination;
    start(std::move(job));
    run_watching([&] { return fs::exists(folder + "/part_00001.ts"); });
    fs::rename(folder, away);
    std::ofstream(folder) << "in the way";
    run_watching([&] { return fs::exists(spool("EG_one") + "/segments/segment_00004.ts"); });
    recorder_->stop("EG_one", EndReason::StopRequested);
    run_until_over("EG_one");
    const recorder::Snapshot& end = last("EG_one");
    ASSERT_EQ(end.status, Status::Failed);
    const std::uint32_t sent = end.segments->count;
    EXPECT_GE(sent, 1U);

    net::HttpClient http;
    const auto upload = [&] {
        return recorder::upload_kept_segments(
            destination, "EG_one", end.segments->spool_path, http
        );
    };
    EXPECT_FALSE(upload()) << "it is still in the way";
    fs::remove(folder);
    fs::rename(away, folder);
    const auto late = upload();
    ASSERT_TRUE(late) << late.error().to_string();
    EXPECT_TRUE(late->result.is_whole);
    EXPECT_GT(late->result.count, sent);
    EXPECT_EQ(late->stored.size(), late->result.count);
    EXPECT_EQ(late->result.playlist_location, folder + "/all.m3u8");
    const double seconds = to_seconds(end.file.duration);
    EXPECT_NEAR(to_seconds(late->result.duration), seconds, 0.1);
    EXPECT_NEAR(seconds_of_tone(folder + "/all.m3u8", 440), seconds, 0.3);
    EXPECT_TRUE(tests::read_file(folder + "/live.m3u8").ends_with("#EXT-X-ENDLIST\n"));
    EXPECT_FALSE(fs::exists(spool("EG_one") + "/segments"));
    EXPECT_EQ(upload().error().code, Errc::NotFound) << "there is nothing left to send";
}

}  // namespace
}  // namespace aircheck::app
