// Two callers of the built-in room, over real WebRTC on a bad network, into one file.
#include "net/loop.hpp"
#include "recorder/recorder.hpp"
#include "sim/server.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

namespace aircheck::app {
namespace {

constexpr int kRate = 48'000;
constexpr double kClapPeriod = 0.5;   // seconds
constexpr double kClapLength = 0.04;  // seconds

/// Eight seconds of claps: bursts of a 3 kHz sine that begin at full level.
std::shared_ptr<const sim::Voice> claps() {
    std::vector<std::int16_t> pcm(8 * kRate);
    for (std::size_t i = 0; i < pcm.size(); ++i) {
        const double at = std::fmod(static_cast<double>(i) / kRate, kClapPeriod);
        if (at >= kClapLength) continue;
        const double sine = std::sin(2 * std::numbers::pi * 3000 * at);
        pcm[i] = static_cast<std::int16_t>(16'000 * sine * (1 - at / kClapLength));
    }
    auto voice = sim::Voice::from_pcm(pcm, {});
    EXPECT_TRUE(voice);
    return *voice;
}

sim::Caller caller(const std::string& identity, double drift_ppm) {
    sim::Caller who;
    who.identity = identity;
    who.drift_ppm = drift_ppm;
    who.utterances = {{Nanoseconds(0), claps()}};
    who.stop = 8s;
    return who;
}

/// [frames × 2] interleaved, decoded by ffmpeg.
std::vector<float> decode(const std::string& path) {
    const std::string command =
        "ffmpeg -v error -i '" + path + "' -f f32le -ac 2 -ar 48000 - 2>/dev/null";
    FILE* pipe = ::popen(command.c_str(), "r");
    std::vector<float> samples;
    std::array<float, 4096> buffer{};
    while (pipe != nullptr) {
        const std::size_t count = std::fread(buffer.data(), sizeof(float), buffer.size(), pipe);
        if (count == 0) break;
        samples.insert(samples.end(), buffer.begin(), buffer.begin() + static_cast<long>(count));
    }
    EXPECT_EQ(pipe == nullptr ? -1 : ::pclose(pipe), 0);
    return samples;
}

/// When claps begin on one channel, in seconds: where the level rises above a tenth of full scale
/// after a quarter of a second below it.
std::vector<double> onsets(const std::vector<float>& samples, std::size_t channel) {
    std::vector<double> found;
    std::size_t quiet_since = 0;
    for (std::size_t frame = 0; frame * 2 + channel < samples.size(); ++frame) {
        if (std::abs(samples[frame * 2 + channel]) < 0.1F) continue;
        if (frame - quiet_since > kRate / 4) found.push_back(static_cast<double>(frame) / kRate);
        quiet_since = frame;
    }
    return found;
}

class SimCall : public testing::Test {
protected:
    void SetUp() override {
        folder_ = testing::TempDir() + "sim-call-" + std::to_string(::getpid());
        std::filesystem::remove_all(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    recorder::Snapshot record(sim::Room room) {
        net::Loop loop;
        auto server = sim::Server::start(loop, {});
        EXPECT_TRUE(server);
        recorder::Recorder::Options options;
        options.data_dir = folder_;
        options.media_threads = 1;
        options.min_free_bytes = 0;
        auto recorder = recorder::Recorder::create(loop, options);
        EXPECT_TRUE(recorder);
        recorder::Job job;
        job.egress_id = "EG_claps";
        job.room_name = room.name;
        job.access = {(*server)->url(), "devkey", "secret", ""};
        job.mixing = recorder::Mixing::DualChannelAlternate;
        job.encoding.channels = 2;
        job.encoding.bitrate_bps = 160'000;
        job.destination = storage::LocalDestination{folder_ + "/out"};
        job.filepath = "claps.mp4";
        job.requested_at = wall_now();
        EXPECT_TRUE((*server)->add_room(std::move(room)));
        recorder::Snapshot last;
        const auto started = (*recorder)->start(job, [&](const recorder::Snapshot& now) {
            last = now;
            if (recorder::is_final(now.status)) loop.stop();
        });
        EXPECT_TRUE(started);
        loop.run("test");
        recorder->reset();
        server->reset();
        return last;
    }

    std::string folder_;
};

TEST_F(SimCall, WhoClapTogetherClapTogetherInTheFileOnABadNetwork) {
    sim::Room room;
    room.name = "claps";
    room.callers = {caller("ada", 100), caller("bob", -100)};
    room.link.loss = 0.05;
    room.link.jitter = 30ms;
    room.link.reorder = 0.02;
    room.link.duplicate = 0.01;
    const recorder::Snapshot end = record(std::move(room));
    ASSERT_EQ(end.status, recorder::Status::Complete) << end.error;
    const auto samples = decode(end.file.location);
    const auto left = onsets(samples, 0);
    const auto right = onsets(samples, 1);
    ASSERT_GE(left.size(), 12U);
    ASSERT_GE(right.size(), 12U);
    int compared = 0;
    int together = 0;
    for (const double clap : left) {
        for (const double other : right) {
            if (std::abs(clap - other) > kClapPeriod / 2) continue;
            together += std::abs(clap - other) <= 0.010 ? 1 : 0;
            ++compared;
        }
    }
    EXPECT_GE(compared, 10);
    // A clap whose first packet never came begins later on that side.
    EXPECT_GE(together, compared - 2);
    EXPECT_NEAR(
        to_seconds(end.file.duration), static_cast<double>(samples.size()) / 2 / kRate, 0.03
    );
}

}  // namespace
}  // namespace aircheck::app
