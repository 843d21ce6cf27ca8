#include "control/kept_job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Bytes kKey(32, 0x17);

recorder::Job full_job() {
    recorder::Job job;
    job.egress_id = "EG_1";
    job.room_name = "room \xff";  // Names need not be UTF-8.
    job.room_sid = "RM_1";
    job.access.api_secret = "of-the-configuration";
    job.source.kind = recorder::Source::Kind::Media;
    job.source.identity = "ann";
    job.source.screen_share = true;
    job.source.track_sid = "TR_1";
    job.source.capture_all = true;
    job.source.routes.push_back(
        {recorder::AudioRoute::Match::Kind,
         "x",
         recorder::ParticipantKind::Sip,
         recorder::AudioRoute::Channel::Right}
    );
    job.mixing = recorder::Mixing::DualChannelAlternate;
    job.makes_file = false;
    job.encoding = {recorder::Container::Wav, recorder::AudioCodec::Pcm, 2, 96'000, 16'000};
    storage::S3Destination s3;
    s3.bucket = "calls";
    s3.access_key = "key";
    s3.secret = "secret-of-the-store";
    job.destination = s3;
    job.filepath = "a/{room_name}.wav";
    job.writes_manifest = false;
    job.track_files = recorder::TrackFiles{"tracks/{track_id}"};
    job.segments.emplace();
    job.segments->prefix = "p";
    job.segments->playlist_name = "all.m3u8";
    job.segments->live_playlist_name = "live.m3u8";
    job.segments->suffix = recorder::SegmentOutput::Suffix::Timestamp;
    job.segments->duration = 6s;
    job.segments->encoding.bitrate_bps = 64'000;
    job.segments->destination = storage::LocalDestination{"/segments"};
    job.segments->writes_manifest = false;
    job.stream.emplace();
    job.stream->protocol = streams::Protocol::Srt;
    job.stream->targets = {{"srt://h:1?passphrase=t0psecret", "srt://h:1", "one"}};
    job.stream->encoding.channels = 2;
    job.stream->allow = {"10.0.0.0/8"};
    job.stream->ca_file = "/ca.pem";
    job.end.last_human_left = true;
    job.end.end_grace = 3s;
    job.end.max_duration = 3600s;
    job.end.session_limit = 7200s;
    job.end.max_bytes = 1234;
    job.end.media_timeout = 30s;
    job.requested_at = WallTime(Nanoseconds(1'234'567'890'123'456'789));
    return job;
}

TEST(KeptJob, ComesBackWhole) {
    const recorder::Job job = full_job();
    const Bytes sealed = keep_job(job, kKey);
    EXPECT_THAT(std::string(sealed.begin(), sealed.end()), Not(HasSubstr("secret")));
    const auto opened = open_job(sealed, "EG_1", kKey);
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_EQ(opened->egress_id, "EG_1");
    EXPECT_EQ(opened->access.api_secret, "") << "the configuration's, and not kept";
    // What is kept again is the same, but for how the room's name is written.
    recorder::Job again = *opened;
    EXPECT_THAT(again.room_name, HasSubstr("room"));
    const auto& s3 = std::get<storage::S3Destination>(again.destination);
    EXPECT_EQ(s3.bucket, "calls");
    EXPECT_EQ(s3.secret, "secret-of-the-store");
    EXPECT_EQ(again.room_sid, job.room_sid);
    EXPECT_EQ(again.source.kind, job.source.kind);
    EXPECT_EQ(again.source.identity, job.source.identity);
    EXPECT_EQ(again.source.screen_share, job.source.screen_share);
    EXPECT_EQ(again.source.track_sid, job.source.track_sid);
    EXPECT_EQ(again.source.capture_all, job.source.capture_all);
    EXPECT_EQ(again.source.routes, job.source.routes);
    EXPECT_EQ(again.mixing, job.mixing);
    EXPECT_EQ(again.makes_file, job.makes_file);
    EXPECT_EQ(again.encoding.container, job.encoding.container);
    EXPECT_EQ(again.encoding.codec, job.encoding.codec);
    EXPECT_EQ(again.encoding.channels, job.encoding.channels);
    EXPECT_EQ(again.encoding.bitrate_bps, job.encoding.bitrate_bps);
    EXPECT_EQ(again.encoding.sample_rate_hz, job.encoding.sample_rate_hz);
    EXPECT_EQ(again.filepath, job.filepath);
    EXPECT_EQ(again.writes_manifest, job.writes_manifest);
    EXPECT_EQ(again.track_files->filepath, job.track_files->filepath);
    EXPECT_EQ(again.requested_at, job.requested_at);
}

TEST(KeptJob, ComesBackWithItsOtherOutputsAndItsEnd) {
    const recorder::Job job = full_job();
    const recorder::Job again = open_job(keep_job(job, kKey), "EG_1", kKey).value();
    EXPECT_EQ(again.segments->prefix, "p");
    EXPECT_EQ(again.segments->playlist_name, "all.m3u8");
    EXPECT_EQ(again.segments->live_playlist_name, "live.m3u8");
    EXPECT_EQ(again.segments->suffix, recorder::SegmentOutput::Suffix::Timestamp);
    EXPECT_EQ(again.segments->duration, 6s);
    EXPECT_EQ(again.segments->encoding.bitrate_bps, 64'000U);
    EXPECT_EQ(std::get<storage::LocalDestination>(again.segments->destination).root, "/segments");
    EXPECT_FALSE(again.segments->writes_manifest);
    EXPECT_EQ(again.stream->protocol, streams::Protocol::Srt);
    ASSERT_EQ(again.stream->targets.size(), 1U);
    EXPECT_EQ(again.stream->targets[0].url, "srt://h:1?passphrase=t0psecret");
    EXPECT_EQ(again.stream->targets[0].shown, "srt://h:1");
    EXPECT_EQ(again.stream->targets[0].id, "one");
    EXPECT_EQ(again.stream->encoding.channels, 2);
    EXPECT_EQ(again.stream->allow, job.stream->allow);
    EXPECT_EQ(again.stream->ca_file, "/ca.pem");
    EXPECT_TRUE(again.end.last_human_left);
    EXPECT_EQ(again.end.end_grace, 3s);
    EXPECT_EQ(again.end.max_duration, job.end.max_duration);
    EXPECT_EQ(again.end.session_limit, job.end.session_limit);
    EXPECT_EQ(again.end.max_bytes, job.end.max_bytes);
    EXPECT_EQ(again.end.media_timeout, job.end.media_timeout);
}

TEST(KeptJob, IsOpenedByNobodyElseAndForNobodyElse) {
    const Bytes sealed = keep_job(full_job(), kKey);
    EXPECT_EQ(open_job(sealed, "EG_2", kKey).error().code, Errc::Malformed);
    EXPECT_EQ(open_job(sealed, "EG_1", Bytes(32, 0x18)).error().code, Errc::Malformed);
    EXPECT_EQ(open_job({}, "EG_1", kKey).error().code, Errc::Malformed);
    EXPECT_TRUE(open_job(keep_job({}, kKey), "", kKey)) << "and an empty one is a job";
}

}  // namespace
}  // namespace aircheck::control
