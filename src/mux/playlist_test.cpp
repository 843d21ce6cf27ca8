#include "mux/playlist.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace aircheck::mux {
namespace {

WallTime at(const char* text) { return parse_iso8601(text).value(); }

Playlist with_segments(Playlist::Kind kind, unsigned count) {
    Playlist playlist(kind, 6s);
    WallTime start = at("2023-05-03T22:55:04.814Z");
    for (unsigned i = 0; i < count; ++i) {
        playlist.append({segment_name("playlist", i), start, 5994ms});
        start += 5994ms;
    }
    return playlist;
}

// The two texts are what livekit/egress's own writer is expected to give (its m3u8/writer_test.go).
TEST(Playlist, OfAnEventListsAllSegments) {
    Playlist playlist = with_segments(Playlist::Kind::Event, 3);
    const std::string growing =
        "#EXTM3U\n"
        "#EXT-X-VERSION:4\n"
        "#EXT-X-PLAYLIST-TYPE:EVENT\n"
        "#EXT-X-ALLOW-CACHE:NO\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PROGRAM-DATE-TIME:2023-05-03T22:55:04.814Z\n"
        "#EXTINF:5.994,\n"
        "playlist_00000.ts\n"
        "#EXT-X-PROGRAM-DATE-TIME:2023-05-03T22:55:10.808Z\n"
        "#EXTINF:5.994,\n"
        "playlist_00001.ts\n"
        "#EXT-X-PROGRAM-DATE-TIME:2023-05-03T22:55:16.802Z\n"
        "#EXTINF:5.994,\n"
        "playlist_00002.ts\n";
    EXPECT_EQ(playlist.text(), growing);
    playlist.finish();
    EXPECT_EQ(playlist.text(), growing + "#EXT-X-ENDLIST\n");
}

TEST(Playlist, OfALiveRecordingListsTheNewestFive) {
    EXPECT_EQ(
        with_segments(Playlist::Kind::Live, 1).text(),
        "#EXTM3U\n"
        "#EXT-X-VERSION:4\n"
        "#EXT-X-ALLOW-CACHE:NO\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PROGRAM-DATE-TIME:2023-05-03T22:55:04.814Z\n"
        "#EXTINF:5.994,\n"
        "playlist_00000.ts\n"
    );
    EXPECT_NE(
        with_segments(Playlist::Kind::Live, 5).text().find("#EXT-X-MEDIA-SEQUENCE:0\n"),
        std::string::npos
    );
    Playlist playlist = with_segments(Playlist::Kind::Live, 12);
    playlist.finish();
    std::string expected =
        "#EXTM3U\n"
        "#EXT-X-VERSION:4\n"
        "#EXT-X-ALLOW-CACHE:NO\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:7\n";
    for (const char* entry : {
             "22:55:46.772Z\n#EXTINF:5.994,\nplaylist_00007.ts\n",
             "22:55:52.766Z\n#EXTINF:5.994,\nplaylist_00008.ts\n",
             "22:55:58.760Z\n#EXTINF:5.994,\nplaylist_00009.ts\n",
             "22:56:04.754Z\n#EXTINF:5.994,\nplaylist_00010.ts\n",
             "22:56:10.748Z\n#EXTINF:5.994,\nplaylist_00011.ts\n",
         }) {
        expected += std::string("#EXT-X-PROGRAM-DATE-TIME:2023-05-03T") + entry;
    }
    EXPECT_EQ(playlist.text(), expected + "#EXT-X-ENDLIST\n");
}

TEST(Playlist, WithoutSegmentsIsAHead) {
    EXPECT_EQ(
        Playlist(Playlist::Kind::Live, 4s).text(),
        "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-ALLOW-CACHE:NO\n#EXT-X-TARGETDURATION:4\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
    );
}

struct TargetRow {
    Nanoseconds nominal;
    Nanoseconds segment;
    const char* target;
    friend void PrintTo(const TargetRow& row, std::ostream* out) { *out << row.nominal.count(); }
};

// RFC 8216 §4.3.3.1: no segment's duration, rounded to the nearest whole second, exceeds it.
TEST(Playlist, TargetDurationHoldsForTheSegmentsThereAre) {
    for (const TargetRow& row : {
             TargetRow{1s, 1020ms, "1"},
             TargetRow{4s, 4021ms, "4"},
             TargetRow{4s, 4128ms, "4"},
             TargetRow{10s, 10s, "10"},
             TargetRow{2400ms, 2420ms, "3"},  // one at 8 kHz may last 2.528 s
             TargetRow{2500ms, 2510ms, "3"},
             TargetRow{4s, 4499ms, "4"},
             TargetRow{4s, 4500ms, "5"},
             TargetRow{4s, 9900ms, "10"},  // a hole in the recording
         }) {
        Playlist playlist(Playlist::Kind::Event, row.nominal);
        playlist.append({"a.ts", WallTime{}, row.segment});
        const std::string tag = std::string("#EXT-X-TARGETDURATION:") + row.target + "\n";
        EXPECT_NE(playlist.text().find(tag), std::string::npos) << playlist.text();
    }
}

TEST(Playlist, DurationsAreRoundedToMilliseconds) {
    Playlist playlist(Playlist::Kind::Event, 4s);
    playlist.append({"a.ts", at("2026-01-01T00:00:00Z") + 999'999us, 21'333'333ns});
    playlist.append({"b.ts", at("2026-01-01T00:00:01Z"), 3'999'999'999ns});
    EXPECT_NE(playlist.text().find("T00:00:00.999Z\n#EXTINF:0.021,\n"), std::string::npos);
    EXPECT_NE(playlist.text().find("T00:00:01.000Z\n#EXTINF:4.000,\n"), std::string::npos);
}

TEST(SegmentName, CountsOrTellsTheTime) {
    EXPECT_EQ(segment_name("room", 0), "room_00000.ts");
    EXPECT_EQ(segment_name("a/b", 42), "a/b_00042.ts");
    EXPECT_EQ(segment_name("room", 123456), "room_123456.ts");
    EXPECT_EQ(segment_name("room", at("2026-08-20T10:15:05.0079Z")), "room_20260820101505007.ts");
    EXPECT_EQ(segment_name("room", at("2026-08-20T23:59:59+02:00")), "room_20260820215959000.ts");
}

struct UriRow {
    const char* name;
    const char* uri;
};
TEST(PlaylistUri, CannotBeTakenForAnythingElse) {
    for (const UriRow& row : {
             UriRow{"room_00000.ts", "room_00000.ts"},
             UriRow{"a/b_00000.ts", "a/b_00000.ts"},
             UriRow{"my room_00000.ts", "my%20room_00000.ts"},
             UriRow{"#EXT-X-ENDLIST", "%23EXT-X-ENDLIST"},
             UriRow{"a\n#EXT-X-ENDLIST\nb", "a%0A%23EXT-X-ENDLIST%0Ab"},
             UriRow{"50%20?x", "50%2520%3Fx"},
             UriRow{"Zürich", "Z%C3%BCrich"},
             UriRow{"room:1_00000.ts", "./room:1_00000.ts"},
             UriRow{"a/room:1", "a/room:1"},
             UriRow{"https://evil.example/x", "./https://evil.example/x"},
             UriRow{"//evil.example/x", ".//evil.example/x"},
             UriRow{"a\\b", "a%5Cb"},
             UriRow{"", ""},
         }) {
        EXPECT_EQ(playlist_uri(row.name), row.uri);
    }
}

}  // namespace
}  // namespace aircheck::mux
