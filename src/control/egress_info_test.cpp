#include "control/egress_info.hpp"

#include "control/snapshot_records.hpp"
#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace aircheck::control {
namespace {

using nlohmann::json;

WallTime at(std::string_view text) { return parse_iso8601(text).value(); }

records::Recording finished_recording() {
    records::Recording recording;
    recording.egress_id = "EG_7dKs8wXyZ3nP";
    recording.room_name = "camille";
    recording.room_sid = "RM_xyz";
    recording.status = records::RecordingStatus::Complete;
    recording.request_json =
        R"({"roomName":"camille","audioOnly":true,"fileOutputs":[{"fileType":"MP4","filepath":"a.mp4"}]})";
    recording.details = "End reason: StopEgress API";
    recording.started_at = at("2026-08-20T10:15:15.042Z");
    recording.updated_at = at("2026-08-20T10:16:16Z");
    recording.ended_at = at("2026-08-20T10:16:16Z");
    records::StoredFile file;
    file.filename = "a.mp4";
    file.location = "https://b.s3.amazonaws.com/a.mp4";
    file.size_bytes = 300'000;
    file.duration = 60s + 500ms;
    file.started_at = at("2026-08-20T10:15:15.5Z");
    file.ended_at = at("2026-08-20T10:16:16Z");
    recording.files = {file};
    return recording;
}

// The shape that livekit-wire 6.3 gives, field by field.
TEST(EgressInfo, HasLiveKitsShape) {
    const auto told = json::parse(proto::to_twirp_json(to_egress_info(finished_recording())));
    const json file = {
        {"filename", "a.mp4"},
        {"started_at", "1787220915500000000"},
        {"ended_at", "1787220976000000000"},
        {"duration", "60500000000"},
        {"size", "300000"},
        {"location", "https://b.s3.amazonaws.com/a.mp4"}};
    EXPECT_EQ(told.at("egress_id"), "EG_7dKs8wXyZ3nP");
    EXPECT_EQ(told.at("room_id"), "RM_xyz");
    EXPECT_EQ(told.at("room_name"), "camille");
    EXPECT_EQ(told.at("status"), "EGRESS_COMPLETE");
    EXPECT_EQ(told.at("source_type"), "EGRESS_SOURCE_TYPE_SDK");
    EXPECT_EQ(told.at("started_at"), "1787220915042000000");
    EXPECT_EQ(told.at("updated_at"), "1787220976000000000");
    EXPECT_EQ(told.at("ended_at"), "1787220976000000000");
    EXPECT_EQ(told.at("details"), "End reason: StopEgress API");
    EXPECT_EQ(told.at("error"), "");
    EXPECT_EQ(told.at("error_code"), 0);
    EXPECT_EQ(told.at("room_composite").at("room_name"), "camille");
    EXPECT_EQ(told.at("room_composite").at("file_outputs").at(0).at("filepath"), "a.mp4");
    ASSERT_EQ(told.at("file_results").size(), 1U);
    EXPECT_EQ(told.at("file_results").at(0), file);
    EXPECT_EQ(told.at("file"), file) << "what old callers read";
}

TEST(EgressInfo, TellsOfSegments) {
    auto recording = finished_recording();
    records::StoredFile segments;
    segments.index = 1;
    segments.kind = records::FileKind::Segments;
    recording.files.push_back(segments);
    recorder::Snapshot snapshot;
    snapshot.status = recorder::Status::Complete;
    snapshot.file.location = "/srv/a.mp4";
    snapshot.segments.emplace();
    snapshot.segments->playlist_name = "hls/all.m3u8";
    snapshot.segments->playlist_location = "/srv/hls/all.m3u8";
    snapshot.segments->live_playlist_location = "/srv/hls/live.m3u8";
    snapshot.segments->count = 3;
    snapshot.segments->size_bytes = 99;
    snapshot.segments->duration = 12s;
    snapshot.segments->is_whole = true;
    apply_snapshot(snapshot, recording);
    const auto both = json::parse(proto::to_webhook_json(to_egress_info(recording)));
    EXPECT_EQ(both.at("fileResults").size(), 1U);
    EXPECT_FALSE(both.contains("file"));
    EXPECT_FALSE(both.contains("segments"));
    const json expected = {
        {"playlistName", "hls/all.m3u8"},
        {"playlistLocation", "/srv/hls/all.m3u8"},
        {"livePlaylistLocation", "/srv/hls/live.m3u8"},
        {"segmentCount", "3"},
        {"size", "99"},
        {"duration", "12000000000"}};
    EXPECT_EQ(both.at("segmentResults"), json::array({expected}));
    recording.files.erase(recording.files.begin());
    const auto alone = json::parse(proto::to_webhook_json(to_egress_info(recording)));
    EXPECT_EQ(alone.at("segments"), expected);
}

TEST(EgressInfo, TellsOfTracksAfterTheMix) {
    auto recording = finished_recording();
    recorder::Snapshot snapshot;
    snapshot.status = recorder::Status::Complete;
    snapshot.file.filename = "a.mp4";
    snapshot.file.location = "/srv/a.mp4";
    snapshot.file.started_at = recording.started_at;
    snapshot.manifest_location = "/srv/EG_1.json";
    recorder::TrackFileResult track;
    track.track_sid = "TR_ann";
    track.participant_identity = "ann";
    track.offset_samples = 48'001;
    track.file.filename = "a/ann-TR_ann.ogg";
    track.file.location = "/srv/a/ann-TR_ann.ogg";
    track.file.duration = 2s;
    snapshot.track_files = {track, track};
    snapshot.track_files[1].file.location.clear();
    snapshot.track_files[1].error = "s3: no such bucket";
    apply_snapshot(snapshot, recording);
    apply_snapshot(snapshot, recording);  // Each time the whole state: nothing is there twice.
    ASSERT_EQ(recording.files.size(), 3U);
    EXPECT_EQ(recording.files[1].index, 1);
    EXPECT_EQ(recording.files[1].kind, records::FileKind::Track);
    EXPECT_EQ(recording.files[1].identity, "ann");
    EXPECT_EQ(recording.files[1].offset, 1s + 20'834ns);
    EXPECT_TRUE(recording.files[1].uploaded);
    EXPECT_FALSE(recording.files[2].uploaded);
    ASSERT_EQ(recording.check.findings.size(), 1U);
    EXPECT_NE(recording.check.findings[0].find("TR_ann"), std::string::npos);

    const auto info = to_egress_info(recording);
    ASSERT_EQ(info.file_results_size(), 3);
    EXPECT_EQ(info.file_results(0).filename(), "a.mp4");
    EXPECT_EQ(info.file_results(1).filename(), "a/ann-TR_ann.ogg");
    EXPECT_EQ(info.file_results(1).started_at() - info.file_results(0).started_at(), 1'000'020'834);
    EXPECT_EQ(info.file().filename(), "a.mp4") << "what old callers read";
    EXPECT_EQ(info.manifest_location(), "/srv/EG_1.json");
}

TEST(EgressInfo, TellsAFailureAndSurvivesADamagedEcho) {
    auto recording = finished_recording();
    recording.status = records::RecordingStatus::Failed;
    recording.error = "ice: no route";
    recording.error_code = 503;
    recording.ended_at.reset();
    recording.request_json = "{\"roomName\":";
    recording.files.clear();
    const auto told = json::parse(proto::to_webhook_json(to_egress_info(recording)));
    EXPECT_EQ(told.at("status"), "EGRESS_FAILED");
    EXPECT_EQ(told.at("error"), "ice: no route");
    EXPECT_EQ(told.at("errorCode"), 503);
    EXPECT_FALSE(told.contains("endedAt"));
    EXPECT_FALSE(told.contains("roomComposite"));
    EXPECT_FALSE(told.contains("fileResults"));
    EXPECT_FALSE(told.contains("file"));
}

TEST(EgressInfo, KeepsTheEchoAsJson) {
    livekit::EgressInfo asked;
    asked.mutable_room_composite()->set_room_name("camille");
    asked.mutable_room_composite()->set_audio_only(true);
    EXPECT_EQ(
        json::parse(echo_to_json(asked.SerializeAsString())),
        (json{{"roomComposite", {{"roomName", "camille"}, {"audioOnly", true}}}})
    );
    EXPECT_EQ(echo_to_json("\xff\xff"), "{}");
}

TEST(SnapshotRecords, KeepLiveKitsNamesOfKinds) {
    using Kind = recorder::ParticipantKind;
    const std::pair<Kind, const char*> rows[] = {
        {Kind::Standard, "STANDARD"},
        {Kind::Ingress, "INGRESS"},
        {Kind::Egress, "EGRESS"},
        {Kind::Sip, "SIP"},
        {Kind::Agent, "AGENT"},
        {Kind::Connector, "CONNECTOR"},
        {Kind::Bridge, "BRIDGE"},
    };
    for (const auto& [kind, name] : rows) EXPECT_EQ(kind_name(kind), name);
}

TEST(SnapshotRecords, TakeOverWhatASnapshotTells) {
    recorder::Snapshot snapshot;
    snapshot.room_sid = "RM_late";
    snapshot.status = recorder::Status::Active;
    snapshot.updated_at = at("2026-08-20T10:15:30Z");
    snapshot.file.filename = "a.mp4";
    snapshot.file.duration = 5s;
    snapshot.file.started_at = at("2026-08-20T10:15:20Z");
    snapshot.gaps = {{at("2026-08-20T10:15:21Z"), at("2026-08-20T10:15:22Z"), "media"}};
    records::Recording recording;
    recording.room_sid = "RM_before";
    recording.files.emplace_back().destination_json = R"({"kind":"local"})";
    apply_snapshot(snapshot, recording);
    apply_snapshot(snapshot, recording);
    EXPECT_EQ(recording.status, records::RecordingStatus::Active);
    EXPECT_EQ(recording.room_sid, "RM_late");
    EXPECT_EQ(recording.updated_at, snapshot.updated_at);
    EXPECT_FALSE(recording.ended_at);
    ASSERT_EQ(recording.gaps.size(), 1U);
    EXPECT_EQ(recording.gaps[0].reason, "media");
    ASSERT_EQ(recording.files.size(), 1U);
    EXPECT_EQ(recording.files[0].key, "a.mp4");
    EXPECT_EQ(recording.files[0].duration, 0s) << "it still grows";
    EXPECT_FALSE(recording.files[0].uploaded);
    EXPECT_EQ(recording.files[0].destination_json, R"({"kind":"local"})");

    snapshot.status = recorder::Status::Complete;
    snapshot.end_reason = recorder::EndReason::StopRequested;
    snapshot.room_sid.clear();
    snapshot.ended_at = at("2026-08-20T10:16:00Z");
    snapshot.file.location = "/srv/a.mp4";
    snapshot.file.size_bytes = 77;
    snapshot.file.duration = 40s;
    snapshot.file.sha256 = "00ff";
    apply_snapshot(snapshot, recording);
    EXPECT_EQ(recording.status, records::RecordingStatus::Complete);
    EXPECT_EQ(recording.room_sid, "RM_late");
    EXPECT_EQ(recording.ended_at, snapshot.ended_at);
    EXPECT_EQ(recording.details, "End reason: StopEgress API");
    EXPECT_EQ(recording.end_reason, "StopEgress API");
    EXPECT_TRUE(recording.files[0].uploaded);
    EXPECT_EQ(recording.files[0].location, "/srv/a.mp4");
    EXPECT_EQ(recording.files[0].size_bytes, 77U);
    EXPECT_EQ(recording.files[0].duration, 40s);
}

TEST(SnapshotRecords, KeepThoseWhoWereThere) {
    recorder::Snapshot snapshot;
    recorder::ParticipantSummary who;
    who.sid = "PA_1";
    who.identity = "caller";
    who.kind = recorder::ParticipantKind::Sip;
    who.attributes = {{"sip.phoneNumber", "+49"}};
    who.joined_at = at("2026-08-20T10:15:15Z");
    who.left_at = at("2026-08-20T10:15:16Z");
    snapshot.participants = {who};
    const auto kept = participants_of(snapshot);
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].kind, "SIP");
    EXPECT_EQ(kept[0].attributes.at("sip.phoneNumber"), "+49");
    EXPECT_EQ(kept[0].joined_at, who.joined_at);
    EXPECT_EQ(kept[0].left_at, who.left_at);
}

}  // namespace
}  // namespace aircheck::control
