// The worker on the bus of a real livekit-server, over a real Redis: asked through livekit-server's
// own API, and its webhooks heard.
#include "tests/support/livekit_server.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/redis.hpp"

#include "control/bus_scene_test.hpp"
#include "control/bus_worker.hpp"
#include "control/redis_bus.hpp"
#include "core/temp_folder_testing.hpp"
#include "net/http_server.hpp"
#include "proto/json.hpp"
#include "proto/livekit_webhook.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

namespace aircheck::control {
namespace {

using livekit::EgressStatus;
using ::testing::HasSubstr;
using testing::status_of;
using tests::LoopThread;
using tests::TempFolder;

livekit::EgressInfo info_of(const std::string& json) {
    livekit::EgressInfo info;
    const auto read = proto::from_json(json, info);
    EXPECT_TRUE(read) << json;
    return info;
}

/// Takes livekit-server's webhooks; events are "egress_started EG_1 STARTING".
class Receiver {
public:
    Receiver() {
        loop_.call([this] {
            server_ =
                net::HttpServer::start(
                    loop_.loop,
                    {},
                    [this](const net::HttpServerRequest& request, const auto& respond) {
                        livekit::WebhookEvent event;
                        if (proto::from_json(request.body, event) && event.has_egress_info()) {
                            const auto& info = event.egress_info();
                            events.add(
                                event.event() + " " + info.egress_id() + " " + status_of(info)
                            );
                        }
                        respond({});
                    }
                ).value();
        });
    }
    ~Receiver() {
        loop_.call([this] { server_.reset(); });
    }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    [[nodiscard]] std::string url() {
        return "http://127.0.0.1:" + std::to_string(server_->local().port) + "/";
    }

    tests::Events events;

private:
    LoopThread loop_;
    std::unique_ptr<net::HttpServer> server_;
};

/// A host with room for so many, each costing the same.
class SmallHost final : public JobHost {
public:
    explicit SmallHost(std::size_t room) : room_(room) {}
    float affinity(const rpc::StartEgressRequest&) override {
        const auto load = static_cast<float>(running_.size()) / static_cast<float>(room_);
        return load < 1 ? 1 - load / 2 - 0.01f : 0.001f;
    }
    void start(const rpc::StartEgressRequest& request, OnInfo on_info) override {
        if (running_.size() >= room_) {
            return on_info(rpc_fail("resource_exhausted", "this recorder is full"));
        }
        running_.push_back(request.egress_id());
        livekit::EgressInfo info;
        info.set_egress_id(request.egress_id());
        info.set_room_id(request.room_id());
        info.set_room_name(request.room_composite().room_name());
        info.set_started_at(unix_nanoseconds(wall_now()));
        *info.mutable_room_composite() = request.room_composite();
        on_info(info);
    }
    void stop(const std::string& egress_id, OnInfo on_info) override {
        livekit::EgressInfo info;
        info.set_egress_id(egress_id);
        info.set_status(EgressStatus::EGRESS_ENDING);
        on_info(info);
    }
    void update_stream(const livekit::UpdateStreamRequest&, OnInfo on_info) override {
        on_info(rpc_fail("invalid_argument", "UpdateStream called on non-streaming egress"));
    }
    [[nodiscard]] std::vector<std::string> active() const override { return running_; }
    void take_over(const std::string&, std::function<void(TakenOver taken)> on_done) override {
        on_done(TakenOver::Not);
    }

private:
    std::size_t room_;
    std::vector<std::string> running_;
};

/// A worker on a thread of its own.
class RealWorker {
public:
    RealWorker(const tests::RedisServer& redis, const std::string& id, std::size_t room)
        : host_(room) {
        loop_.call([&] {
            net::RedisSettings settings;
            settings.address = redis.address();
            bus_ = std::make_unique<RedisBus>(net::Redis::create(loop_.loop, settings).value());
            clock_ = std::make_unique<LoopClock>(loop_.loop);
            BusWorker::Options options;
            options.worker_id = id;
            options.folder = folder_ / "bus";
            options.lease = 3s;
            worker_ = std::make_unique<BusWorker>(*bus_, *clock_, host_, options);
            ASSERT_TRUE(worker_->start());
        });
    }
    ~RealWorker() { vanish(); }
    RealWorker(const RealWorker&) = delete;
    RealWorker& operator=(const RealWorker&) = delete;

