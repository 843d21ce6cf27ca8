#include "tests/support/stores.hpp"

#include "records/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace aircheck::records {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using tests::at;
using tests::Backend;
using tests::must;
using Outcome = Store::Updated::Outcome;

class Recordings : public tests::OnBackend {
protected:
    std::string new_conversation() {
        Store::RoomSighting sighting;
        sighting.room_sid = "RM_a";
        sighting.room_name = "support-42";
        sighting.seen_at = at(1);
        return must(store().conversation_for_room(sighting)).conversation_id;
    }
    Recording recording(RecordingStatus status, double updated) {
        Recording result;
        result.egress_id = "EG_1";
        result.room_name = "support-42";
        result.status = status;
        result.started_at = at(5);
        result.updated_at = at(updated);
        return result;
    }
    Store::Updated update(const Recording& told) { return must(store().update_recording(told)); }
};
INSTANTIATE_TEST_SUITE_P(
    Contract,
    Recordings,
    testing::Values(Backend::SqliteMemory, Backend::SqliteFile, Backend::Postgres),
    [](const auto& backend) { return tests::name_of(backend.param); }
);

/// A mix that is stored at `location`, or not yet.
StoredFile mix_at(const std::string& location) {
    StoredFile file;
    file.filename = file.key = "a.mp4";
    file.location = location;
    file.uploaded = !location.empty();
    return file;
}

