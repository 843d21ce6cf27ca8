#include "control/late_upload.hpp"

#include "control/snapshot_records.hpp"

#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using records::RecordingStatus;

WallTime at(std::string_view text) { return parse_iso8601(text).value(); }

struct UploadRow {
    std::string_view name;
    RecordingStatus status;
    std::string end_reason, error;
    int error_code;
    RecordingStatus expected_status;
    std::string expected_error;
    int expected_code;
};

constexpr const char* kKept = "; the recording is kept in /data/spool/EG_1/recording.mp4";

TEST(LateUpload, TellsTheTruthOfTheStatus) {
    const UploadRow rows[] = {
        {"failed by its upload alone",
         RecordingStatus::Failed,
         "StopEgress API",
         std::string("s3: no such bucket") + kKept,
         400,
         RecordingStatus::Complete,
         "",
         0},
        {"a limit had ended it",
         RecordingStatus::Failed,
         "Session limit reached",
         std::string("Session limit reached; s3: no such bucket") + kKept,
         413,
         RecordingStatus::LimitReached,
         "Session limit reached",
         413},
        {"said to be limit-reached already",
         RecordingStatus::LimitReached,
         "Session limit reached",
         "Session limit reached",
         413,
         RecordingStatus::LimitReached,
         "Session limit reached",
         413},
        {"failed before the upload",
         RecordingStatus::Failed,
         "Failure",
         std::string("the connection to LiveKit is lost") + kKept,
         503,
         RecordingStatus::Failed,
         "the connection to LiveKit is lost",
         503},
    };
    for (const UploadRow& row : rows) {
        records::Recording recording;
        recording.status = row.status;
        recording.end_reason = row.end_reason;
        recording.error = row.error;
        recording.error_code = row.error_code;
        recording.ended_at = at("2026-08-20T10:16:16Z");
        records::StoredFile file;
        file.filename = "a.mp4";
        file.duration = 60s;
        file.spool_path = "/data/spool/EG_1/recording.mp4";
        recording.files = {file};
        recorder::FileResult stored;
        stored.filename = "a-EG_1.mp4";  // The other name was taken.
        stored.location = "https://b.s3.amazonaws.com/a-EG_1.mp4";
        stored.size_bytes = 300'000;
        stored.sha256 = "ab";
        apply_late_upload(stored, 0, at("2026-08-21T08:00:00Z"), recording);
        EXPECT_EQ(recording.status, row.expected_status) << row.name;
        EXPECT_EQ(recording.error, row.expected_error) << row.name;
        EXPECT_EQ(recording.error_code, row.expected_code) << row.name;
        EXPECT_EQ(recording.updated_at, at("2026-08-21T08:00:00Z")) << row.name;
        EXPECT_EQ(recording.ended_at, at("2026-08-20T10:16:16Z")) << row.name;
        EXPECT_EQ(recording.end_reason, row.end_reason) << row.name;
        const records::StoredFile& sent = recording.files.front();
        EXPECT_EQ(sent.location, "https://b.s3.amazonaws.com/a-EG_1.mp4") << row.name;
        EXPECT_EQ(sent.filename, "a-EG_1.mp4") << row.name;
        EXPECT_EQ(sent.key, "a-EG_1.mp4") << row.name;
        EXPECT_EQ(sent.size_bytes, 300'000U) << row.name;
        EXPECT_TRUE(sent.uploaded) << row.name;
        EXPECT_TRUE(sent.spool_path.empty()) << row.name;
        EXPECT_EQ(sent.duration, 60s) << row.name;
        const auto mix = records::playable_mix({&recording, 1});
        EXPECT_EQ(mix.has_value(), records::is_good(row.expected_status)) << row.name;
    }
}

TEST(LateUpload, OfATrackAndAManifestTakesTheirFindingsBack) {
    records::Recording recording;
    recording.status = RecordingStatus::Complete;
    records::StoredFile mix;
    mix.uploaded = true;
    records::StoredFile track;
    track.index = 1;
    track.kind = records::FileKind::Track;
    track.track_id = "TR_ann";
    track.spool_path = "/data/spool/EG_1/tracks/1.ogg";
    recording.files = {mix, track};
    recording.check.findings = {
        "track TR_bob of 'bob' is end-to-end encrypted and was left out",
        track_file_finding("TR_ann") + ": s3: no such bucket",
        std::string(kManifestFinding)};
    recorder::FileResult stored;
    stored.filename = "a/ann-TR_ann.ogg";
    stored.location = "https://b/a/ann-TR_ann.ogg";
    apply_late_upload(stored, 1, at("2026-08-21T08:00:00Z"), recording);
    EXPECT_EQ(recording.status, RecordingStatus::Complete);
    EXPECT_EQ(recording.files[1].location, stored.location);
    EXPECT_EQ(recording.check.findings.size(), 2U);
    apply_late_manifest("https://b/EG_1.json", at("2026-08-21T08:00:01Z"), recording);
    EXPECT_EQ(recording.manifest_location, "https://b/EG_1.json");
    EXPECT_EQ(recording.updated_at, at("2026-08-21T08:00:01Z"));
    ASSERT_EQ(recording.check.findings.size(), 1U);
    EXPECT_NE(recording.check.findings[0].find("encrypted"), std::string::npos);
}

TEST(LateUpload, OfTheMixMakesItGoodThoughATrackIsStillMissing) {
    records::Recording recording;
    recording.status = RecordingStatus::Failed;
    recording.end_reason = "StopEgress API";
    records::StoredFile track;
    track.index = 1;
    track.kind = records::FileKind::Track;
    recording.files = {records::StoredFile(), track};
    recorder::FileResult stored;
    stored.location = "https://b/a.mp4";
    apply_late_upload(stored, 0, at("2026-08-21T08:00:00Z"), recording);
    EXPECT_EQ(recording.status, RecordingStatus::Complete);
}

/// Segments that wait beside a mix that is stored.
records::Recording with_kept_segments() {
    records::Recording recording;
    recording.status = RecordingStatus::Failed;
    recording.end_reason = "StopEgress API";
    recording.error_code = 400;
    recording.error =
        "segments: s3: no such bucket; the segments that were not sent are kept in "
        "/data/spool/EG_1/segments";
    records::StoredFile mix;
    mix.uploaded = true;
    records::StoredFile segments;
    segments.index = 1;
    segments.kind = records::FileKind::Segments;
    segments.spool_path = "/data/spool/EG_1/segments/segments.json";
    recording.files = {mix, segments};
    return recording;
}

TEST(LateUpload, OfSegmentsMakesTheRecordingGood) {
    records::Recording recording = with_kept_segments();
    recorder::SegmentsResult stored;
    stored.playlist_name = "hls/all.m3u8";
    stored.playlist_location = "https://b/hls/all.m3u8";
    stored.count = 7;
    stored.is_whole = true;
    apply_late_segments(stored, 1, at("2026-08-21T08:00:00Z"), recording);
    EXPECT_EQ(recording.status, RecordingStatus::Complete);
    EXPECT_EQ(recording.error, "");
    EXPECT_EQ(recording.error_code, 0);
    EXPECT_EQ(recording.files[1].location, stored.playlist_location);
    EXPECT_EQ(recording.files[1].segment_count, 7U);
    EXPECT_EQ(recording.files[1].spool_path, "");
    EXPECT_TRUE(recording.files[1].uploaded);
    EXPECT_EQ(recording.updated_at, at("2026-08-21T08:00:00Z"));
}

TEST(LateUpload, OfSegmentsOfWhichSomeAreLostStaysFailed) {
    records::Recording recording = with_kept_segments();
    recorder::SegmentsResult stored;
    stored.playlist_location = "https://b/hls/all.m3u8";
    stored.error = "2 segments are lost: the disk took none";
    apply_late_segments(stored, 1, at("2026-08-21T08:00:00Z"), recording);
    EXPECT_EQ(recording.status, RecordingStatus::Failed);
    EXPECT_EQ(recording.error, "segments: s3: no such bucket");
    EXPECT_EQ(recording.files[1].spool_path, "");
    ASSERT_EQ(recording.check.findings.size(), 1U);
    EXPECT_EQ(recording.check.findings[0], "segments: " + stored.error);
}

}  // namespace
}  // namespace aircheck::control
