#include "records/model.hpp"

#include <gtest/gtest.h>

namespace aircheck::records {
namespace {

using R = RecordingStatus;
using C = ConversationStatus;

WallTime at(int seconds) { return WallTime(std::chrono::seconds(seconds)); }

TEST(Names, AreLiveKitsAndTheApis) {
    EXPECT_EQ(to_string(R::LimitReached), "EGRESS_LIMIT_REACHED");
    EXPECT_EQ(to_string(C::NotRecorded), "not_recorded");
    EXPECT_EQ(parse_recording_status("EGRESS_ENDING"), R::Ending);
    EXPECT_EQ(parse_conversation_status("erased"), C::Erased);
    EXPECT_EQ(parse_delivery_state("dead"), DeliveryState::Dead);
    EXPECT_FALSE(parse_recording_status("egress_ending"));
    EXPECT_FALSE(parse_conversation_status(""));
}

struct StatusRow {
    std::string name;
    C stored = C::Live;
    bool ended = false;
    std::vector<R> recordings;
    std::vector<bool> paused;
    C expected;
    friend void PrintTo(const StatusRow& row, std::ostream* out) { *out << row.name; }
};
class DeriveStatus : public testing::TestWithParam<StatusRow> {};

TEST_P(DeriveStatus, FollowsFromTheRecordings) {
    Conversation conversation;
    conversation.status = GetParam().stored;
    if (GetParam().ended) conversation.ended_at = at(9);
    std::vector<Recording> recordings;
    for (std::size_t i = 0; i < GetParam().recordings.size(); ++i) {
        Recording& recording = recordings.emplace_back();
        recording.status = GetParam().recordings[i];
        recording.paused = i < GetParam().paused.size() && GetParam().paused[i];
    }
    EXPECT_EQ(derive_status(conversation, recordings), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    DeriveStatus,
    testing::Values(
        StatusRow{"RoomIsThere", C::Live, false, {}, {}, C::Live},
        StatusRow{"RoomIsOver", C::Live, true, {}, {}, C::NotRecorded},
        StatusRow{"Starting", C::Live, false, {R::Starting}, {}, C::Recording},
        StatusRow{"ActiveThoughRoomEnded", C::Live, true, {R::Active}, {}, C::Recording},
        StatusRow{"Paused", C::Recording, false, {R::Active}, {true}, C::Paused},
        StatusRow{
            "OneOfTwoPaused", C::Live, false, {R::Active, R::Active}, {true, false}, C::Recording},
        StatusRow{"Ending", C::Recording, false, {R::Complete, R::Ending}, {}, C::Processing},
        StatusRow{
            "PausedBesideFinished",
            C::Live,
            false,
            {R::Complete, R::Active},
            {false, true},
            C::Paused},
        StatusRow{"Complete", C::Processing, true, {R::Complete}, {}, C::Complete},
        StatusRow{
            "LimitIsGood", C::Processing, true, {R::Failed, R::LimitReached}, {}, C::Complete},
        StatusRow{"Failed", C::Processing, true, {R::Failed, R::Aborted}, {}, C::Failed},
        StatusRow{"MissingStays", C::Missing, true, {}, {}, C::Missing},
        StatusRow{"MissingCame", C::Missing, true, {R::Complete}, {}, C::Complete},
        StatusRow{"ErasedStays", C::Erased, true, {R::Complete}, {}, C::Erased}
    ),
    [](const auto& row) { return row.param.name; }
);

Recording recording_with_mix(const std::string& id, R status, int started) {
    Recording recording;
    recording.egress_id = id;
    recording.status = status;
    recording.started_at = at(started);
    recording.link_key = "key-" + id;
    StoredFile track;
    track.kind = FileKind::Track;
    track.uploaded = true;
    track.location = "https://b/track.ogg";
    StoredFile mix;
    mix.index = 1;
    mix.uploaded = true;
    mix.location = "https://b/" + id + ".mp4";
    recording.files = {track, mix};
    return recording;
}

TEST(PlayableMix, IsTheNewestGoodOne) {
    std::vector<Recording> all = {
        recording_with_mix("EG_b", R::LimitReached, 20),
        recording_with_mix("EG_a", R::Complete, 10),
        recording_with_mix("EG_c", R::Failed, 30),
        recording_with_mix("EG_d", R::Ending, 40)};
    const auto mix = playable_mix(all);
    ASSERT_TRUE(mix);
    EXPECT_EQ(mix->egress_id, "EG_b");
    EXPECT_EQ(mix->link_key, "key-EG_b");
    EXPECT_EQ(mix->file.location, "https://b/EG_b.mp4");
}

TEST(PlayableMix, IsNoneUntilItsFileIsThere) {
    EXPECT_FALSE(playable_mix({}));
    Recording recording = recording_with_mix("EG_a", R::Complete, 1);
    recording.files[1].uploaded = false;
    EXPECT_FALSE(playable_mix(std::vector{recording}));  // The track file does not count.
    recording.files[1].uploaded = true;
    recording.files[1].location.clear();
    EXPECT_FALSE(playable_mix(std::vector{recording}));
}

TEST(PlayableMix, IsOneVoiceOnlyWhereNoMixIsMade) {
    Recording voice = recording_with_mix("EG_v", R::Complete, 50);
    voice.files.resize(1);
    std::vector<Recording> all = {recording_with_mix("EG_a", R::Complete, 10), voice};
    EXPECT_EQ(playable_mix(all)->egress_id, "EG_a");
    all.erase(all.begin());
    EXPECT_EQ(playable_mix(all)->egress_id, "EG_v");
}

}  // namespace
}  // namespace aircheck::records
