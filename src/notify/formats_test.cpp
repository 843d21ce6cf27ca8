#include "notify/formats.hpp"

#include "proto/livekit_webhook.pb.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace aircheck::notify {
namespace {

using Json = nlohmann::json;

livekit::WebhookEvent started_event() {
    livekit::WebhookEvent event;
    event.set_event("egress_started");
    event.set_id("EV_Qm4TtRb6uWcE");
    event.set_created_at(1787220915);
    event.mutable_room()->set_sid("RM_aHj3kLm9pQ2r");
    event.mutable_room()->set_name("support-42");
    auto& info = *event.mutable_egress_info();
    info.set_egress_id("EG_7dKs8wXyZ3nP");
    info.set_room_id("RM_aHj3kLm9pQ2r");
    info.set_room_name("support-42");
    info.set_source_type(livekit::EGRESS_SOURCE_TYPE_SDK);
    info.set_started_at(1787220915123456789);
    info.set_updated_at(1787220915123456789);
    auto& request = *info.mutable_room_composite();
    request.set_room_name("support-42");
    request.set_audio_only(true);
    auto& output = *request.add_file_outputs();
    output.set_file_type(livekit::MP4);
    output.set_filepath("rec/{room_name}-{time}.mp4");
    output.mutable_s3()->set_access_key("{access_key}");
    output.mutable_s3()->set_secret("{secret}");
    output.mutable_s3()->set_region("eu-west-1");
    output.mutable_s3()->set_bucket("calls");
    *request.mutable_file() = output;
    info.add_file_results()->set_filename("rec/support-42-2026-08-20T101515.mp4");
    *info.mutable_file() = info.file_results(0);
    return event;
}

livekit::WebhookEvent ended_event() {
    livekit::WebhookEvent event = started_event();
    event.set_event("egress_ended");
    auto& info = *event.mutable_egress_info();
    info.clear_room_composite();
    info.set_status(livekit::EGRESS_COMPLETE);
    info.set_ended_at(1787221215500000000);
    info.set_updated_at(1787221216100000000);
    info.set_details("End reason: Source closed");
    auto& file = *info.mutable_file_results(0);
    file.set_started_at(1787220917900000000);
    file.set_ended_at(1787221215400000000);
    file.set_duration(297500000000);
    file.set_size(4762112);
    file.set_location(
        "https://calls.s3.eu-west-1.amazonaws.com/rec/support-42-2026-08-20T101515.mp4"
    );
    *info.mutable_file() = file;
    info.set_manifest_location("https://calls.s3.eu-west-1.amazonaws.com/rec/EG_7dKs8wXyZ3nP.json");
    return event;
}

Json body(const livekit::WebhookEvent& event, const EventFacts& facts, Format format) {
    const auto text = body_of(event, facts, format);
    if (!text) ADD_FAILURE() << text.error().to_string();
    return Json::parse(text.value_or("null"));
}

// livekit-wire.md 8.3, egress_started, to the letter.
TEST(LiveKitBody, OfEgressStarted) {
    const Json expected = Json::parse(R"json(
{"event":"egress_started",
 "room":{"sid":"RM_aHj3kLm9pQ2r","name":"support-42"},
 "egressInfo":{
   "egressId":"EG_7dKs8wXyZ3nP","roomId":"RM_aHj3kLm9pQ2r","roomName":"support-42",
   "sourceType":"EGRESS_SOURCE_TYPE_SDK","startedAt":"1787220915123456789","updatedAt":"1787220915123456789",
   "roomComposite":{"roomName":"support-42","audioOnly":true,
     "file":{"fileType":"MP4","filepath":"rec/{room_name}-{time}.mp4",
             "s3":{"accessKey":"{access_key}","secret":"{secret}","region":"eu-west-1","bucket":"calls"}},
     "fileOutputs":[{"fileType":"MP4","filepath":"rec/{room_name}-{time}.mp4",
             "s3":{"accessKey":"{access_key}","secret":"{secret}","region":"eu-west-1","bucket":"calls"}}]},
   "fileResults":[{"filename":"rec/support-42-2026-08-20T101515.mp4"}],
   "file":{"filename":"rec/support-42-2026-08-20T101515.mp4"}},
 "id":"EV_Qm4TtRb6uWcE","createdAt":"1787220915"}
)json");
    EXPECT_EQ(body(started_event(), {}, Format::LiveKit), expected);
}

// livekit-wire.md 8.3, egress_ended.
TEST(LiveKitBody, OfEgressEnded) {
    const Json expected = Json::parse(R"json(
{"event":"egress_ended",
 "room":{"sid":"RM_aHj3kLm9pQ2r","name":"support-42"},
 "egressInfo":{
   "egressId":"EG_7dKs8wXyZ3nP","roomId":"RM_aHj3kLm9pQ2r","roomName":"support-42",
   "sourceType":"EGRESS_SOURCE_TYPE_SDK","status":"EGRESS_COMPLETE",
   "startedAt":"1787220915123456789","endedAt":"1787221215500000000",
   "updatedAt":"1787221216100000000","details":"End reason: Source closed",
   "fileResults":[{"filename":"rec/support-42-2026-08-20T101515.mp4","startedAt":"1787220917900000000",
     "endedAt":"1787221215400000000","duration":"297500000000","size":"4762112",
     "location":"https://calls.s3.eu-west-1.amazonaws.com/rec/support-42-2026-08-20T101515.mp4"}],
   "file":{"filename":"rec/support-42-2026-08-20T101515.mp4","startedAt":"1787220917900000000",
     "endedAt":"1787221215400000000","duration":"297500000000","size":"4762112",
     "location":"https://calls.s3.eu-west-1.amazonaws.com/rec/support-42-2026-08-20T101515.mp4"},
   "manifestLocation":"https://calls.s3.eu-west-1.amazonaws.com/rec/EG_7dKs8wXyZ3nP.json"},
 "id":"EV_Qm4TtRb6uWcE","createdAt":"1787220915"}
)json");
    EXPECT_EQ(body(ended_event(), {}, Format::LiveKit), expected);
}

// The payload of the LiveKit guide (seeds), "Egress Ended Event Payload": same keys, units and
// order.
TEST(SimpleBody, IsTheGuidesPayloadToTheLetter) {
    const std::string guide =
        R"({"event":"egress_ended","egressInfo":{"egress_id":"EG_abc123","room_id":"RM_xyz789",)"
        R"("room_name":"camille","status":"EGRESS_COMPLETE","file_results":[{)"
        R"("filename":"recordings/camille-20251030-150000.mp4","size":1234567,"duration":123.45,)"
        R"("download_url":"https://s3.amazonaws.com/dr-fillion-recordings/recordings/)"
        R"(camille-20251030-150000.mp4"}],"started_at":1698765000000,"ended_at":1698765123000}})";
    livekit::WebhookEvent event;
    event.set_event("egress_ended");
    event.set_id("EV_1");
    event.set_created_at(1698765123);
    auto& info = *event.mutable_egress_info();
    info.set_egress_id("EG_abc123");
    info.set_room_id("RM_xyz789");
    info.set_room_name("camille");
    info.set_status(livekit::EGRESS_COMPLETE);
    info.set_started_at(1698765000000'000000);
    info.set_ended_at(1698765123000'999999);
    auto& file = *info.add_file_results();
    file.set_filename("recordings/camille-20251030-150000.mp4");
    file.set_size(1234567);
    file.set_duration(123'450'000'000);
    file.set_location("https://elsewhere/a.mp4");
    EventFacts facts;
    facts.download_urls = {
        "https://s3.amazonaws.com/dr-fillion-recordings/recordings/camille-20251030-150000.mp4"};
    EXPECT_EQ(body_of(event, facts, Format::Simple).value(), guide);
    // Without a link of ours the object's own.
    const Json own = body(event, {}, Format::Simple);
    EXPECT_EQ(own["egressInfo"]["file_results"][0]["download_url"], "https://elsewhere/a.mp4");
}

TEST(SimpleBody, HasTheSameKeysFromTheStart) {
    const Json expected = Json::parse(R"json(
{"event":"egress_started",
 "egressInfo":{"egress_id":"EG_7dKs8wXyZ3nP","room_id":"RM_aHj3kLm9pQ2r","room_name":"support-42",
   "status":"EGRESS_STARTING",
   "file_results":[{"filename":"rec/support-42-2026-08-20T101515.mp4","size":0,"duration":0.0,"download_url":null}],
   "started_at":1787220915123,"ended_at":null}}
)json");
    EXPECT_EQ(body(started_event(), {}, Format::Simple), expected);
}

TEST(SimpleBody, SaysWhyItFailed) {
    livekit::WebhookEvent event = ended_event();
    event.mutable_egress_info()->set_status(livekit::EGRESS_FAILED);
    event.mutable_egress_info()->set_error("ice: no route to 10.0.0.1");
    const Json failed = body(event, {}, Format::Simple);
    EXPECT_EQ(failed["egressInfo"]["status"], "EGRESS_FAILED");
    EXPECT_EQ(failed["egressInfo"]["error"], "ice: no route to 10.0.0.1");
    EXPECT_FALSE(body(ended_event(), {}, Format::Simple)["egressInfo"].contains("error"));
}

TEST(SimpleBody, ReadsTheDeprecatedSingleFileToo) {
    livekit::WebhookEvent event = ended_event();
    event.mutable_egress_info()->clear_file_results();
    EXPECT_EQ(body(event, {}, Format::Simple)["egressInfo"]["file_results"][0]["size"], 4762112);
}

TEST(FlatBody, IsOneFlatObject) {
    EventFacts facts;
    facts.conversation_id = "CV_7dKs8wXyZ3nP";
    facts.audio_recording_url = "https://rec.example/r/EG_7dKs8wXyZ3nP?k=abc";
    const Json expected = Json::parse(R"json(
{"event":"egress_ended","event_id":"EV_Qm4TtRb6uWcE","created_at":"2026-08-20T10:15:15.000Z",
 "conversation_id":"CV_7dKs8wXyZ3nP","egress_id":"EG_7dKs8wXyZ3nP","room_id":"RM_aHj3kLm9pQ2r",
 "room_name":"support-42","status":"EGRESS_COMPLETE",
 "audio_recording_url":"https://rec.example/r/EG_7dKs8wXyZ3nP?k=abc","duration_s":297.5,
 "size_bytes":4762112,"filename":"rec/support-42-2026-08-20T101515.mp4",
 "started_at":"2026-08-20T10:15:15.123Z","ended_at":"2026-08-20T10:20:15.500Z","error":null}
)json");
    EXPECT_EQ(body(ended_event(), facts, Format::Flat), expected);
}

TEST(FlatBody, HasNullsForWhatIsNotKnown) {
    livekit::WebhookEvent event;
    event.set_event("egress_ended");  // An automatic egress that could not start has no id.
    event.mutable_egress_info()->set_status(livekit::EGRESS_FAILED);
    const Json told = body(event, {}, Format::Flat);
    for (const char* key :
         {"conversation_id",
          "egress_id",
          "audio_recording_url",
          "duration_s",
          "size_bytes",
          "filename",
          "started_at",
          "ended_at"}) {
        ASSERT_TRUE(told.contains(key)) << key;
        EXPECT_TRUE(told[key].is_null()) << key;
    }
}

TEST(Bodies, SurviveNamesThatAreNoUtf8) {
    livekit::WebhookEvent event = ended_event();
    event.mutable_egress_info()->set_room_name("a\xFF b");
    for (const Format format : {Format::Simple, Format::Flat}) {
        EXPECT_NE(body_of(event, {}, format).value().find("a\xEF\xBF\xBD b"), std::string::npos);
    }
}

TEST(Bodies, RefuseAnEventWithoutAName) {
    EXPECT_EQ(body_of({}, {}, Format::Flat).error().code, Errc::InvalidArgument);
}

TEST(ContentType, IsOneThatItsReadersTake) {
    EXPECT_EQ(content_type_of(Format::LiveKit), "application/webhook+json");
    EXPECT_EQ(content_type_of(Format::Simple), "application/json");
    EXPECT_EQ(content_type_of(Format::Flat), "application/json");
}

}  // namespace
}  // namespace aircheck::notify
