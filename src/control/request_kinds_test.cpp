#include "control/egress_info.hpp"
#include "control/recording_request_testing.hpp"

#include <gmock/gmock.h>

namespace aircheck::control {
namespace {

using recorder::AudioCodec;
using recorder::AudioRoute;
using recorder::Container;
using recorder::Source;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::json;

/// An EgressInfo that holds the request `fields` (its oneof's name and its fields).
Answer<RecordingRequest> ask(const json& fields, const RecordingDefaults& defaults = {}) {
    livekit::EgressInfo asked;
    const auto read = proto::from_json(fields.dump(), asked);
    EXPECT_TRUE(read) << read.error().to_string();
    return check_request(asked, defaults);
}

RecordingRequest asked_for(const json& fields) {
    auto answer = ask(fields);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *std::move(answer) : RecordingRequest{};
}

std::string refusal_of(const json& fields) {
    const auto answer = ask(fields);
    EXPECT_FALSE(answer) << fields;
    if (answer) return "";
    EXPECT_EQ(answer.error().code, "invalid_argument") << "SDKs try `unimplemented` again";
    return answer.error().message;
}

const json kFile = {{"filepath", "calls/{room_name}.mp4"}};

json participant(const json& more = json::object()) {
    json fields = {{"room_name", "r"}, {"identity", "ann"}, {"file_outputs", {kFile}}};
    fields.update(more);
    return {{"participant", fields}};
}

json media(const json& audio, const json& more = json::object()) {
    json fields = {
        {"room_name", "r"}, {"media", {{"audio", audio}}}, {"outputs", {{{"file", kFile}}}}};
    fields.update(more);
    return {{"egress", fields}};
}

TEST(ParticipantRequest, IsAboutOneParticipant) {
    const auto request = asked_for(participant({{"screen_share", true}}));
    EXPECT_EQ(request.room_name, "r");
    EXPECT_EQ(request.source.kind, Source::Kind::Participant);
    EXPECT_EQ(request.source.identity, "ann");
    EXPECT_TRUE(request.source.screen_share);
    EXPECT_EQ(request.encoding.container, Container::Mp4);
    EXPECT_EQ(
        refusal_of(participant({{"identity", ""}})),
        "request has missing or invalid field: identity"
    );
    EXPECT_EQ(
        refusal_of(participant({{"room_name", ""}})),
        "request has missing or invalid field: room_name"
    );
    EXPECT_EQ(
        refusal_of(participant({{"file_outputs", json::array()}})),
        "request has missing or invalid field: output"
    );
    EXPECT_EQ(
        refusal_of(participant({{"file_outputs", {kFile, kFile}}})),
        "request has missing or invalid field: multiple file outputs"
    );
}

TEST(TrackCompositeRequest, IsAboutOneTrack) {
    const json fields = {{"room_name", "r"}, {"audio_track_id", "TR_1"}, {"file", kFile}};
    const auto request = asked_for({{"track_composite", fields}});
    EXPECT_EQ(request.source.kind, Source::Kind::Track);
    EXPECT_EQ(request.source.track_sid, "TR_1");
    EXPECT_EQ(request.encoding.codec, AudioCodec::Aac) << "the deprecated output is taken";
    json video = fields;
    video["video_track_id"] = "TR_2";
    EXPECT_THAT(refusal_of({{"track_composite", video}}), HasSubstr("video_track_id"));
    json none = fields;
    none["audio_track_id"] = "";
    EXPECT_THAT(
        refusal_of({{"track_composite", none}}), HasSubstr("audio_track_id or video_track_id")
    );
}

TEST(TrackRequest, KeepsTheTracksOpus) {
    const auto of = [](const json& more) {
        json fields = {{"room_name", "r"}, {"track_id", "TR_1"}};
        fields.update(more);
        return json{{"track", fields}};
    };
    const auto request = asked_for(of({{"file", {{"filepath", "x/{track_id}"}}}}));
    EXPECT_EQ(request.source.track_sid, "TR_1");
    EXPECT_EQ(request.encoding.codec, AudioCodec::OpusPassthrough);
    EXPECT_EQ(request.encoding.container, Container::Ogg);
    const auto sent = asked_for(of({{"websocket_url", "wss://x/y"}}));
    ASSERT_TRUE(sent.stream);
    EXPECT_FALSE(sent.makes_file);
    EXPECT_EQ(sent.stream->protocol, streams::Protocol::WebSocket);
    EXPECT_EQ(sent.source.track_sid, "TR_1");
    EXPECT_THAT(refusal_of(of({{"websocket_url", "http://x"}})), HasSubstr("http://x"));
    EXPECT_THAT(refusal_of(of(json::object())), HasSubstr("output"));
    EXPECT_THAT(refusal_of(of({{"track_id", ""}, {"file", kFile}})), HasSubstr("track_id"));
    const auto in_mp4 = asked_for(of({{"file", {{"filepath", "x.mp4"}}}}));
    EXPECT_EQ(in_mp4.encoding.codec, AudioCodec::OpusPassthrough);
    EXPECT_EQ(in_mp4.encoding.container, Container::Mp4);
    EXPECT_THAT(refusal_of(of({{"file", {{"filepath", "x.mp3"}}}})), HasSubstr("x.mp3"));
}

TEST(EgressRequest, TemplateOfAudioIsTheRoom) {
    const auto of = [](const json& more) {
        json source = {{"audio_only", true}};
        source.update(more);
        return json{
            {"egress",
             {{"room_name", "r"}, {"template", source}, {"outputs", {{{"file", kFile}}}}}}};
    };
    EXPECT_EQ(asked_for(of(json::object())).source.kind, Source::Kind::Room);
    EXPECT_THAT(asked_for(of({{"layout", "grid"}})).warnings, ElementsAre(HasSubstr("layout")));
    EXPECT_THAT(refusal_of(of({{"audio_only", false}})), HasSubstr("audio_only"));
    EXPECT_THAT(refusal_of(of({{"video_only", true}})), HasSubstr("video_only"));
    EXPECT_THAT(refusal_of(of({{"custom_base_url", "https://x"}})), HasSubstr("custom_base_url"));
}

TEST(EgressRequest, RoutesPutTracksOnTwoChannels) {
    const auto request = asked_for(media(
        {{"capture_all", true},
         {"routes",
          {{{"participant_identity", "ann"}, {"channel", "AUDIO_CHANNEL_LEFT"}},
           {{"participant_kind", "AGENT"}, {"channel", "AUDIO_CHANNEL_RIGHT"}},
           {{"track_id", "TR_1"}}}}}
    ));
    EXPECT_EQ(request.source.kind, Source::Kind::Media);
    EXPECT_TRUE(request.source.capture_all);
    AudioRoute ann, agents, track;
    ann.value = "ann";
    ann.channel = AudioRoute::Channel::Left;
    agents.match = AudioRoute::Match::Kind;
    agents.kind = recorder::ParticipantKind::Agent;
    agents.channel = AudioRoute::Channel::Right;
    track.match = AudioRoute::Match::Track;
    track.value = "TR_1";
    EXPECT_THAT(request.source.routes, ElementsAre(ann, agents, track));
    EXPECT_EQ(request.encoding.channels, 2);
    EXPECT_EQ(
        asked_for(media({{"routes", {{{"participant_identity", "ann"}}}}})).encoding.channels, 1
    );
}

TEST(EgressRequest, MediaHasToSayWhat) {
    EXPECT_THAT(refusal_of(media(json::object())), HasSubstr("media.audio"));
    EXPECT_THAT(
        refusal_of(media({{"routes", {{{"channel", "AUDIO_CHANNEL_LEFT"}}}}})),
        HasSubstr("routes[0].match")
    );
    json video = media({{"capture_all", true}});
    video["egress"]["media"]["video_track_id"] = "TR_9";
    EXPECT_THAT(refusal_of(video), HasSubstr("media.video"));
    json none = media({{"capture_all", true}});
    none["egress"].erase("media");
    EXPECT_THAT(refusal_of(none), HasSubstr("source"));
}

TEST(EgressRequest, PassthroughIsOneTrackInOneFile) {
    const json one = {{"routes", {{{"track_id", "TR_1"}}}}};
    const json opus = {{"preset", "PASSTHROUGH"}, {"outputs", {{{"file", {{"filepath", "x"}}}}}}};
    const auto request = asked_for(media(one, opus));
    EXPECT_EQ(request.source.track_sid, "TR_1");
    EXPECT_EQ(request.encoding.codec, AudioCodec::OpusPassthrough);
    EXPECT_THAT(refusal_of(media({{"capture_all", true}}, opus)), HasSubstr("one track_id"));
    json typed = opus;
    typed["outputs"][0]["file"]["file_type"] = "MP4";
    EXPECT_THAT(refusal_of(media(one, typed)), HasSubstr("default type"));
}

TEST(EgressRequest, AnOutputsStoreComesBeforeTheRequests) {
    const auto store = [](const char* bucket) {
        return json{{"s3", {{"bucket", bucket}, {"access_key", "A"}, {"secret", "hidden"}}}};
    };
    json both = media({{"capture_all", true}}, {{"storage", store("second")}});
    const auto bucket_of = [](const RecordingRequest& request) {
        return std::get<storage::S3Destination>(request.destination).bucket;
    };
    EXPECT_EQ(bucket_of(asked_for(both)), "second");
    both["egress"]["outputs"][0]["storage"] = store("first");
    EXPECT_EQ(bucket_of(asked_for(both)), "first");
}

struct TypeRow {
    const char *name, *path, *type, *codec;
    Container container;
    AudioCodec expected;
};

TEST(RequestedType, IsSaidByTypeNameOrCodec) {
    const TypeRow rows[] = {
        {"nothing", "x", "DEFAULT_FILETYPE", "DEFAULT_AC", Container::Ogg, AudioCodec::Opus},
        {"aac", "x", "DEFAULT_FILETYPE", "AAC", Container::Mp4, AudioCodec::Aac},
        {"mp3 codec", "x", "DEFAULT_FILETYPE", "AC_MP3", Container::Mp3, AudioCodec::Mp3},
        {"mp3 type", "x", "MP3", "DEFAULT_AC", Container::Mp3, AudioCodec::Mp3},
        {"opus in mp4", "x", "MP4", "OPUS", Container::Mp4, AudioCodec::Opus},
        {"wav name", "x.wav", "DEFAULT_FILETYPE", "DEFAULT_AC", Container::Wav, AudioCodec::Pcm},
        {"flac name",
         "x.flac",
         "DEFAULT_FILETYPE",
         "DEFAULT_AC",
         Container::Flac,
         AudioCodec::Flac},
        {"type beats name", "x.wav", "OGG", "DEFAULT_AC", Container::Ogg, AudioCodec::Opus},
    };
    for (const TypeRow& row : rows) {
        json file = {{"filepath", row.path}, {"file_type", row.type}};
        const auto request = asked_for(
            participant({{"file_outputs", {file}}, {"advanced", {{"audio_codec", row.codec}}}})
        );
        EXPECT_EQ(request.encoding.container, row.container) << row.name;
        EXPECT_EQ(request.encoding.codec, row.expected) << row.name;
    }
}

TEST(RequestedType, RefusesWhatDoesNotGoTogether) {
    const auto of = [](const char* type, const json& options) {
        return refusal_of(participant(
            {{"file_outputs", {{{"filepath", "x"}, {"file_type", type}}}}, {"advanced", options}}
        ));
    };
    EXPECT_THAT(of("OGG", {{"audio_codec", "AAC"}}), HasSubstr("AAC is incompatible"));
    EXPECT_THAT(of("MP3", {{"audio_codec", "OPUS"}}), HasSubstr("OPUS is incompatible"));
    EXPECT_THAT(of("MP4", {{"audio_codec", "AC_MP3"}}), HasSubstr("AC_MP3 is incompatible"));
    EXPECT_THAT(of("OGG", {{"audio_frequency", 44100}}), HasSubstr("Opus takes 48000"));
    EXPECT_THAT(of("MP3", {{"audio_frequency", 5000}}), HasSubstr("audio_frequency 5000"));
}

TEST(WebRequest, IsRefused) {
    EXPECT_THAT(refusal_of({{"web", {{"url", "https://x"}}}}), HasSubstr("web page"));
    EXPECT_THAT(refusal_of(json::object()), HasSubstr("request"));
}

/// What was asked is told again, whichever kind it was, without its secrets.
TEST(Echo, IsOfTheKindThatWasAsked) {
    const json store = {{"bucket", "b"}, {"access_key", "AKIA"}, {"secret", "hidden"}};
    json file = kFile;
    file["s3"] = store;
    const auto request = asked_for(participant({{"file_outputs", {file}}}));
    records::Recording recording;
    recording.request_json = echo_to_json(request.echo);
    EXPECT_THAT(recording.request_json, ::testing::Not(HasSubstr("hidden")));
    const livekit::EgressInfo info = to_egress_info(recording);
    EXPECT_EQ(info.participant().identity(), "ann");
    EXPECT_EQ(info.participant().file_outputs(0).s3().secret(), "{secret}");
}

TEST(Echo, OfAnOlderRecordIsARoomComposite) {
    records::Recording recording;
    recording.request_json = R"({"roomName":"camille","audioOnly":true})";
    const livekit::EgressInfo info = to_egress_info(recording);
    EXPECT_EQ(info.room_composite().room_name(), "camille");
    EXPECT_TRUE(info.room_composite().audio_only());
}

}  // namespace
}  // namespace aircheck::control
