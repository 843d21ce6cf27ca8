#include "proto/json.hpp"

#include "proto/livekit_egress.pb.h"
#include "proto/livekit_room.pb.h"
#include "proto/livekit_rtc.pb.h"
#include "proto/livekit_webhook.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace aircheck::proto {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// livekit-wire.md 8.3: egress_started as livekit-server sends it.
constexpr std::string_view kStarted = R"({"event":"egress_started",
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
 "id":"EV_Qm4TtRb6uWcE","createdAt":"1787220915"})";

/// The same, ended.
constexpr std::string_view kEnded = R"({"event":"egress_ended","id":"EV_x","createdAt":"1787221216",
 "egressInfo":{"egressId":"EG_7dKs8wXyZ3nP","status":"EGRESS_COMPLETE","startedAt":"1787220915123456789",
   "endedAt":"1787221215500000000","updatedAt":"1787221216100000000","details":"End reason: Source closed",
   "fileResults":[{"filename":"rec/a.mp4","startedAt":"1787220917900000000",
     "endedAt":"1787221215400000000","duration":"297500000000","size":"4762112",
     "location":"https://calls.s3.eu-west-1.amazonaws.com/rec/a.mp4"}],
   "manifestLocation":"https://calls.s3.eu-west-1.amazonaws.com/rec/EG_7dKs8wXyZ3nP.json"}})";

/// participant_joined and track_published.
constexpr std::string_view kJoined = R"({"event":"participant_joined",
 "room":{"sid":"RM_1","name":"support-42","emptyTimeout":300,"departureTimeout":20,"creationTime":"1787220900",
         "creationTimeMs":"1787220900123","turnPassword":"x","enabledCodecs":[{"mime":"audio/opus"}],"numParticipants":1},
 "participant":{"sid":"PA_1","identity":"caller-1","state":"ACTIVE","joinedAt":"1787220910","joinedAtMs":"1787220910456",
         "name":"Ada","version":3,"permission":{"canSubscribe":true,"canPublish":true,"canPublishData":true},
         "attributes":{"b":"2","a":"1"}},
 "track":{"sid":"TR_AM1","name":"mic","mimeType":"audio/red","source":"MICROPHONE","stream":"camera",
          "audioFeatures":["TF_STEREO","TF_NO_DTX"]},
 "id":"EV_2","createdAt":"1787220911"})";

TEST(WebhookJson, IsLiveKitsOwnBody) {
    for (const std::string_view body : {kStarted, kEnded, kJoined}) {
        livekit::WebhookEvent event;
        JsonLeftovers leftovers;
        const auto read = from_json(body, event, &leftovers);
        ASSERT_TRUE(read) << read.error().to_string();
        EXPECT_THAT(leftovers.unknown_fields, IsEmpty());
        EXPECT_EQ(json::parse(to_webhook_json(event)), json::parse(body));
    }
}

TEST(WebhookJson, ZeroMeansAbsent) {
    livekit::WebhookEvent event;
    ASSERT_TRUE(from_json(kStarted, event));
    EXPECT_EQ(event.egress_info().status(), livekit::EGRESS_STARTING);
    EXPECT_EQ(event.created_at(), 1'787'220'915);
    EXPECT_EQ(event.egress_info().room_composite().file_outputs(0).file_type(), livekit::MP4);
    EXPECT_EQ(to_webhook_json(livekit::WebhookEvent()), "{}");
}

TEST(TwirpJson, WritesEveryDefault) {
    livekit::StreamInfo info;
    info.set_url("rtmp://host/app/{abc...xyz}");
    info.set_duration(9'007'199'254'740'993);
    EXPECT_EQ(json::parse(to_twirp_json(info)), json::parse(R"({
        "url":"rtmp://host/app/{abc...xyz}","started_at":"0","ended_at":"0",
        "duration":"9007199254740993","status":"ACTIVE","error":"","last_retry_at":"0","retries":0,
        "id":""})"));
}

TEST(TwirpJson, ListsAreEmptyMessagesNullAndOneofsLeftOut) {
    EXPECT_EQ(
        json::parse(to_twirp_json(livekit::ListEgressResponse())),
        json::parse(R"({"items":[],"next_page_token":null})")
    );
    const auto info = json::parse(to_twirp_json(livekit::EgressInfo()));
    EXPECT_EQ(info["status"], "EGRESS_STARTING");
    EXPECT_EQ(info["source_type"], "EGRESS_SOURCE_TYPE_WEB");
    EXPECT_EQ(info["error_code"], 0);
    EXPECT_EQ(info["file_results"], json::array());
    for (const char* absent : {"room_composite", "egress", "file", "segments"}) {
        EXPECT_FALSE(info.contains(absent)) << absent;
    }
    livekit::S3Upload s3;
    (*s3.mutable_metadata())["k"] = "v";
    const auto written = json::parse(to_twirp_json(s3));
    EXPECT_EQ(written["metadata"], json::parse(R"({"k":"v"})"));
    EXPECT_TRUE(written["proxy"].is_null());
}

TEST(TwirpJson, BytesAreBase64AndBrokenTextIsReplaced) {
    livekit::JoinResponse join;
    join.set_sif_trailer(std::string("\x00\xFF\x10", 3));
    EXPECT_EQ(json::parse(to_twirp_json(join))["sif_trailer"], "AP8Q");
    livekit::FileInfo file;
    file.set_filename("a\xFFz");
    EXPECT_TRUE(json::accept(to_twirp_json(file)));
}

TEST(FromJson, TakesBothCasesNamesNumbersAndStrings) {
    livekit::RoomCompositeEgressRequest request;
    const auto read = from_json(
        R"({"room_name":"r","audioOnly":true,"audio_mixing":1,"preset":"H264_1080P_30",
            "file_outputs":[{"fileType":"OGG","filepath":"a","azure":{"accountName":"n"}}],
            "segmentOutputs":[{"segment_duration":"6"},{"segmentDuration":1e1}],
            "stream_outputs":null,"webhooks":[]})",
        request
    );
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(request.room_name(), "r");
    EXPECT_TRUE(request.audio_only());
    EXPECT_EQ(request.audio_mixing(), livekit::DUAL_CHANNEL_AGENT);
    EXPECT_EQ(request.preset(), livekit::H264_1080P_30);
    EXPECT_EQ(request.file_outputs(0).file_type(), livekit::OGG);
    EXPECT_EQ(request.file_outputs(0).azure().account_name(), "n");
    EXPECT_EQ(request.segment_outputs(0).segment_duration(), 6u);
    EXPECT_EQ(request.segment_outputs(1).segment_duration(), 10u);
}

