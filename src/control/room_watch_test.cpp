#include "control/room_watch.hpp"

#include "core/temp_folder_testing.hpp"
#include "proto/livekit_webhook.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace aircheck::control {
namespace {

using records::RecordingStatus;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kSid = "RM_1";
const Bytes kKey(32, 7);
constexpr Nanoseconds kPatience = 60s;  ///< For what has to happen, on a busy machine.

template <typename T>
T must(Result<T> result) {
    if (!result) ADD_FAILURE() << result.error().to_string();
    return result ? std::move(*result) : T{};
}

Instant g_now(1000s);  ///< The clock of the pauses between tries.

/// Rules over records in memory, told of a room by webhooks; nothing listens where rooms are joined
/// and asked for.
class RoomWatchTest : public testing::Test {
protected:
    void SetUp() override {
        store_ = must(records::Store::open(":memory:"));
        notify::Outbox::Options notices;
        notices.secrets_key = kKey;
        outbox_ = must(notify::Outbox::create(*store_, std::move(notices)));
        rooms_ = std::make_unique<RoomService>(recorder::RoomAccess{}, http_);
    }
    void TearDown() override {
        remote_pool_.finish();
        records_pool_.finish();
        watch_.reset();
        service_.reset();
        recorder_.reset();
    }

    void begin(AutoRecordRule rule, std::uint64_t min_free_bytes) {
        recorder::Recorder::Options recording;
        recording.data_dir = folder_.path();
        recording.min_free_bytes = min_free_bytes;
        recording.media_threads = recording.upload_threads = 1;
        recorder_ = must(recorder::Recorder::create(loop_, std::move(recording)));
        EgressService::Options options_of_service;
        options_of_service.links.secrets_key = kKey;
        options_of_service.admission = admission_;
        service_ = std::make_unique<EgressService>(
            loop_,
            records_pool_,
            remote_pool_,
            *store_,
            *recorder_,
            *outbox_,
            *rooms_,
            std::move(options_of_service)
        );
        RoomWatch::Options options;
        options.rules = {std::move(rule)};
        options.clock = [] { return g_now; };
        watch_ = std::make_unique<RoomWatch>(
            loop_, records_pool_, remote_pool_, *store_, *rooms_, *service_, std::move(options)
        );
    }

    /// LiveKit tells; returns once it is taken, and all that it set off is stored.
    void tell(
        const std::string& event,
        const std::string& who = "",
        livekit::ParticipantInfo::Kind kind = livekit::ParticipantInfo::STANDARD
    ) {
        livekit::WebhookEvent told;
        told.set_event(event);
        told.set_id("EV_" + std::to_string(++events_));
        told.mutable_room()->set_sid(kSid);
        told.mutable_room()->set_name("support-1");
        told.mutable_participant()->set_sid(who);
        told.mutable_participant()->set_kind(kind);
        bool is_taken = false;
        watch_->on_event(told, [&](const Result<>& taken) {
            EXPECT_TRUE(taken) << taken.error().to_string();
            is_taken = true;
        });
        wait_until([&] { return is_taken; });
    }
    void wait_until(const std::function<bool()>& is_so) {
        net::Timer limit(loop_);
        net::Timer next(loop_);
        limit.after(kPatience, [&] {
            ADD_FAILURE() << "it did not come to that";
            loop_.stop();
        });
        std::function<void()> look = [&] {
            if (is_so()) {
                loop_.stop();
            } else {
                next.after(5ms, look);
            }
        };
        loop_.post(look);
        loop_.run("test");
    }
    [[nodiscard]] std::string holder() { return must(store_->find_room(kSid)).recorded_by; }
    [[nodiscard]] std::vector<records::Recording> recordings() {
        return must(store_->list_recordings({})).items;
    }
    void put(const std::string& egress_id, RecordingStatus status, const std::string& end_reason) {
        records::Recording recording;
        recording.egress_id = egress_id;
        recording.conversation_id = must(store_->find_room(kSid)).conversation_id;
        recording.room_sid = kSid;
        recording.room_name = "support-1";
        recording.origin = "rule";
        recording.status = status;
        recording.end_reason = end_reason;
        recording.started_at = recording.updated_at = WallTime(1s);
        must(store_->update_recording(recording));
    }

