#include "recorder/track_names.hpp"

#include <gtest/gtest.h>

namespace aircheck::recorder {
namespace {

const WallTime kTime{Nanoseconds(1'764'000'000'000'000'000)};  // 2025-11-24T16:00:00Z

struct Row {
    std::string name, filepath, mix, identity;
    std::size_t before;
    std::string expected;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class TrackFileName : public testing::TestWithParam<Row> {};

TEST_P(TrackFileName, IsSafeAndItsOwn) {
    const Row& row = GetParam();
    const NameParts parts{"support", "RM_1", kTime, {}, {}, {}};
    EXPECT_EQ(
        track_file_name(
            {row.filepath}, row.mix, parts, {"TR_a", row.identity, "microphone", row.before}
        ),
        row.expected
    );
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    TrackFileName,
    testing::Values(
        Row{"BesideTheMix", "", "calls/a.mp4", "ann", 0, "calls/a/ann-TR_a.ogg"},
        Row{"TheSecondOfATrack", "", "calls/a.mp4", "ann", 1, "calls/a/ann-TR_a-2.ogg"},
        Row{"NoFolder", "", "a.wav", "ann", 0, "a/ann-TR_a.ogg"},
        Row{"AMixWithDots", "", "v1.2/a.b.ogg", "ann", 0, "v1.2/a.b/ann-TR_a.ogg"},
        Row{"PlaceholdersInTheMixAreItsName", "", "{time}.mp4", "ann", 0, "{time}/ann-TR_a.ogg"},
        Row{"AWayOut", "", "a.mp4", "../../etc", 0, "a/.._.._etc-TR_a.ogg"},
        Row{"DotsAlone", "{publisher_identity}/{track_id}", "a.mp4", "..", 0, "_/TR_a.ogg"},
        Row{"NoIdentity", "", "a.mp4", "", 0, "a/_-TR_a.ogg"},
        Row{"LongIdentity",
            "",
            "a.mp4",
            std::string(99, 'x') + "\xc3\xa4\xc3\xa4",  // Not cut in the middle of "ä".
            0,
            "a/" + std::string(99, 'x') + "-TR_a.ogg"},
        Row{"ATemplate",
            "{room_name}/{time}/{track_source}-{track_type}-{track_id}",
            "a.mp4",
            "ann",
            0,
            "support/2025-11-24T160000/microphone-audio-TR_a.ogg"},
        Row{"AWrongExtension", "t/{track_id}.mp3", "a.mp4", "ann", 1, "t/TR_a-2.ogg"},
        Row{"AFolder", "t/", "a.mp4", "ann", 0, "t/ann-TR_a.ogg"}
    ),
    [](const auto& row) { return row.param.name; }
);

}  // namespace
}  // namespace aircheck::recorder