TEST(FromJson, ReadsV2Requests) {
    livekit::StartEgressRequest request;
    const auto read = from_json(
        R"({"room_name":"r","media":{"audio":{"capture_all":true,
            "routes":[{"participant_kind":"AGENT","channel":"AUDIO_CHANNEL_RIGHT"}]}},
            "outputs":[{"file":{"filepath":"x"},"storage":{"aliOSS":{"bucket":"b"}}}]})",
        request
    );
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(
        request.media().audio().routes(0).participant_kind(), livekit::ParticipantInfo::AGENT
    );
    EXPECT_EQ(request.media().audio().routes(0).channel(), livekit::AUDIO_CHANNEL_RIGHT);
    EXPECT_EQ(request.outputs(0).storage().alioss().bucket(), "b");
}

TEST(FromJson, NamesWhatItDoesNotKnow) {
    livekit::RoomCompositeEgressRequest request;
    JsonLeftovers leftovers;
    ASSERT_TRUE(from_json(
        R"({"future":[[[]]],"file_outputs":[{},{"colour":"red","s3":{"x":1}}]})",
        request,
        &leftovers
    ));
    EXPECT_THAT(
        leftovers.unknown_fields,
        testing::UnorderedElementsAre("future", "file_outputs[1].colour", "file_outputs[1].s3.x")
    );
}

TEST(FromJson, RefusesNamingThePlace) {
    struct Row {
        const char* body;
        const char* words;
    };
    for (const Row& row : {
             Row{"", "no JSON"},
             Row{"{", "no JSON"},
             Row{"[]", "no JSON object"},
             Row{R"({"room_name":7})", "room_name: expected a string"},
             Row{R"({"audioOnly":"yes"})", "audio_only: expected true or false"},
             Row{R"({"audio_mixing":"STEREO"})", "audio_mixing: \"STEREO\" is no AudioMixing"},
             Row{R"({"file_outputs":{}})", "file_outputs: expected a list"},
             Row{R"({"file_outputs":[null]})", "file_outputs[0]: expected an object"},
             Row{R"({"segment_outputs":[{"segment_duration":-1}]})",
                 "segment_outputs[0].segment_duration: expected a whole number"},
             Row{R"({"segment_outputs":[{"segment_duration":1.5}]})", "segment_duration"},
             Row{R"({"segment_outputs":[{"segment_duration":4294967296}]})", "segment_duration"},
             Row{R"({"segment_outputs":[{"segment_duration":"6s"}]})", "segment_duration"},
             Row{R"({"segment_outputs":[{"segment_duration":1e300}]})", "segment_duration"},
             Row{R"({"room_name":"a","roomName":"b"})", "room_name: given twice"},
             Row{R"({"file":{},"stream":{}})", "only one of it and"},
             Row{R"({"file_outputs":[{"s3":{"metadata":{"k":1}}}]})", "metadata[\"k\"]"},
         }) {
        livekit::RoomCompositeEgressRequest request;
        const auto read = from_json(row.body, request);
        ASSERT_FALSE(read) << row.body;
        EXPECT_EQ(read.error().code, make_error_code(Errc::Malformed));
        EXPECT_THAT(read.error().to_string(), HasSubstr(row.words));
    }
}

TEST(FromJson, DeepNestingIsNoProblem) {
    livekit::RoomCompositeEgressRequest request;
    const std::string deep(200'000, '[');
    EXPECT_FALSE(from_json(deep, request));
    EXPECT_TRUE(
        from_json(R"({"x":)" + deep + std::string(200'000, ']') + R"(,"room_name":"r"})", request)
    );
    EXPECT_EQ(request.room_name(), "r");
}

TEST(Unknown, FieldsAndEnumNumbersAreNamed) {
    // Field 17 of the request, field 99 of its first output; file type 9.
    const std::string bytes("\x0A\x01r\x8A\x01\x01x\x5A\x06\x08\x09\x9A\x06\x01y", 15);
    livekit::RoomCompositeEgressRequest request;
    ASSERT_TRUE(request.ParseFromString(bytes));
    EXPECT_THAT(unknown_fields(request), ElementsAre("field 17", "file_outputs[0]: field 99"));
    EXPECT_THAT(unknown_enum_values(request), ElementsAre("file_outputs[0].file_type: 9"));
    EXPECT_THAT(unknown_fields(livekit::EgressInfo()), IsEmpty());
    EXPECT_THAT(unknown_enum_values(livekit::EgressInfo()), IsEmpty());
}

}  // namespace
}  // namespace aircheck::proto