    const tests::TempFolder folder_;
    Admission* admission_ = nullptr;
    int events_ = 0;
    net::Loop loop_;
    net::HttpClient http_;
    net::Pool records_pool_{"records", 1};
    net::Pool remote_pool_{"remote", 1};
    std::unique_ptr<records::Store> store_;
    std::unique_ptr<notify::Outbox> outbox_;
    std::unique_ptr<recorder::Recorder> recorder_;
    std::unique_ptr<RoomService> rooms_;
    std::unique_ptr<EgressService> service_;
    std::unique_ptr<RoomWatch> watch_;
};

constexpr std::uint64_t kNoDiskHasIt = std::numeric_limits<std::uint64_t>::max();

TEST_F(RoomWatchTest, AStartThatFailedIsTriedAgainLater) {
    begin({}, kNoDiskHasIt);
    tell("participant_joined", "PA_1");
    wait_until([&] { return recordings().size() == 1 && holder().empty(); });
    EXPECT_EQ(recordings()[0].status, RecordingStatus::Failed);

    g_now += 4'999ms;
    tell("participant_joined", "PA_2");
    EXPECT_EQ(holder(), "") << "too early";
    g_now += 1ms;
    tell("participant_joined", "PA_3");
    wait_until([&] { return recordings().size() == 2 && holder().empty(); });
    g_now += 9'999ms;
    tell("participant_joined", "PA_4");
    EXPECT_EQ(holder(), "") << "the second pause is longer";
    EXPECT_THAT(recordings(), SizeIs(2));
}

TEST_F(RoomWatchTest, WhatDoesNotFitIsTriedAgainAndLeavesNoRecord) {
    Admission::Options one;
    one.max_recordings = 1;
    Admission admission(one);
    admission.begin("EG_before", Workload::Mixed, g_now);
    admission_ = &admission;
    begin({}, 0);
    tell("participant_joined", "PA_1");
    wait_until([&] { return service_->metrics().refused == 1 && holder().empty(); });
    EXPECT_THAT(recordings(), IsEmpty());

    admission.end("EG_before", g_now);
    tell("participant_joined", "PA_2");
    EXPECT_EQ(holder(), "") << "too early";
    g_now += 5s;
    tell("participant_joined", "PA_3");
    wait_until([&] { return recordings().size() == 1; });
    wait_until([&] { return recordings()[0].status == RecordingStatus::Failed; });
    EXPECT_EQ(admission.status().recordings, 0U);  // It counts as long as it runs.
}

TEST_F(RoomWatchTest, NothingIsClaimedWhileDraining) {
    begin({}, 0);
    service_->drain();
    tell("participant_joined", "PA_1");
    EXPECT_EQ(holder(), "");
    EXPECT_EQ(must(store_->find_room(kSid)).room_name, "support-1") << "it is known all the same";
    EXPECT_THAT(recordings(), IsEmpty());
}

TEST_F(RoomWatchTest, ARecordingThatFailedBeforeAnyMediaFreesItsRoom) {
    begin({}, 0);
    tell("participant_joined", "PA_1");
    wait_until([&] { return recordings().size() == 1 && holder().empty(); });
    wait_until([&] { return recordings()[0].status == RecordingStatus::Failed; });
    EXPECT_EQ(recordings()[0].end_reason, "Failure");
}

TEST_F(RoomWatchTest, AfterTheLastHumanLeftOnlyTheNextOneStartsAnew) {
    AutoRecordRule rule;
    rule.rooms = "other";
    begin(rule, kNoDiskHasIt);
    tell("participant_joined", "PA_1");
    put("EG_1", RecordingStatus::Complete, "Source closed");
    tell("participant_left", "PA_1");
    for (const auto on : {AutoRecordRule::On::ParticipantJoined, AutoRecordRule::On::RoomStarted}) {
        rule.rooms = "*";
        rule.on = on;
        watch_.reset();
        service_.reset();
        recorder_.reset();
        begin(rule, kNoDiskHasIt);
        const auto before = recordings().size();
        tell("participant_joined", "PA_agent", livekit::ParticipantInfo::AGENT);
        tell("participant_joined", "PA_1");  // Late news of one who has left.
        tell("room_started");
        EXPECT_EQ(holder(), "");
        EXPECT_THAT(recordings(), SizeIs(before));
        tell("participant_joined", "PA_" + std::to_string(2 + before));
        wait_until([&] { return recordings().size() == before + 1 && holder().empty(); });
    }
}

TEST_F(RoomWatchTest, WhatWasStoppedStaysSo) {
    begin({}, kNoDiskHasIt);
    must(store_->conversation_for_room({kSid, "support-1", "", WallTime(1s), {}, 60s}));
    ASSERT_EQ(must(store_->claim_room(kSid, "EG_1")), "EG_1");
    put("EG_1", RecordingStatus::Complete, "StopEgress API");
    tell("participant_joined", "PA_2");
    EXPECT_EQ(holder(), "EG_1");
    EXPECT_THAT(recordings(), SizeIs(1));
}

}  // namespace
}  // namespace aircheck::control
