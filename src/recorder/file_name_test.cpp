#include "recorder/file_name.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace aircheck::recorder {
namespace {

struct Row {
    std::string name, filepath, room, expected;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

class FileName : public testing::TestWithParam<Row> {
protected:
    void SetUp() override { unsetenv("TZ"); }
};

TEST_P(FileName, IsLiveKits) {
    const Row& row = GetParam();
    const NameParts parts{row.room, "RM_xyz", parse_iso8601("2026-08-20T10:15:15.042Z").value()};
    EXPECT_EQ(expand_file_name(row.filepath, parts, ".mp4"), row.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Templates,
    FileName,
    testing::Values(
        Row{"Guide",
            "recordings/{room_name}-{time}.mp4",
            "camille",
            "recordings/camille-2026-08-20T101515.mp4"},
        Row{"Empty", "", "camille", "camille-2026-08-20T101515.mp4"},
        Row{"Folder", "calls/", "camille", "calls/camille-2026-08-20T101515.mp4"},
        Row{"RoomIdAndUtc", "{room_id}/{utc}", "r", "RM_xyz/20260820101515042.mp4"},
        Row{"WrongExtension", "a/b.ogg", "r", "a/b.mp4"},
        Row{"Capitals", "a/E.MP4", "r", "a/E.MP4"},
        Row{"WrongCapitals", "a/E.Ogg", "r", "a/E.mp4"},
        Row{"UnknownExtension", "a/my.room", "r", "a/my.room.mp4"},
        Row{"OtherPlaceholder", "{retry}/x", "r", "{retry}/x.mp4"},
        Row{"Escape", "../../{room_name}", "../../etc/passwd", "etc/passwd.mp4"},
        Row{"RoomIsAPlaceholder", "{room_name}", "{time}", "{time}.mp4"},
        Row{"Messy", "a//./b/../c", "r", "a/c.mp4"},
        Row{"Absolute", "/out/x.mp4", "r", "/out/x.mp4"}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(FileNameOfATrack, KnowsItsPublisher) {
    NameParts parts{"r", "RM_xyz", parse_iso8601("2026-08-20T10:15:15.042Z").value()};
    const std::string all = "{publisher_identity}/{track_type}-{track_source}-{track_id}";
    // What the job is not about stays as it is.
    EXPECT_TRUE(can_expand(all, parts));
    EXPECT_EQ(expand_file_name(all, parts, ".ogg"), all + ".ogg");
    parts.publisher_identity = "";
    parts.track_sid = "TR_1";
    parts.track_source = "";
    EXPECT_FALSE(can_expand(all, parts));
    EXPECT_TRUE(can_expand("{track_id}", parts));
    parts.publisher_identity = "ann";
    parts.track_source = "microphone";
    EXPECT_TRUE(can_expand(all, parts));
    EXPECT_EQ(expand_file_name(all, parts, ".ogg"), "ann/audio-microphone-TR_1.ogg");
    parts.default_name = "{track_id}-{time}";
    EXPECT_EQ(expand_file_name("x/", parts, ".ogg"), "x/TR_1-2026-08-20T101515.ogg");
    parts.room_sid = "";
    EXPECT_FALSE(can_expand("{room_id}", parts));
}

TEST(FileNameTime, FollowsTzWhenSet) {
    setenv("TZ", "UTC-2", 1);
    tzset();
    const NameParts parts{"r", "", parse_iso8601("2026-08-20T23:15:15Z").value()};
    EXPECT_EQ(expand_file_name("{time}", parts, ".ogg"), "2026-08-21T011515.ogg");
    unsetenv("TZ");
    tzset();
}

}  // namespace
}  // namespace aircheck::recorder
