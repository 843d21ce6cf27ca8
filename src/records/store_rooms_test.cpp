#include "tests/support/stores.hpp"

#include "records/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::records {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::at;
using tests::Backend;
using tests::must;

class Rooms : public tests::OnBackend {
protected:
    Conversation see(const std::string& sid, double seconds, Nanoseconds rejoin_window = 0s) {
        Store::RoomSighting sighting;
        sighting.room_sid = sid;
        sighting.room_name = "support-42";
        sighting.seen_at = at(seconds);
        sighting.rejoin_window = rejoin_window;
        return must(store().conversation_for_room(sighting));
    }
    Conversation find(const std::string& id) {
        return must(store().find_conversation(id)).conversation;
    }
};
INSTANTIATE_TEST_SUITE_P(
    Contract,
    Rooms,
    testing::Values(Backend::SqliteMemory, Backend::SqliteFile, Backend::Postgres),
    [](const auto& backend) { return tests::name_of(backend.param); }
);

TEST_P(Rooms, OneSessionIsOneConversation) {
    const Conversation first = see("RM_a", 10);
    EXPECT_TRUE(first.conversation_id.starts_with("CV_"));
    EXPECT_EQ(first.conversation_id.size(), 15U);
    EXPECT_EQ(first.status, ConversationStatus::Live);
    EXPECT_EQ(see("RM_a", 11), first);
    EXPECT_THAT(first.room_ids, ElementsAre("RM_a"));
    EXPECT_EQ(find("RM_a").conversation_id, first.conversation_id);
    EXPECT_EQ(find(first.conversation_id), first);
    EXPECT_EQ(must(store().find_room("RM_a")).last_seen_at, at(11));
}

TEST_P(Rooms, NamesRepeat) {
    const Conversation first = see("RM_a", 10);
    must(store().finish_room("RM_a", "support-42", at(20)));
    const Conversation second = see("RM_b", 21, 60s);
    EXPECT_NE(second.conversation_id, first.conversation_id);
    EXPECT_EQ(find("RM_a").ended_at, at(20));
    EXPECT_EQ(find("RM_a").status, ConversationStatus::NotRecorded);
    EXPECT_FALSE(find("RM_b").ended_at);
}

TEST_P(Rooms, ARoomThatComesBackInTimeIsTheSameConversation) {
    const Conversation first = see("RM_a", 10);
    EXPECT_EQ(must(store().claim_room("RM_a", "EG_1")), "EG_1");
    const Conversation second = see("RM_b", 70, 60s);
    EXPECT_EQ(second.conversation_id, first.conversation_id);
    EXPECT_THAT(second.room_ids, ElementsAre("RM_a", "RM_b"));
    EXPECT_EQ(must(store().claim_room("RM_b", "EG_2")), "EG_1");  // Its recording goes on.
    must(store().finish_room("RM_b", "support-42", at(90)));
    EXPECT_EQ(find(first.conversation_id).ended_at, at(90));
}

TEST_P(Rooms, ARoomThatIsStillRecordedComesBackAsTheSame) {
    const Conversation first = see("RM_a", 10);
    Recording recording;
    recording.egress_id = "EG_1";
    recording.conversation_id = first.conversation_id;
    recording.status = RecordingStatus::Active;
    must(store().update_recording(recording));
    // No event came for an hour: only the recorder saw it.
    EXPECT_EQ(see("RM_b", 3610, 60s).conversation_id, first.conversation_id);
    recording.status = RecordingStatus::Ending;
    must(store().update_recording(recording));
    EXPECT_NE(see("RM_c", 7210, 60s).conversation_id, first.conversation_id);
}

TEST_P(Rooms, ARoomThatComesBackTooLateReplacesTheOldOne) {
    const Conversation first = see("RM_a", 10);
    const Conversation second = see("RM_b", 70.001, 60s);
    EXPECT_NE(second.conversation_id, first.conversation_id);
    EXPECT_EQ(find("RM_a").ended_at, at(10));  // When it was last seen.
    const auto open = must(store().open_rooms());
    ASSERT_EQ(open.size(), 1U);
    EXPECT_EQ(open[0].room_sid, "RM_b");
}

TEST_P(Rooms, LateNewsOfAnEarlierSessionPushesNothingAside) {
    const Conversation current = see("RM_b", 100);
    Store::RoomSighting late;
    late.room_sid = "RM_a";
    late.room_name = "support-42";
    late.seen_at = at(101);
    late.started_at = at(50);
    const Conversation old = must(store().conversation_for_room(late));
    EXPECT_NE(old.conversation_id, current.conversation_id);
    EXPECT_EQ(old.started_at, at(50));
    EXPECT_FALSE(find("RM_b").ended_at);
    must(store().finish_room("RM_0", "support-42", at(40)));
    EXPECT_FALSE(find("RM_b").ended_at);
    EXPECT_NE(find("RM_0").conversation_id, current.conversation_id);
}

