#include "recorder/manifest.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace aircheck::recorder {
namespace {

using nlohmann::json;

constexpr std::int64_t kStart = 1'764'000'000'000'000'000;

WallTime at(std::int64_t seconds) {
    return WallTime(Nanoseconds(kStart + seconds * 1'000'000'000));
}

Job job_of(Source::Kind kind) {
    Job job;
    job.egress_id = "EG_test";
    job.room_name = "support";
    job.source.kind = kind;
    job.source.track_sid = "TR_ann";
    return job;
}

Snapshot snapshot() {
    Snapshot now;
    now.room_sid = "RM_1";
    now.started_at = at(0);
    now.ended_at = at(9);
    now.file = {"calls/a.mp4", "https://b/calls/a.mp4", 100, 3s, "cafe", at(1), at(4), ""};
    return now;
}

TEST(Manifest, HasLiveKitsKeysWithTheirMeaning) {
    const json manifest =
        json::parse(manifest_text(job_of(Source::Kind::Room), snapshot(), ManifestFacts()));
    EXPECT_EQ(manifest["egress_id"], "EG_test");
    EXPECT_EQ(manifest["room_id"], "RM_1");
    EXPECT_EQ(manifest["room_name"], "support");
    EXPECT_EQ(manifest["started_at"], kStart);
    EXPECT_EQ(manifest["ended_at"], kStart + 9'000'000'000);
    ASSERT_EQ(manifest["files"].size(), 1U);
    EXPECT_EQ(manifest["files"][0]["filename"], "calls/a.mp4");
    EXPECT_EQ(manifest["files"][0]["location"], "https://b/calls/a.mp4");
    // Ours.
    EXPECT_EQ(manifest["files"][0]["kind"], "mix");
    EXPECT_EQ(manifest["files"][0]["sha256"], "cafe");
    EXPECT_EQ(manifest["files"][0]["duration"], 3'000'000'000);
    // What is empty is left out, as LiveKit does.
    for (const char* name :
         {"publisher_identity", "track_id", "audio_track_id", "playlists", "url"}) {
        EXPECT_FALSE(manifest.contains(name)) << name;
    }
}

TEST(Manifest, SaysWhoseTrackItIs) {
    const ManifestFacts facts{"ann", "microphone", {}};
    Job job = job_of(Source::Kind::Track);
    job.encoding.codec = AudioCodec::OpusPassthrough;
    const json track = json::parse(manifest_text(job, snapshot(), facts));
    EXPECT_EQ(track["publisher_identity"], "ann");
    EXPECT_EQ(track["track_id"], "TR_ann");
    EXPECT_EQ(track["track_kind"], "audio");
    EXPECT_EQ(track["track_source"], "microphone");

    job.encoding.codec = AudioCodec::Aac;
    const json composite = json::parse(manifest_text(job, snapshot(), facts));
    EXPECT_EQ(composite["audio_track_id"], "TR_ann");
    EXPECT_EQ(composite["publisher_identity"], "ann");
    EXPECT_FALSE(composite.contains("track_id"));
}

TEST(Manifest, ListsSegmentsByTheirPlaylist) {
    Snapshot now = snapshot();
    now.makes_file = false;
    now.segments.emplace();
    now.segments->playlist_name = "hls/a.m3u8";
    now.segments->playlist_location = "https://b/hls/a.m3u8";
    now.segments->count = 2;
    ManifestFacts facts;
    facts.segments = {
        {"hls/a_00000.ts", "https://b/hls/a_00000.ts"},
        {"hls/a_00001.ts", "https://b/hls/a_00001.ts"}};
    const json manifest = json::parse(manifest_text(job_of(Source::Kind::Room), now, facts));
    EXPECT_FALSE(manifest.contains("files"));
    ASSERT_EQ(manifest["playlists"].size(), 1U);
    EXPECT_EQ(manifest["playlists"][0]["location"], "https://b/hls/a.m3u8");
    ASSERT_EQ(manifest["playlists"][0]["segments"].size(), 2U);
    EXPECT_EQ(manifest["playlists"][0]["segments"][1]["filename"], "hls/a_00001.ts");
    EXPECT_EQ(manifest["playlists"][0]["segments"][1]["location"], "https://b/hls/a_00001.ts");
}

TEST(Manifest, ListsTracksWithTheirOffsetsAndWhatWasLeftOut) {
    Snapshot now = snapshot();
    TrackFileResult ann;
    ann.track_sid = "TR_ann";
    ann.participant_identity = "ann";
    ann.source = "microphone";
    ann.offset_samples = 72'001;
    ann.file.filename = "calls/a/ann-TR_ann.ogg";
    ann.file.duration = 2s;
    now.track_files.push_back(ann);
    TrackSummary sealed;
    sealed.sid = "TR_bob";
    sealed.participant_identity = "bob";
    sealed.encrypted = true;
    now.tracks.push_back(sealed);
    ParticipantSummary who;
    who.sid = "PA_1";
    who.identity = "ann";
    who.kind = ParticipantKind::Sip;
    who.joined_at = at(0);
    who.left_at = at(5);
    now.participants.push_back(who);
    const json manifest =
        json::parse(manifest_text(job_of(Source::Kind::Room), now, ManifestFacts()));
    ASSERT_EQ(manifest["files"].size(), 2U);
    const json& track = manifest["files"][1];
    EXPECT_EQ(track["kind"], "track");
    EXPECT_EQ(track["publisher_identity"], "ann");
    EXPECT_EQ(track["track_id"], "TR_ann");
    EXPECT_EQ(track["offset_samples"], 72'001);
    EXPECT_EQ(track["offset"], 1'500'020'834);  // Rounded up: whole samples come back from it.
    EXPECT_EQ(track["duration_samples"], 96'000);
    EXPECT_FALSE(track.contains("location"));
    EXPECT_EQ(manifest["tracks"][0]["left_out"], "end-to-end encrypted");
    EXPECT_EQ(manifest["participants"][0]["kind"], "SIP");
    EXPECT_EQ(manifest["participants"][0]["joined_at"], kStart);
    EXPECT_EQ(manifest["participants"][0]["left_at"], kStart + 5'000'000'000);
}

TEST(Manifest, WaitsInTheSpoolForWhatIsStoredLater) {
    Snapshot now = snapshot();
    now.file.location.clear();
    KeptManifest kept{
        manifest_text(job_of(Source::Kind::Room), now, ManifestFacts()), {{0, "calls/"}, {1, ""}}};
    auto read = KeptManifest::parse(kept.to_json()).value();
    EXPECT_EQ(read.text, kept.text);
    ASSERT_EQ(read.places.size(), 2U);
    EXPECT_EQ(read.places[0].folder, "calls/");
    EXPECT_EQ(read.places[1].output, 1);

    FileResult stored;
    stored.filename = "calls/a-EG_test.mp4";
    stored.location = "https://b/calls/a-EG_test.mp4";
    stored.size_bytes = 7;
    ASSERT_TRUE(read.set_stored("calls/a.mp4", stored));
    const json manifest = json::parse(read.text);
    EXPECT_EQ(manifest["files"][0]["location"], stored.location);
    EXPECT_EQ(manifest["files"][0]["filename"], stored.filename);
    EXPECT_EQ(manifest["files"][0]["size"], 7);
}

TEST(Manifest, ThatIsNoneIsRefused) {
    for (const char* text :
         {"",
          "[]",
          "{}",
          R"({"manifest": 1, "places": []})",
          R"({"manifest": "", "places": [{"output": "0", "folder": ""}]})"}) {
        const auto read = KeptManifest::parse(text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, Errc::Malformed);
    }
}

}  // namespace
}  // namespace aircheck::recorder
