#include "app/sim_world_test.hpp"

#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace aircheck::app::testing {
namespace {

constexpr Nanoseconds kPatience = 120s;
constexpr int kRate = 48'000;
constexpr std::size_t kBlock = 960;  // 20 ms

}  // namespace

void SimWorld::SetUp() {
    auto server = sim::Server::start(loop_, {});
    ASSERT_TRUE(server) << server.error().to_string();
    server_ = std::move(*server);
}

void SimWorld::TearDown() {
    recorder_.reset();
    server_.reset();
    ::umount2(folder_.path().c_str(), MNT_DETACH);  // Where a test has mounted a disk there.
}

void SimWorld::make_recorder(recorder::Recorder::Options options) {
    options.data_dir = folder_.path();
    options.min_free_bytes = 0;
    if (options.media_threads == 0) options.media_threads = 1;
    auto made = recorder::Recorder::create(loop_, std::move(options));
    ASSERT_TRUE(made) << made.error().to_string();
    recorder_ = std::move(*made);
}

void SimWorld::add_room(sim::Room room) {
    const auto added = server_->add_room(std::move(room));
    ASSERT_TRUE(added) << added.error().to_string();
}

void SimWorld::add_room_with_voice(const std::string& name) {
    sim::Room room;
    room.name = name;
    room.callers = {speaker("ada")};
    add_room(std::move(room));
}

recorder::Job SimWorld::job(const std::string& egress_id, const std::string& room) const {
    recorder::Job job;
    job.egress_id = egress_id;
    job.room_name = room;
    job.access = {server_->url(), "devkey", "secret", ""};
    job.destination = storage::LocalDestination{folder_ / "out"};
    job.filepath = egress_id + ".mp4";
    job.requested_at = wall_now();
    return job;
}

void SimWorld::start(recorder::Job job) {
    const std::string id = job.egress_id;
    const auto started =
        recorder_->start(std::move(job), [this, id](const recorder::Snapshot& snapshot) {
            last_[id] = snapshot;
            auto& told = statuses_[id];
            if (told.empty() || told.back() != snapshot.status) told.push_back(snapshot.status);
            if (on_news_) on_news_();
        });
    ASSERT_TRUE(started) << started.error().to_string();
}

void SimWorld::run_until(const std::function<bool()>& done) {
    if (done()) return;
    bool reached = false;
    net::Timer limit(loop_);
    limit.after(kPatience, [this] { loop_.stop(); });
    on_news_ = [&] {
        if (reached || !done()) return;
        reached = true;
        loop_.stop();
    };
    loop_.run("test");
    on_news_ = nullptr;
    ASSERT_TRUE(reached) << "it did not come about";
}

void SimWorld::run_watching(const std::function<bool()>& done) {
    net::Timer timer(loop_);
    std::function<void()> watch = [&] {
        if (on_news_) on_news_();
        timer.after(20ms, watch);
    };
    timer.after(20ms, watch);
    run_until(done);
}

void SimWorld::run_until_over(const std::string& egress_id) {
    run_until([&] { return recorder::is_final(status(egress_id)); });
}

const recorder::Snapshot& SimWorld::last(const std::string& egress_id) const {
    static const recorder::Snapshot none;
    const auto it = last_.find(egress_id);
    return it == last_.end() ? none : it->second;
}

recorder::Status SimWorld::status(const std::string& egress_id) const {
    return last(egress_id).status;
}

sim::Caller speaker(const std::string& identity, int hz, Nanoseconds start) {
    sim::Caller who;
    who.identity = identity;
    who.utterances = {{Nanoseconds(0), sim::Voice::tone(hz, 0.3).value()}};
    who.start = start;
    return who;
}

double seconds_of_tone(const std::string& path, int hz) {
    const std::string command =
        "ffmpeg -v error -i '" + path + "' -f f32le -ac 1 -ar 48000 - 2>/dev/null";
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return 0;
    std::size_t heard = 0;
    std::array<float, kBlock> block{};
    while (std::fread(block.data(), sizeof(float), kBlock, pipe) == kBlock) {
        double cosine = 0;
        double sine = 0;
        for (std::size_t i = 0; i < kBlock; ++i) {
            const double phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / kRate;
            cosine += static_cast<double>(block[i]) * std::cos(phase);
            sine += static_cast<double>(block[i]) * std::sin(phase);
        }
        const double level = 2 * std::hypot(cosine, sine) / static_cast<double>(kBlock);
        if (level > 0.1) ++heard;
    }
    EXPECT_EQ(::pclose(pipe), 0) << "ffmpeg cannot decode " << path;
    return static_cast<double>(heard * kBlock) / kRate;
}

}  // namespace aircheck::app::testing