    /// As a killed process: its connections end, it says nothing.
    void vanish() {
        loop_.call([&] {
            worker_.reset();
            bus_.reset();
        });
    }
    void report(const std::string& egress_id, EgressStatus status) {
        loop_.call([&] {
            livekit::EgressInfo info;
            info.set_egress_id(egress_id);
            info.set_room_name("lobby");
            info.set_status(status);
            info.set_updated_at(unix_nanoseconds(wall_now()));
            if (is_over(info)) info.set_ended_at(unix_nanoseconds(wall_now()));
            worker_->report(info);
        });
    }
    std::size_t active() {
        std::size_t count = 0;
        loop_.call([&] { count = host_.active().size(); });
        return count;
    }
    bool is_settled() {
        bool settled = false;
        loop_.call([&] { settled = worker_->is_settled(); });
        return settled;
    }

private:
    TempFolder folder_;
    LoopThread loop_;
    SmallHost host_;
    std::unique_ptr<RedisBus> bus_;
    std::unique_ptr<LoopClock> clock_;
    std::unique_ptr<BusWorker> worker_;
};

class BusOnLivekit : public ::testing::Test {
protected:
    void SetUp() override {
        const auto room = livekit_.call("livekit.RoomService/CreateRoom", R"({"name":"lobby"})");
        ASSERT_THAT(room, HasSubstr("RM_"));
    }
    std::string start() {
        return livekit_.call(
            "livekit.Egress/StartRoomCompositeEgress",
            R"({"room_name":"lobby","audio_only":true,"file_outputs":[{"filepath":"x.mp4"}]})"
        );
    }
    std::string stop(const std::string& egress_id) {
        return livekit_.call("livekit.Egress/StopEgress", R"({"egress_id":")" + egress_id + "\"}");
    }
    /// As livekit-server lists it; waits a minute at most for `status`.
    std::string listed(const std::string& egress_id, const std::string& status) {
        std::string found;
        for (int i = 0; i < 600 && found != status; ++i) {
            if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
            livekit::ListEgressResponse list;
            const auto body =
                livekit_.call("livekit.Egress/ListEgress", R"({"egress_id":")" + egress_id + "\"}");
            found = body;
            if (!proto::from_json(body, list) || list.items_size() != 1) continue;
            found = status_of(list.items(0));
        }
        return found;
    }
    /// StartEgress is answered only where somebody bids: waits until a worker does.
    std::string start_when_ready() {
        std::string body;
        for (int i = 0; i < 60; ++i) {
            body = start();
            if (body.find("no response from servers") == std::string::npos) return body;
        }
        return body;
    }

    Receiver receiver_;
    tests::RedisServer redis_;
    tests::LivekitServer livekit_{R"({"address": ")" + redis_.address() + "\"}", receiver_.url()};
};

