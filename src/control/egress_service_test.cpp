#include "control/egress_service.hpp"

#include "control/secrets.hpp"
#include "core/temp_folder_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using records::RecordingStatus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const WallTime kThen(std::chrono::seconds(1'800'000'000));

template <typename T>
T must(Result<T> result) {
    if (!result) ADD_FAILURE() << result.error().to_string();
    return result ? std::move(*result) : T{};
}

notify::Receiver receiver(const std::string& url) {
    notify::Receiver made;
    made.url = url;
    return made;
}

/// A service over records that a former process left; nothing is sent and no room is joined.
class AfterARestart : public testing::Test {
protected:
    void SetUp() override {
        store_ = must(records::Store::open(":memory:"));
        rule_ = receiver("https://n8n.example/rule");
        rule_.headers = {{"X-Key", "secret"}};
        rule_.only_when_named = true;
        notify::Outbox::Options outbox;
        outbox.receivers = {receiver("https://crm.example/all"), rule_};
        outbox.api_keys = {{"devkey", "secret"}};
        outbox.secrets_key = kKey;
        outbox_ = must(notify::Outbox::create(*store_, std::move(outbox)));
        recorder::Recorder::Options recording;
        recording.data_dir = folder_.path();
        recording.media_threads = recording.upload_threads = 1;
        recorder_ = must(recorder::Recorder::create(loop_, std::move(recording)));
        rooms_ = std::make_unique<RoomService>(recorder::RoomAccess{}, http_);
        EgressService::Options options;
        options.links.secrets_key = kKey;
        options.worker = "here";
        options.former_worker = "old-name:/data";
        options.owns_records = owns_records_;
        service_ = std::make_unique<EgressService>(
            loop_, records_pool_, remote_pool_, *store_, *recorder_, *outbox_, *rooms_, options
        );
    }
    void TearDown() override {
        records_pool_.finish();
        remote_pool_.finish();
        service_.reset();
        recorder_.reset();
    }

    /// A room that is live, claimed by `egress_id`.
    std::string claimed_room(const std::string& egress_id) {
        records::Store::RoomSighting sighting;
        sighting.room_sid = "RM_of_" + egress_id;
        sighting.room_name = "room-of-" + egress_id;
        sighting.seen_at = kThen;
        const auto conversation = must(store_->conversation_for_room(sighting));
        EXPECT_EQ(must(store_->claim_room(sighting.room_sid, egress_id)), egress_id);
        return conversation.conversation_id;
    }
    void left_behind(
        const std::string& egress_id,
        RecordingStatus status,
        const std::string& end_reason = "",
        const std::string& worker = "here",
        const std::vector<notify::Receiver>& receivers = {}
    ) {
        records::Recording recording;
        recording.egress_id = egress_id;
        recording.conversation_id = claimed_room(egress_id);
        recording.room_sid = "RM_of_" + egress_id;
        recording.room_name = "room-of-" + egress_id;
        recording.status = status;
        recording.end_reason = end_reason;
        recording.worker = worker;
        recording.started_at = recording.updated_at = kThen;
        recording.sealed_secrets = keep_receivers(receivers, egress_id, kKey);
        must(store_->update_recording(recording));
    }
    void start() {
        service_->take_up([this] { loop_.stop(); });
        loop_.run("test");
    }
    [[nodiscard]] std::string holder_of(const std::string& egress_id) {
        return must(store_->find_room("RM_of_" + egress_id)).recorded_by;
    }
    [[nodiscard]] std::vector<std::string> told_of(const std::string& egress_id) {
        records::DeliveryQuery query;
        query.egress_id = egress_id;
        std::vector<std::string> told;
        for (const auto& delivery : must(store_->list_deliveries(query)).items) {
            EXPECT_EQ(delivery.event, "egress_ended");
            EXPECT_THAT(delivery.body, HasSubstr("EGRESS_FAILED"));
            told.push_back(delivery.url);
        }
        return told;
    }

    const Bytes kKey = Bytes(32, 0x17);
    bool owns_records_ = false;
    const tests::TempFolder folder_;
    notify::Receiver rule_;
    net::Loop loop_;
    net::HttpClient http_;
    net::Pool records_pool_{"records", 1};
    net::Pool remote_pool_{"remote", 1};
    std::unique_ptr<records::Store> store_;
    std::unique_ptr<notify::Outbox> outbox_;
    std::unique_ptr<recorder::Recorder> recorder_;
    std::unique_ptr<RoomService> rooms_;
    std::unique_ptr<EgressService> service_;
};

TEST_F(AfterARestart, EverybodyIsToldOfWhatWasCutOff) {
    left_behind(
        "EG_1", RecordingStatus::Active, "", "here", {receiver("https://own.example/x"), rule_}
    );
    left_behind("EG_2", RecordingStatus::Starting);
    left_behind("EG_3", RecordingStatus::Active, "", "elsewhere");
    left_behind("EG_4", RecordingStatus::Complete, "StopEgress API");
    start();
    EXPECT_THAT(
        told_of("EG_1"),
        UnorderedElementsAre(
            "https://crm.example/all", "https://own.example/x", "https://n8n.example/rule"
        )
    );
    EXPECT_THAT(told_of("EG_2"), ElementsAre("https://crm.example/all"));
    EXPECT_THAT(told_of("EG_3"), IsEmpty()) << "another's";
    EXPECT_THAT(told_of("EG_4"), IsEmpty()) << "told before";
    EXPECT_EQ(must(store_->find_recording("EG_1")).status, RecordingStatus::Failed);
    EXPECT_EQ(must(store_->find_recording("EG_3")).status, RecordingStatus::Active);
}