TEST_P(Rooms, EndMayComeBeforeTheBeginningAndTwice) {
    const Conversation ended = must(store().finish_room("RM_a", "support-42", at(30)));
    EXPECT_EQ(ended.ended_at, at(30));
    const Conversation later = see("RM_a", 10);
    EXPECT_EQ(later.conversation_id, ended.conversation_id);
    EXPECT_EQ(later.ended_at, at(30));
    EXPECT_EQ(must(store().finish_room("RM_a", "support-42", at(31))).ended_at, at(30));
    EXPECT_THAT(must(store().open_rooms()), IsEmpty());
}

TEST_P(Rooms, BeginsByNameAndLearnsItsSid) {
    const Conversation by_name = see("", 10);
    EXPECT_THAT(by_name.room_ids, IsEmpty());
    EXPECT_EQ(see("", 11).conversation_id, by_name.conversation_id);
    const Conversation known = see("RM_a", 12);
    EXPECT_EQ(known.conversation_id, by_name.conversation_id);
    EXPECT_THAT(known.room_ids, ElementsAre("RM_a"));
    EXPECT_EQ(see("", 13).conversation_id, by_name.conversation_id);
    must(store().finish_room("RM_a", "support-42", at(20)));
    EXPECT_NE(see("", 21).conversation_id, by_name.conversation_id);
}

TEST_P(Rooms, FinishingLearnsTheSidOfAConversationByName) {
    const Conversation by_name = see("", 10);
    const Conversation ended = must(store().finish_room("RM_a", "support-42", at(20)));
    EXPECT_EQ(ended.conversation_id, by_name.conversation_id);
    EXPECT_EQ(ended.ended_at, at(20));
}

TEST_P(Rooms, AreClaimedOnce) {
    see("RM_a", 10);
    EXPECT_EQ(must(store().claim_room("RM_a", "EG_1")), "EG_1");
    EXPECT_EQ(must(store().claim_room("RM_a", "EG_2")), "EG_1");
    EXPECT_EQ(must(store().claim_room("RM_a", "EG_1")), "EG_1");
    EXPECT_EQ(store().claim_room("RM_x", "EG_1").error().code, Errc::NotFound);
}

TEST_P(Rooms, KeepTheirMetadataAndTheOwners) {
    Store::RoomSighting sighting{"RM_a", "support-42", "{\"tier\":1}", at(1), {}, 0s};
    const Conversation made = must(store().conversation_for_room(sighting));
    see("RM_a", 2);  // Says nothing of metadata.
    EXPECT_EQ(find("RM_a").room_metadata, "{\"tier\":1}");
    const auto says = [](const std::string&) { return std::string(R"({"case":"7"})"); };
    must(store().change_owner_metadata(made.conversation_id, says));
    see("RM_a", 3);
    EXPECT_EQ(find("RM_a").owner_metadata_json, R"({"case":"7"})");
    EXPECT_EQ(store().change_owner_metadata("CV_x", says).error().code, Errc::NotFound);
}

TEST_P(Rooms, RefuseANamelessOne) {
    Store::RoomSighting sighting;
    sighting.room_sid = "RM_a";
    EXPECT_EQ(store().conversation_for_room(sighting).error().code, Errc::InvalidArgument);
}

TEST_P(Rooms, ParticipantsMayBeToldInAnyOrder) {
    const std::string id = see("RM_a", 10).conversation_id;
    Participant joined{"PA_1", "caller", "Ada", "SIP", {{"sip.phoneNumber", "+41"}}, at(11), {}};
    Participant left{"PA_1", "caller", "", "SIP", {}, at(11), at(15)};
    const Participant both{
        "PA_1", "caller", "Ada", "SIP", {{"sip.phoneNumber", "+41"}}, at(11), at(15)};
    must(store().upsert_participant(id, joined));
    must(store().upsert_participant(id, left));
    must(store().upsert_participant(id, joined));  // Comes twice.
    joined.sid = left.sid = "PA_2";
    must(store().upsert_participant(id, left));
    must(store().upsert_participant(id, joined));
    Participant second = both;
    second.sid = "PA_2";
    EXPECT_THAT(must(store().find_conversation(id)).participants, ElementsAre(both, second));
    EXPECT_EQ(store().upsert_participant("CV_x", joined).error().code, Errc::NotFound);
}

TEST_P(Rooms, HostileTextIsOnlyText) {
    Store::RoomSighting sighting;
    sighting.room_sid = "RM_'; DROP TABLE recordings; --";
    sighting.room_name = ":name \"quoted\" 'x' $1 ?";
    sighting.room_metadata = std::string("nul \0 and \xC3\x28 and \xED\xA0\x80 end", 24);
    sighting.seen_at = at(1);
    const Conversation made = must(store().conversation_for_room(sighting));
    const Conversation found = find(sighting.room_sid);
    EXPECT_EQ(found, made);
    EXPECT_EQ(found.room_name, sighting.room_name);
    // NUL, a broken sequence's first byte, and each byte of a surrogate become U+FFFD.
    EXPECT_EQ(
        found.room_metadata,
        "nul \xEF\xBF\xBD and \xEF\xBF\xBD( and \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD end"
    );
    EXPECT_THAT(must(store().list_recordings({})).items, IsEmpty());
}

