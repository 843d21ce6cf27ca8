#include "recorder/segment_names.hpp"

#include <gtest/gtest.h>

namespace aircheck::recorder {
namespace {

NameParts parts() {
    NameParts all{"demo", "RM_1", WallTime(std::chrono::seconds(1'787'220'920)), {}, {}, {}};
    return all;
}

SegmentOutput output(std::string prefix, std::string playlist, std::string live) {
    SegmentOutput output;
    output.prefix = std::move(prefix);
    output.playlist_name = std::move(playlist);
    output.live_playlist_name = std::move(live);
    return output;
}

struct Row {
    const char* prefix;
    const char* playlist;
    const char* live;
    const char* folder;
    const char* expected_playlist;
    const char* expected_live;
    const char* expected_prefix;
};

class SegmentNaming : public ::testing::TestWithParam<Row> {};

TEST_P(SegmentNaming, IsLiveKits) {
    const Row& row = GetParam();
    const auto names = segment_names(output(row.prefix, row.playlist, row.live), parts());
    ASSERT_TRUE(names) << names.error().to_string();
    EXPECT_EQ(names->folder, row.folder);
    EXPECT_EQ(names->playlist, row.expected_playlist);
    EXPECT_EQ(names->live_playlist, row.expected_live);
    EXPECT_EQ(names->prefix, row.expected_prefix);
}

INSTANTIATE_TEST_SUITE_P(
    TableOfEgress,
    SegmentNaming,
    ::testing::Values(
        Row{"", "playlist", "", "", "playlist.m3u8", "", "playlist"},
        Row{"", "a/playlist", "a/live", "a/", "playlist.m3u8", "live.m3u8", "playlist"},
        Row{"name", "", "live2.m3u8", "", "name.m3u8", "live2.m3u8", "name"},
        Row{"name", "playlist", "", "", "playlist.m3u8", "", "name"},
        Row{"name", "a/", "", "a/", "name.m3u8", "", "name"},
        Row{"name", "a/playlist", "", "a/", "playlist.m3u8", "", "name"},
        Row{"a/", "playlist", "", "a/", "playlist.m3u8", "", "playlist"},
        Row{"a/name", "playlist", "", "a/", "playlist.m3u8", "", "name"},
        Row{"a/name", "a/playlist", "", "a/", "playlist.m3u8", "", "name"},
        Row{"b/name", "a/playlist", "", "a/", "playlist.m3u8", "", "b/name"}
    )
);

INSTANTIATE_TEST_SUITE_P(
    OurOwn,
    SegmentNaming,
    ::testing::Values(
        Row{"{room_name}", "", "", "", "demo.m3u8", "", "demo"},
        Row{"my.room", "list.m3u8", "", "", "list.m3u8", "", "my.room"},
        Row{"a\nb", "", "", "", "a_b.m3u8", "", "a_b"},
        Row{"../../x", "/etc/list", "", "etc/", "list.m3u8", "", "x"}
    )
);

TEST(SegmentNames, DefaultToRoomAndTime) {
    const auto names = segment_names(output("", "", ""), parts()).value();
    EXPECT_TRUE(names.playlist.starts_with("demo-20")) << names.playlist;
    EXPECT_EQ(names.prefix + ".m3u8", names.playlist);
}

TEST(SegmentNames, RefuseWhatNoStoreTakesWhole) {
    const auto names = segment_names(output(std::string(230, 'x'), "list", ""), parts());
    ASSERT_FALSE(names);
    EXPECT_EQ(names.error().code, Errc::InvalidArgument);
    EXPECT_FALSE(segment_names(output("p", std::string(300, 'x'), ""), parts()));
}

TEST(SegmentNames, RefuseALivePlaylistInAnotherPlace) {
    EXPECT_EQ(
        segment_names(output("p", "a/list", "b/live"), parts()).error().code, Errc::InvalidArgument
    );
    EXPECT_EQ(
        segment_names(output("p", "list", "list.m3u8"), parts()).error().code, Errc::InvalidArgument
    );
}

}  // namespace
}  // namespace aircheck::recorder