TEST_F(AfterARestart, StreamsThatNobodySendsAnyMoreHaveFailed) {
    left_behind("EG_1", RecordingStatus::Active);
    auto recording = must(store_->find_recording("EG_1"));
    recording.streams.resize(2);
    recording.streams[0].url = "rtmp://one.example/live/{a...b}";
    recording.streams[1].url = "rtmp://two.example/live/{a...b}";
    recording.streams[1].state = records::StoredStream::State::Finished;
    must(store_->update_recording(recording));
    start();
    const auto after = must(store_->find_recording("EG_1"));
    ASSERT_EQ(after.streams.size(), 2U);
    EXPECT_EQ(after.streams[0].state, records::StoredStream::State::Failed);
    EXPECT_EQ(after.streams[0].error, "aircheck was restarted");
    EXPECT_EQ(after.streams[0].ended_at, after.ended_at);
    EXPECT_EQ(after.streams[1].state, records::StoredStream::State::Finished);
    EXPECT_EQ(after.streams[1].error, "");
}

TEST_F(AfterARestart, ReceiversThatCannotBeReadKeepNobodyElseFromBeingTold) {
    left_behind("EG_1", RecordingStatus::Active, "", "here", {receiver("https://own.example/x")});
    auto recording = must(store_->find_recording("EG_1"));
    recording.sealed_secrets.back() ^= 1;
    recording.updated_at += 1s;
    must(store_->update_recording(recording));
    start();
    EXPECT_THAT(told_of("EG_1"), ElementsAre("https://crm.example/all"));
}

TEST_F(AfterARestart, WhatHasTheNameFromBeforeWorkersHadIdsIsOurs) {
    left_behind("EG_1", RecordingStatus::Active, "", "old-name:/data");
    left_behind("EG_2", RecordingStatus::Active, "", "");
    start();
    EXPECT_EQ(must(store_->find_recording("EG_1")).status, RecordingStatus::Failed);
    EXPECT_EQ(holder_of("EG_1"), "");
    EXPECT_EQ(must(store_->find_recording("EG_2")).status, RecordingStatus::Active);
}

/// Records that nobody else can have: what another name left in them is a former self's, as when
/// a container came back under another host's name.
class AfterARestartUnderAnotherName : public AfterARestart {
protected:
    AfterARestartUnderAnotherName() { owns_records_ = true; }
};

TEST_F(AfterARestartUnderAnotherName, AllThatIsUnfinishedIsOurs) {
    left_behind("EG_1", RecordingStatus::Active, "", "0f3a9c:/data");
    left_behind("EG_2", RecordingStatus::Complete, "StopEgress API", "0f3a9c:/data");
    start();
    EXPECT_EQ(must(store_->find_recording("EG_1")).status, RecordingStatus::Failed);
    EXPECT_THAT(told_of("EG_1"), ElementsAre("https://crm.example/all"));
    EXPECT_EQ(holder_of("EG_1"), "");
    EXPECT_EQ(must(store_->find_recording("EG_2")).status, RecordingStatus::Complete);
    EXPECT_EQ(holder_of("EG_2"), "EG_2");
}

struct ClaimRow {
    RecordingStatus status;
    std::string end_reason, worker;
    bool is_free;
};

TEST_F(AfterARestart, RoomsAreFreeOnlyWhereTheProcessWasTheReason) {
    const ClaimRow rows[] = {
        {RecordingStatus::Starting, "", "here", true},
        {RecordingStatus::Active, "", "here", true},
        {RecordingStatus::Ending, "Process killed", "here", true},
        {RecordingStatus::Complete, "Process killed", "here", true},
        {RecordingStatus::Aborted, "Process killed", "here", true},
        {RecordingStatus::Ending, "StopEgress API", "here", false},
        {RecordingStatus::Ending, "Source closed", "here", false},
        {RecordingStatus::Complete, "StopEgress API", "here", false},
        {RecordingStatus::LimitReached, "Session limit reached", "here", false},
        {RecordingStatus::Failed, "Failure", "here", false},
        {RecordingStatus::Active, "", "elsewhere", false},
    };
    int number = 0;
    for (const ClaimRow& row : rows) {
        left_behind("EG_" + std::to_string(++number), row.status, row.end_reason, row.worker);
    }
    claimed_room("EG_never_stored");
    start();
    number = 0;
    for (const ClaimRow& row : rows) {
        const std::string egress_id = "EG_" + std::to_string(++number);
        EXPECT_EQ(holder_of(egress_id), row.is_free ? "" : egress_id)
            << records::to_string(row.status) << " " << row.end_reason << " " << row.worker;
    }
    EXPECT_EQ(holder_of("EG_never_stored"), "");
}

TEST_F(AfterARestart, ClosesMoreThanAPage) {
    const int count = records::kMaxPage + 20;
    for (int i = 0; i < count; ++i) {
        left_behind("EG_" + std::to_string(i), RecordingStatus::Active);
    }
    start();
    EXPECT_THAT(
        must(store_->recording_counts()),
        ElementsAre(std::pair(RecordingStatus::Failed, std::int64_t{count}))
    );
}

TEST_F(AfterARestart, ARuleThatComesTooLateGivesItsRoomBack) {
    claimed_room("EG_late");
    service_->shut_down();
    service_->start_claimed({}, "EG_late", "RM_of_EG_late");
    records_pool_.finish();
    EXPECT_EQ(holder_of("EG_late"), "");
}

}  // namespace
}  // namespace aircheck::control
