#include "control/bus_host.hpp"

#include "core/temp_folder_testing.hpp"
#include "proto/livekit_egress.pb.h"
#include "proto/livekit_rpc.pb.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace aircheck::control {
namespace {

/// A host over a service that records nothing: bids, and what is refused, need no room.
class BusHostTest : public testing::Test {
protected:
    void SetUp() override {
        store_ = records::Store::open(":memory:").value();
        notify::Outbox::Options notices;
        notices.secrets_key = kKey;
        outbox_ = notify::Outbox::create(*store_, std::move(notices)).value();
        recorder::Recorder::Options recording;
        recording.data_dir = folder_.path();
        recording.media_threads = recording.upload_threads = 1;
        recorder_ = recorder::Recorder::create(loop_, std::move(recording)).value();
        EgressService::Options options;
        options.links.secrets_key = kKey;
        options.worker = "one";
        options.defaults.destination = storage::LocalDestination{folder_.path()};
        service_ = std::make_unique<EgressService>(
            loop_, records_pool_, remote_pool_, *store_, *recorder_, *outbox_, rooms_, options
        );
    }
    void TearDown() override {
        records_pool_.finish();
        remote_pool_.finish();
        service_.reset();
        recorder_.reset();
    }
    std::string refusal_of(BusHost& host, const rpc::StartEgressRequest& request) {
        std::string words;
        host.start(request, [&](const auto& answer) {
            words = answer ? "" : answer.error().code + ": " + answer.error().message;
        });
        return words;
    }

    const Bytes kKey = Bytes(32, 7);
    const tests::TempFolder folder_;
    net::Loop loop_;
    net::HttpClient http_;
    net::Pool records_pool_{"records", 1};
    net::Pool remote_pool_{"remote", 1};
    RoomService rooms_{recorder::RoomAccess{}, http_};
    std::unique_ptr<records::Store> store_;
    std::unique_ptr<notify::Outbox> outbox_;
    std::unique_ptr<recorder::Recorder> recorder_;
    std::unique_ptr<EgressService> service_;
};

rpc::StartEgressRequest asking() {
    rpc::StartEgressRequest request;
    request.set_egress_id("EG_1");
    return request;
}

rpc::StartEgressRequest room(bool audio_only) {
    auto request = asking();
    auto& room = *request.mutable_room_composite();
    room.set_room_name("lobby");
    room.set_audio_only(audio_only);
    room.add_file_outputs()->set_filepath("x.mp4");
    return request;
}

/// One of each kind that this build cannot do.
std::vector<rpc::StartEgressRequest> beyond_us() {
    std::vector<rpc::StartEgressRequest> all{room(false)};
    auto web = asking();
    web.mutable_web()->set_url("https://example.com");
    all.push_back(web);
    auto page = room(true);
    page.mutable_room_composite()->set_custom_base_url("https://example.com");
    all.push_back(page);
    auto images = room(true);
    images.mutable_room_composite()->add_image_outputs()->set_filename_prefix("x");
    all.push_back(images);
    auto video = asking();
    video.mutable_track_composite()->set_room_name("lobby");
    video.mutable_track_composite()->set_video_track_id("TR_V");
    video.mutable_track_composite()->add_file_outputs()->set_filepath("x.mp4");
    all.push_back(video);
    return all;
}

TEST_F(BusHostTest, BidsLowestForWhatItCannotDoAndSaysWhy) {
    BusHost host(*service_);
    EXPECT_GT(host.affinity(room(true)), 0.5f);
    for (const auto& request : beyond_us()) {
        EXPECT_EQ(host.affinity(request), BusHost::kLowestBid) << request.DebugString();
        const auto words = refusal_of(host, request);
        EXPECT_NE(words.find("is not supported by this recorder yet"), std::string::npos) << words;
        EXPECT_EQ(words.find("invalid_argument: "), 0U) << words;
    }
}

TEST_F(BusHostTest, LeavesToOthersWhatItCannotDo) {
    BusHost host(*service_, BusHost::Beyond::Left);
    EXPECT_GT(host.affinity(room(true)), 0.5f);
    for (const auto& request : beyond_us()) {
        EXPECT_LT(host.affinity(request), 0) << request.DebugString();
    }
}

TEST_F(BusHostTest, RefusesAnotherServersJobs) {
    BusHost host(*service_);
    auto elsewhere = room(true);
    elsewhere.set_ws_url("wss://elsewhere.example");
    EXPECT_EQ(host.affinity(elsewhere), BusHost::kLowestBid);
    EXPECT_EQ(refusal_of(host, elsewhere).find("invalid_argument: ws_url, token: "), 0U);
    auto with_token = room(true);
    with_token.set_token("ey");
    EXPECT_EQ(refusal_of(host, with_token).find("invalid_argument: ws_url, token: "), 0U);
}

TEST_F(BusHostTest, RefusesWhatIsWrongAlsoWhereMoreIsLeftToOthers) {
    BusHost host(*service_, BusHost::Beyond::Left);
    auto nowhere = room(true);
    nowhere.mutable_room_composite()->clear_room_name();
    EXPECT_EQ(host.affinity(nowhere), BusHost::kLowestBid);
    EXPECT_EQ(
        refusal_of(host, nowhere),
        "invalid_argument: request has missing or invalid field: room_name"
    );
    service_->drain();
    EXPECT_EQ(host.affinity(room(true)), BusHost::kLowestBid) << "what does not fit now";
}

}  // namespace
}  // namespace aircheck::control