struct StayRow {
    std::string_view name;
    std::optional<double> told_before;  // left_at, told before the end …
    std::optional<double> told_after;   // … and after it.
    double finished;
    double expected_end;
};

TEST_P(Rooms, AConversationEndsWithItsLastParticipantAtTheEarliest) {
    const StayRow rows[] = {
        {"the room outlives them", 12, {}, 20, 20},
        {"the room's end was missed: it is over since it was last seen", 25, {}, 20, 25},
        {"the recorder tells later when they left", {}, 25, 20, 25},
        {"late news of an early leave", {}, 12, 20, 20},
        {"nobody said when they left", {}, {}, 20, 20},
        {"they came after the room was last seen", {}, {}, 5, 11},
    };
    int number = 0;
    for (const StayRow& row : rows) {
        const std::string sid = "RM_" + std::to_string(++number);
        const std::string id = see(sid, 2).conversation_id;
        Participant ann;
        ann.sid = "PA_ann";
        ann.joined_at = at(11);
        if (row.told_before) ann.left_at = at(*row.told_before);
        must(store().upsert_participant(id, ann));
        must(store().finish_room(sid, "support-42", at(row.finished)));
        if (row.told_after) {
            ann.left_at = at(*row.told_after);
            must(store().upsert_participant(id, ann));
        }
        EXPECT_EQ(find(id).ended_at, at(row.expected_end)) << row.name;
        must(store().finish_room(sid, "support-42", at(row.finished)));  // It may come twice.
        EXPECT_EQ(find(id).ended_at, at(row.expected_end)) << row.name;
    }
}

TEST_P(Rooms, AClaimThatIsGivenBackIsFreeInEverySession) {
    see("RM_a", 10);
    must(store().claim_room("RM_a", "EG_1"));
    see("RM_b", 20, 60s);  // The same conversation: EG_1's too.
    must(store().release_room("EG_1"));
    EXPECT_EQ(must(store().find_room("RM_a")).recorded_by, "");
    EXPECT_EQ(must(store().claim_room("RM_b", "EG_2")), "EG_2");
    must(store().release_room("EG_1"));  // Another's stays.
    EXPECT_EQ(must(store().claim_room("RM_b", "EG_3")), "EG_2");
}

TEST_P(Rooms, ListsAreNewestFirstFilteredAndPaged) {
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) {
        Conversation conversation;
        conversation.conversation_id = "CV_" + std::to_string(i);
        conversation.room_name = i % 2 == 0 ? "even" : "odd";
        conversation.started_at = at(i < 3 ? 10 : 20);  // Ties, across a page's edge too.
        if (i == 4) conversation.ended_at = at(30);
        must(store().upsert_conversation(conversation));
    }
    const auto list = [&](ConversationQuery query) {
        std::vector<std::string> found;
        for (int pages = 0; pages < 9; ++pages) {
            auto page = must(store().list_conversations(query));
            EXPECT_LE(page.items.size(), static_cast<std::size_t>(query.limit));
            for (const auto& item : page.items) found.push_back(item.conversation.conversation_id);
            if (!page.next_cursor) break;
            query.cursor = *page.next_cursor;
        }
        return found;
    };
    ConversationQuery query;
    EXPECT_THAT(list(query), ElementsAre("CV_4", "CV_3", "CV_2", "CV_1", "CV_0"));
    for (const int limit : {1, 2, 3, 5, 200}) {
        query.limit = limit;
        EXPECT_THAT(list(query), ElementsAre("CV_4", "CV_3", "CV_2", "CV_1", "CV_0")) << limit;
    }
    query = {};
    query.room_name = "odd";
    EXPECT_THAT(list(query), ElementsAre("CV_3", "CV_1"));
    query = {};
    query.from = at(20);
    EXPECT_THAT(list(query), ElementsAre("CV_4", "CV_3"));
    query = {};
    query.to = at(20);
    query.limit = 2;
    EXPECT_THAT(list(query), ElementsAre("CV_2", "CV_1", "CV_0"));
    query = {};
    query.status = ConversationStatus::NotRecorded;
    EXPECT_THAT(list(query), ElementsAre("CV_4"));
}

TEST_P(Rooms, ListsRefuseBadLimitsAndCursors) {
    for (const int limit : {0, -1, 201}) {
        ConversationQuery query;
        query.limit = limit;
        EXPECT_EQ(store().list_conversations(query).error().code, Errc::InvalidArgument) << limit;
    }
    for (const char* cursor : {"x", "%%%", "MTIz", "YTpi"}) {  // The last two: "123" and "a:b".
        ConversationQuery query;
        query.cursor = cursor;
        EXPECT_EQ(store().list_conversations(query).error().code, Errc::InvalidArgument) << cursor;
    }
}

}  // namespace
}  // namespace aircheck::records