TEST_F(BusOnLivekit, DoesAJobAndTellsItsStates) {
    RealWorker worker(redis_, "one", 10);
    const auto info = info_of(start_when_ready());
    const std::string id = info.egress_id();
    ASSERT_THAT(id, HasSubstr("EG_"));
    EXPECT_EQ(status_of(info), "STARTING");
    EXPECT_THAT(info.room_id(), HasSubstr("RM_"));
    EXPECT_EQ(info.room_composite().file_outputs(0).filepath(), "x.mp4");
    EXPECT_TRUE(receiver_.events.wait_for("egress_started " + id + " STARTING"));
    EXPECT_EQ(listed(id, "STARTING"), "STARTING");

    worker.report(id, EgressStatus::EGRESS_ACTIVE);
    EXPECT_TRUE(receiver_.events.wait_for("egress_updated " + id + " ACTIVE"));
    EXPECT_EQ(listed(id, "ACTIVE"), "ACTIVE");
    EXPECT_EQ(status_of(info_of(stop(id))), "ENDING");
    EXPECT_THAT(
        livekit_.call(
            "livekit.Egress/UpdateStream",
            R"({"egress_id":")" + id + R"(","add_output_urls":["rtmp://x/y"]})"
        ),
        ::testing::AllOf(
            HasSubstr(R"("code":"invalid_argument")"),
            HasSubstr("UpdateStream called on non-streaming egress")
        )
    );
    worker.report(id, EgressStatus::EGRESS_COMPLETE);
    EXPECT_TRUE(receiver_.events.wait_for("egress_ended " + id + " COMPLETE"));
    EXPECT_EQ(listed(id, "COMPLETE"), "COMPLETE");
    EXPECT_THAT(stop(id), HasSubstr("egress with status EGRESS_COMPLETE cannot be stopped"));
    EXPECT_TRUE(worker.is_settled());
    EXPECT_EQ(receiver_.events.all().size(), 3u) << "each webhook once";
}

TEST_F(BusOnLivekit, RefusesInWordsThatReachTheCaller) {
    RealWorker worker(redis_, "one", 0);
    const auto refused = start_when_ready();
    EXPECT_THAT(refused, HasSubstr(R"("code":"resource_exhausted")"));
    EXPECT_THAT(refused, HasSubstr("this recorder is full"));
    EXPECT_TRUE(receiver_.events.all().empty());
}

TEST_F(BusOnLivekit, CatchesUpAfterARestartOfRedis) {
    RealWorker worker(redis_, "one", 10);
    const std::string id = info_of(start_when_ready()).egress_id();
    redis_.stop();
    worker.report(id, EgressStatus::EGRESS_ACTIVE);
    redis_.start();  // Without what it knew: livekit-server's record of the job, too.
    EXPECT_EQ(listed(id, "ACTIVE"), "ACTIVE");
    redis_.stop();
    worker.report(id, EgressStatus::EGRESS_ENDING);
    worker.report(id, EgressStatus::EGRESS_COMPLETE);
    redis_.start();
    EXPECT_TRUE(receiver_.events.wait_for("egress_ended " + id + " COMPLETE"));
    EXPECT_EQ(listed(id, "COMPLETE"), "COMPLETE");
}

TEST_F(BusOnLivekit, EndsTheJobsOfAWorkerThatIsGone) {
    RealWorker one(redis_, "one", 10);
    const std::string id = info_of(start_when_ready()).egress_id();
    one.report(id, EgressStatus::EGRESS_ACTIVE);
    EXPECT_EQ(listed(id, "ACTIVE"), "ACTIVE");
    RealWorker two(redis_, "two", 10);
    one.vanish();
    EXPECT_TRUE(receiver_.events.wait_for("egress_ended " + id + " FAILED"));
    const auto list = livekit_.call("livekit.Egress/ListEgress", R"({"egress_id":")" + id + "\"}");
    EXPECT_THAT(list, HasSubstr("the recorder that had this job is gone (worker one)"));
}

TEST_F(BusOnLivekit, SharesManyJobsStartedAtOnce) {
    RealWorker one(redis_, "one", 20);
    RealWorker two(redis_, "two", 20);
    ASSERT_THAT(start_when_ready(), HasSubstr("EG_"));
    std::vector<std::future<std::string>> answers;
    for (int i = 0; i < 59; ++i) {
        answers.push_back(std::async(std::launch::async, [this] { return start_when_ready(); }));
    }
    std::set<std::string> ids;
    std::size_t refused = 0;
    for (auto& answer : answers) {
        const auto body = answer.get();
        if (body.find("resource_exhausted") != std::string::npos) {
            ++refused;
        } else {
            ids.insert(info_of(body).egress_id());
        }
    }
    EXPECT_EQ(ids.size(), 39u) << "with the first, as many as fit";
    EXPECT_EQ(refused, 20u);
    EXPECT_EQ(one.active(), 20u);
    EXPECT_EQ(two.active(), 20u);
}

}  // namespace
}  // namespace aircheck::control