/// Every field set, each to something of its own.
Recording full_recording(const std::string& conversation_id) {
    Recording all;
    all.egress_id = "EG_full";
    all.conversation_id = conversation_id;
    all.room_name = "support-42";
    all.room_sid = "RM_a";
    all.status = RecordingStatus::LimitReached;
    all.paused = true;
    all.origin = "rule";
    all.worker = "w1";
    all.request_id = "req-1";
    all.request_json = R"({"roomName":"support-42"})";
    all.sealed_secrets = {0, 1, 255, 128};
    all.sealed_job = {9, 8, 7};
    all.metadata_json = R"({"case":7})";
    all.error = "Session limit reached";
    all.error_code = 413;
    all.end_reason = "Session limit reached";
    all.details = "End reason: Session limit reached";
    all.started_at = WallTime(Nanoseconds(1787220915123456789));
    all.updated_at = all.started_at + 5s;
    all.ended_at = all.started_at + 4s;
    all.gaps = {{all.started_at + 1s, all.started_at + 2s, "signal"}};
    all.check = {Check::Verdict::Bad, {"TR_1 is silent", "2 fragments differ"}};
    all.manifest_location = "https://b/EG_full.json";
    all.backup_storage_used = true;
    all.link_key = "k";
    all.link_revoked = true;
    StoredFile mix;
    mix.filename = "rec/a.mp4";
    mix.location = "https://b/rec/a.mp4";
    mix.destination_json = R"({"bucket":"b"})";
    mix.sealed_destination = {7, 0, 7};
    mix.key = "rec/a.mp4";
    mix.size_bytes = 5'000'000'000;
    mix.duration = Nanoseconds(297'500'000'001);
    mix.sha256 = "ab12";
    mix.uploaded = true;
    mix.spool_path = "/spool/EG_full/a.mp4";
    mix.started_at = all.started_at;
    mix.ended_at = all.ended_at;
    StoredFile track;
    track.index = 1;
    track.kind = FileKind::Track;
    track.track_id = "TR_1";
    track.identity = "caller";
    track.offset = 20ms;
    StoredFile segments;
    segments.index = 2;
    segments.kind = FileKind::Segments;
    segments.filename = "hls/all.m3u8";
    segments.segment_count = 7;
    segments.live_filename = "hls/live.m3u8";
    segments.live_location = "https://b/hls/live.m3u8";
    all.files = {mix, track, segments};
    StoredStream stream;
    stream.url = "rtmp://h/live/{abc...xyz}";
    stream.id = "main";
    stream.state = StoredStream::State::Failed;
    stream.error = "no progress for 30 s";
    stream.started_at = at(3);
    stream.ended_at = at(33);
    stream.retries = 2;
    stream.last_retry_at = at(20);
    all.streams = {stream, StoredStream{}};
    return all;
}

TEST_P(Recordings, ComeBackAsTheyWereGiven) {
    const Recording told = full_recording(new_conversation());
    EXPECT_EQ(update(told).recording, told);
    EXPECT_EQ(must(store().find_recording("EG_full")), told);
    EXPECT_EQ(must(store().find_recording_by_request("req-1")), told);
    EXPECT_THAT(must(store().find_conversation("RM_a")).recordings, ElementsAre(told));
    EXPECT_EQ(store().find_recording("EG_none").error().code, Errc::NotFound);
    EXPECT_EQ(store().find_recording_by_request("req-2").error().code, Errc::NotFound);
}

TEST_P(Recordings, MoveTheirConversationsStatus) {
    const std::string id = new_conversation();
    Recording told = recording(RecordingStatus::Starting, 5);
    told.conversation_id = id;
    const auto status = [&] { return must(store().find_conversation(id)).conversation.status; };
    update(told);
    EXPECT_EQ(status(), ConversationStatus::Recording);
    told.status = RecordingStatus::Ending;
    update(told);
    EXPECT_EQ(status(), ConversationStatus::Processing);
    told.status = RecordingStatus::Complete;
    update(told);
    EXPECT_EQ(status(), ConversationStatus::Complete);
    must(store().finish_room("RM_a", "support-42", at(20)));
    EXPECT_EQ(status(), ConversationStatus::Complete);
}

TEST_P(Recordings, AnyOrderOfUpdatesGivesTheSame) {
    const std::string id = new_conversation();
    Recording starting = recording(RecordingStatus::Starting, 5);
    starting.conversation_id = id;
    starting.request_json = "{\"a\":1}";
    starting.link_key = "k";
    Recording active = recording(RecordingStatus::Active, 6);
    active.files = {mix_at("")};
    Recording ending = recording(RecordingStatus::Ending, 8);
    ending.details = "End reason: Source closed";
    Recording complete =
        recording(RecordingStatus::Complete, 7);  // An earlier clock; still the last.
    complete.details = "End reason: Source closed";
    complete.ended_at = at(8);
    complete.files = {mix_at("/a.mp4")};
    Recording expected = complete;
    expected.conversation_id = id;
    expected.request_json = starting.request_json;
    expected.link_key = "k";

    std::vector<Recording> updates = {starting, active, ending, complete};
    std::vector<int> order = {0, 1, 2, 3};
    int number = 0;
    do {
        const std::string egress_id = "EG_" + std::to_string(number++);
        for (const int i : order) {
            Recording told = updates[static_cast<std::size_t>(i)];
            told.egress_id = egress_id;
            update(told);
            update(told);  // Twice does no harm.
        }
        expected.egress_id = egress_id;
        EXPECT_EQ(must(store().find_recording(egress_id)), expected)
            << testing::PrintToString(order);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(number, 24);
    EXPECT_EQ(
        must(store().find_conversation(id)).conversation.status, ConversationStatus::Complete
    );
}

struct MoveRow {
    RecordingStatus from, to;
    Outcome expected;
};

TEST_P(Recordings, FinalStatusesNeverGoBack) {
    using enum RecordingStatus;
    const std::vector<MoveRow> rows = {
        {Starting, Active, Outcome::Applied},
        {Active, Starting, Outcome::Stale},
        {Ending, Active, Outcome::Stale},
        {Active, Failed, Outcome::Applied},
        {Complete, Failed, Outcome::Stale},
        {Complete, Ending, Outcome::Stale},
        {LimitReached, Failed, Outcome::Stale},
        {Aborted, Active, Outcome::Stale},
        {Failed, Complete, Outcome::Applied},  // The file went up after all.
        {Failed, Ending, Outcome::Stale},
        {Starting, Aborted, Outcome::Applied},
    };
    int number = 0;
    for (const MoveRow& row : rows) {
        Recording told = recording(row.from, 10);
        told.egress_id = "EG_" + std::to_string(++number);
        update(told);
        told.status = row.to;
        told.updated_at = at(20);
        const auto updated = update(told);
        EXPECT_EQ(updated.outcome, row.expected) << to_string(row.from) << to_string(row.to);
        EXPECT_EQ(updated.recording.status, row.expected == Outcome::Applied ? row.to : row.from);
    }
}

TEST_P(Recordings, OldNewsOfTheSameStatusIsStale) {
    Recording told = recording(RecordingStatus::Active, 10);
    told.details = "new";
    update(told);
    told.updated_at = at(9);
    told.details = "old";
    EXPECT_EQ(update(told).outcome, Outcome::Stale);
    EXPECT_EQ(must(store().find_recording("EG_1")).details, "new");
}

TEST_P(Recordings, AFileOnceUploadedStaysSo) {
    Recording told = recording(RecordingStatus::Failed, 10);
    told.files = {mix_at("/a.mp4")};
    update(told);
    Recording later = recording(RecordingStatus::Complete, 20);
    later.files = {mix_at("")};
    update(later);
    EXPECT_THAT(must(store().find_recording("EG_1")).files, ElementsAre(told.files[0]));
}

TEST_P(Recordings, AnnouncementsAreAllOrNothing) {
    Delivery delivery;
    delivery.delivery_id = "DL_1";
    delivery.created_at = at(10);
    Recording told = recording(RecordingStatus::Active, 10);
    told.conversation_id = "CV_none";
    EXPECT_EQ(store().update_recording(told, std::vector{delivery}).error().code, Errc::NotFound);
    EXPECT_THAT(must(store().list_deliveries({})).items, IsEmpty());
    EXPECT_EQ(store().find_recording("EG_1").error().code, Errc::NotFound);

    told.conversation_id = new_conversation();
    must(store().update_recording(told, std::vector{delivery}));
    EXPECT_THAT(must(store().list_deliveries({})).items, SizeIs(1));
    told.status = RecordingStatus::Starting;  // Old news: what it announces is not so any more.
    delivery.delivery_id = "DL_2";
    must(store().update_recording(told, std::vector{delivery}));
    EXPECT_THAT(must(store().list_deliveries({})).items, SizeIs(1));
}

TEST_P(Recordings, LinksAreRevokedForGood) {
    Recording told = recording(RecordingStatus::Active, 10);
    update(told);
    must(store().revoke_link("EG_1"));
    told.status = RecordingStatus::Complete;  // Its maker knows nothing of it.
    EXPECT_TRUE(update(told).recording.link_revoked);
    EXPECT_EQ(store().revoke_link("EG_x").error().code, Errc::NotFound);
}

TEST_P(Recordings, AreListedNewestFirstAndCounted) {
    for (int i = 0; i < 4; ++i) {
        Recording told = recording(i < 2 ? RecordingStatus::Complete : RecordingStatus::Active, 50);
        told.egress_id = "EG_" + std::to_string(i);
        told.room_name = i == 3 ? "other" : "support-42";
        told.started_at = at(10 + i);
        update(told);
    }
    const auto list = [&](const RecordingQuery& query) {
        std::vector<std::string> found;
        for (const auto& item : must(store().list_recordings(query)).items) {
            found.push_back(item.egress_id);
        }
        return found;
    };
    RecordingQuery query;
    EXPECT_THAT(list(query), ElementsAre("EG_3", "EG_2", "EG_1", "EG_0"));
    query.which = RecordingQuery::Which::Unfinished;
    EXPECT_THAT(list(query), ElementsAre("EG_3", "EG_2"));
    query.room_name = "support-42";
    EXPECT_THAT(list(query), ElementsAre("EG_2"));
    query.which = RecordingQuery::Which::Finished;
    query.from = at(11);
    EXPECT_THAT(list(query), ElementsAre("EG_1"));
    query = {};
    query.limit = 3;
    const auto page = must(store().list_recordings(query));
    ASSERT_TRUE(page.next_cursor);
    query.cursor = *page.next_cursor;
    EXPECT_THAT(list(query), ElementsAre("EG_0"));
    EXPECT_THAT(
        must(store().recording_counts()),
        ElementsAre(
            std::pair(RecordingStatus::Active, std::int64_t{2}),
            std::pair(RecordingStatus::Complete, std::int64_t{2})
        )
    );
}

TEST_P(Recordings, OutliveTheProcess) {
    if (GetParam() == Backend::SqliteMemory) location_ = folder_.path() + "/kept.db", reopen();
    const Recording told = full_recording(new_conversation());
    update(told);
    must(store().remember_event("EV_1", at(1)));
    reopen();
    EXPECT_EQ(must(store().find_recording("EG_full")), told);
    EXPECT_TRUE(must(store().event_seen("EV_1")));
    EXPECT_EQ(must(store().schema()), Store::newest_schema());
}

}  // namespace
}  // namespace aircheck::records
