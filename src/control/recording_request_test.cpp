#include "control/recording_request.hpp"

#include "control/recording_request_testing.hpp"

#include <gmock/gmock.h>

namespace aircheck::control {
namespace {

using nlohmann::json;
using testing::accepted;
using testing::advanced;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::output;
using testing::request_of;
using testing::s3;
using testing::sent;
using testing::with_options;

TEST(CheckRequest, TakesWhatTheGuidesSend) {
    const auto request = accepted(sent());
    EXPECT_EQ(request.room_name, "camille");
    EXPECT_EQ(request.origin, "api");
    EXPECT_EQ(request.mixing, recorder::Mixing::Default);
    EXPECT_EQ(request.filepath, "recordings/{room_name}-{time}.mp4");
    EXPECT_EQ(request.encoding.container, recorder::Container::Mp4);
    EXPECT_EQ(request.encoding.codec, recorder::AudioCodec::Aac);
    EXPECT_EQ(request.encoding.channels, 1);
    EXPECT_EQ(request.encoding.bitrate_bps, 48'000U);
    EXPECT_EQ(request.encoding.sample_rate_hz, 48'000U);
    const auto& store = std::get<storage::S3Destination>(request.destination);
    EXPECT_EQ(store.access_key, "AKIA");
    EXPECT_EQ(store.secret, "hidden");
    EXPECT_EQ(store.region, "eu-west-1");
    EXPECT_EQ(store.bucket, "calls");
    EXPECT_EQ(store.addressing, storage::S3Destination::Addressing::Auto);
    EXPECT_EQ(store.reach, storage::S3Destination::Reach::Any);
    EXPECT_THAT(request.warnings, IsEmpty());
    EXPECT_THAT(request.receivers, IsEmpty());
    EXPECT_THAT(request.echo, Not(HasSubstr("hidden")));
    EXPECT_THAT(request.echo, HasSubstr("{secret}"));
    EXPECT_THAT(request.echo, HasSubstr("calls"));
}

struct RefusedRow {
    std::string name;
    json fields;
    std::string says;
    friend void PrintTo(const RefusedRow& row, std::ostream* out) { *out << row.name; }
};
class Refused : public ::testing::TestWithParam<RefusedRow> {};

TEST_P(Refused, ByName) {
    const auto answer = check_request(request_of(GetParam().fields), {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "invalid_argument");  // SDKs retry a 501
    EXPECT_THAT(answer.error().message, HasSubstr(GetParam().says));
    EXPECT_THAT(answer.error().message, Not(HasSubstr("hidden")));
}

INSTANTIATE_TEST_SUITE_P(
    Fields,
    Refused,
    ::testing::Values(
        RefusedRow{"NoRoom", sent({{"room_name", ""}}), "room_name"},
        RefusedRow{"Video", sent({{"audio_only", false}}), "video"},
        RefusedRow{"VideoOnly", sent({{"video_only", true}}), "video_only"},
        RefusedRow{"WebPage", sent({{"custom_base_url", "https://x"}}), "custom_base_url"},
        RefusedRow{
            "Streams",
            sent({{"stream_outputs", {{{"urls", {"rtmp://x/hidden"}}}}}}),
            "rtmp urls must be of format"},
        RefusedRow{"OldStream", sent({{"stream", {{"urls", {"http://x/y"}}}}}), "invalid scheme"},
        RefusedRow{
            "WebSocketScheme",
            sent({{"stream", {{"protocol", "WEBSOCKET"}, {"urls", {"http://x/y"}}}}}),
            "invalid scheme"},
        RefusedRow{
            "TwoOfSegments",
            sent({{"segment_outputs", json::array({json::object(), json::object()})}}),
            "multiple segmented file outputs"},
        RefusedRow{
            "LongSegments",
            sent({{"segment_outputs", {{{"segment_duration", 301}}}}}),
            "segment_duration 301"},
        RefusedRow{
            "LivePlaylistElsewhere",
            sent(
                {{"segment_outputs",
                  {{{"playlist_name", "a/list"}, {"live_playlist_name", "b/live"}}}}}
            ),
            "same directory"},
        RefusedRow{
            "Images", sent({{"image_outputs", {{{"filename_prefix", "x"}}}}}), "image_outputs"},
        RefusedRow{"NoOutput", sent({{"file_outputs", json::array()}}), "output"},
        RefusedRow{
            "TwoFiles",
            sent({{"file_outputs", json::array({json::object(), json::object()})}}),
            "multiple file outputs"},
        RefusedRow{
            "Mp3CodecInMp4", sent(advanced({{"audio_codec", "AC_MP3"}})), "codec AC_MP3 is incom"},
        RefusedRow{"UnknownMixing", sent({{"audio_mixing", 9}}), "audio_mixing: 9"},
        RefusedRow{
            "UnknownFileType", sent(output({{"file_type", 42}})), "file_outputs[0].file_type: 42"},
        RefusedRow{"UnknownPreset", sent({{"preset", 77}}), "preset: 77"},
        RefusedRow{
            "AacInOgg",
            [] {
                json fields = sent(output({{"file_type", "OGG"}}));
                fields.update(advanced({{"audio_codec", "AAC"}}));
                return fields;
            }(),
            "AAC is incompatible with file type OGG"},
        RefusedRow{"BitrateTooLow", sent(advanced({{"audio_bitrate", 5}})), "audio_bitrate 5"},
        RefusedRow{"BitrateTooHigh", sent(advanced({{"audio_bitrate", 513}})), "audio_bitrate 513"},
        RefusedRow{
            "BitrateInBits",
            sent(advanced({{"audio_bitrate", 128000}})),
            "audio_bitrate 128000 kbit/s is outside 6 to 512"},
        RefusedRow{
            "BitrateNegative", sent(advanced({{"audio_bitrate", -64}})), "audio_bitrate -64"},
        RefusedRow{"RateNegative", sent(advanced({{"audio_frequency", -1}})), "audio_frequency"},
        RefusedRow{
            "RateNotOfAac", sent(advanced({{"audio_frequency", 47999}})), "audio_frequency 47999"},
        RefusedRow{
            "RateNotOfOpus",
            sent(advanced({{"audio_frequency", 44100}, {"audio_codec", "OPUS"}})),
            "44100: Opus takes 48000"},
        RefusedRow{"NoBucket", sent(s3({{"bucket", ""}})), "s3.bucket"},
        RefusedRow{
            "ExternalIdOfNoRole",
            sent(s3({{"assume_role_external_id", "x"}})),
            "assume_role_external_id"},
        RefusedRow{"KeyWithoutSecret", sent(s3({{"secret", ""}})), "s3.access_key and s3.secret"},
        RefusedRow{
            "SecretWithoutKey", sent(s3({{"access_key", ""}})), "s3.access_key and s3.secret"},
        RefusedRow{
            "NoKeysAtAll", sent(s3({{"access_key", ""}, {"secret", ""}})), "s3: no access_key"},
        RefusedRow{
            "Webhook", sent({{"webhooks", {{{"url", "ftp://x/?token=hidden"}}}}}), "webhooks"},
        RefusedRow{
            "TooManyWebhooks",
            sent({{"webhooks", json::array_t(17, json{{"url", "https://x"}})}}),
            "16 webhooks"}
    ),
    [](const auto& row) { return row.param.name; }
);

struct EncodingRow {
    std::string name;
    json fields;
    recorder::Encoding expected;
    friend void PrintTo(const EncodingRow& row, std::ostream* out) { *out << row.name; }
};
class RequestEncoding : public ::testing::TestWithParam<EncodingRow> {};

TEST_P(RequestEncoding, IsToTheLetter) {
    const auto encoding = accepted(GetParam().fields).encoding;
    const recorder::Encoding& expected = GetParam().expected;
    EXPECT_EQ(encoding.container, expected.container);
    EXPECT_EQ(encoding.codec, expected.codec);
    EXPECT_EQ(encoding.channels, expected.channels);
    EXPECT_EQ(encoding.bitrate_bps, expected.bitrate_bps);
    EXPECT_EQ(encoding.sample_rate_hz, expected.sample_rate_hz);
}

constexpr auto kMp4 = recorder::Container::Mp4;
constexpr auto kOgg = recorder::Container::Ogg;
constexpr auto kAac = recorder::AudioCodec::Aac;
constexpr auto kOpus = recorder::AudioCodec::Opus;

INSTANTIATE_TEST_SUITE_P(
    Options,
    RequestEncoding,
    ::testing::Values(
        EncodingRow{"Mp4", sent(), {kMp4, kAac, 1, 48'000, 48'000}},
        EncodingRow{"Ogg", sent(output({{"file_type", "OGG"}})), {kOgg, kOpus, 1, 48'000, 48'000}},
        EncodingRow{
            "ByName",
            sent(output({{"file_type", "DEFAULT_FILETYPE"}})),
            {kMp4, kAac, 1, 48'000, 48'000}},
        EncodingRow{
            "DefaultOfSound",
            sent(output({{"file_type", "DEFAULT_FILETYPE"}, {"filepath", "calls/"}})),
            {kOgg, kOpus, 1, 48'000, 48'000}},
        EncodingRow{
            "DefaultOfAac",
            with_options(
                sent(output({{"file_type", "DEFAULT_FILETYPE"}, {"filepath", ""}})),
                {{"audio_codec", "AAC"}}
            ),
            {kMp4, kAac, 1, 48'000, 48'000}},
        EncodingRow{
            "OpusInMp4",
            sent(advanced({{"audio_codec", "OPUS"}})),
            {kMp4, kOpus, 1, 48'000, 48'000}},
        EncodingRow{
            "Bitrate", sent(advanced({{"audio_bitrate", 128}})), {kMp4, kAac, 1, 128'000, 48'000}},
        EncodingRow{
            "Rate", sent(advanced({{"audio_frequency", 44100}})), {kMp4, kAac, 1, 48'000, 44'100}},
        EncodingRow{
            "Agents",
            sent({{"audio_mixing", "DUAL_CHANNEL_AGENT"}}),
            {kMp4, kAac, 2, 96'000, 48'000}},
        EncodingRow{
            "AlternateWithBitrate",
            with_options(
                sent({{"audio_mixing", "DUAL_CHANNEL_ALTERNATE"}}), {{"audio_bitrate", 64}}
            ),
            {kMp4, kAac, 2, 64'000, 48'000}}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(CheckRequest, NamesWhatHasNoMeaningHere) {
    const json fields = with_options(
        sent({{"layout", "grid"}}),
        {{"width", 1},
         {"height", 1},
         {"depth", 1},
         {"framerate", 1},
         {"video_codec", "H264_BASELINE"},
         {"video_bitrate", 1},
         {"key_frame_interval", 1},
         {"audio_quality", 1},
         {"video_quality", 1}}
    );
    EXPECT_THAT(
        accepted(fields).warnings,
        ElementsAre(
            HasSubstr("layout"),
            "advanced.width",
            "advanced.height",
            "advanced.depth",
            "advanced.framerate",
            "advanced.video_codec",
            "advanced.video_bitrate",
            "advanced.key_frame_interval",
            "advanced.audio_quality",
            "advanced.video_quality"
        )
    );
    EXPECT_THAT(
        accepted(sent({{"preset", "H264_1080P_30"}})).warnings, ElementsAre(HasSubstr("preset"))
    );
}

TEST(CheckRequest, TakesItsWebhooks) {
    const auto request = accepted(sent(
        {{"webhooks",
          {{{"url", "https://crm.example/hook?token=t"},
            {"signing_key", "devkey"},
            {"filter_params",
             {{"include_events", {"egress_ended"}}, {"exclude_events", {"egress_started"}}}}},
           {{"url", "http://other.example"}}}}}
    ));
    ASSERT_EQ(request.receivers.size(), 2U);
    EXPECT_EQ(request.receivers[0].url, "https://crm.example/hook?token=t");
    EXPECT_EQ(request.receivers[0].signing_key, "devkey");
    EXPECT_THAT(request.receivers[0].include_events, ElementsAre("egress_ended"));
    EXPECT_THAT(request.receivers[0].exclude_events, ElementsAre("egress_started"));
    EXPECT_EQ(request.receivers[1].url, "http://other.example");
    EXPECT_THAT(request.echo, Not(HasSubstr("token=t")));
}

TEST(DefaultEncoding, FollowsTheConfiguration) {
    RecordingDefaults defaults;
    defaults.channels = 2;
    defaults.bitrate_bps = 64'000;  // said of two channels
    for (const auto mixing : {recorder::Mixing::Default, recorder::Mixing::DualChannelAgent}) {
        const auto encoding = default_encoding(defaults, mixing, kMp4);
        EXPECT_EQ(encoding.channels, 2);
        EXPECT_EQ(encoding.bitrate_bps, 64'000U);
    }
}

TEST(MakeEcho, StandsForARequestThatWasNone) {
    RecordingRequest request;
    request.room_name = "camille";
    request.mixing = recorder::Mixing::DualChannelAlternate;
    request.filepath = "a.mp4";
    storage::S3Destination store;
    store.bucket = "calls";
    store.access_key = "AKIA";
    store.secret = "hidden";
    store.proxy = "http://u:hidden@proxy";
    request.destination = store;
    livekit::EgressInfo asked;
    ASSERT_TRUE(asked.ParseFromString(make_echo(request)));
    const livekit::RoomCompositeEgressRequest& echo = asked.room_composite();
    EXPECT_EQ(echo.room_name(), "camille");
    EXPECT_TRUE(echo.audio_only());
    EXPECT_EQ(echo.audio_mixing(), livekit::DUAL_CHANNEL_ALTERNATE);
    ASSERT_EQ(echo.file_outputs_size(), 1);
    EXPECT_EQ(echo.file_outputs(0).filepath(), "a.mp4");
    EXPECT_EQ(echo.file_outputs(0).file_type(), livekit::MP4);
    EXPECT_EQ(echo.file_outputs(0).s3().bucket(), "calls");
    EXPECT_EQ(echo.file().filepath(), "a.mp4");
    EXPECT_THAT(echo.SerializeAsString(), Not(HasSubstr("hidden")));
    // It is a request that we would take.
    RecordingDefaults defaults;
    EXPECT_TRUE(check_request(echo, defaults));
}

TEST(RecordingRequest, MakesSegmentsBesideAFileOfTheSameEncode) {
    json fields = sent(output({{"file_type", "DEFAULT_FILETYPE"}, {"filepath", "calls/"}}));
    fields["segment_outputs"] = {
        {{"filename_prefix", "hls/part"},
         {"playlist_name", "all"},
         {"filename_suffix", "TIMESTAMP"},
         {"segment_duration", 6}}};
    const RecordingRequest both = accepted(fields);
    EXPECT_TRUE(both.makes_file);
    EXPECT_EQ(both.encoding.container, recorder::Container::Mp4);
    ASSERT_TRUE(both.segments);
    EXPECT_EQ(both.segments->encoding.codec, recorder::AudioCodec::Aac);
    EXPECT_EQ(both.segments->encoding.bitrate_bps, both.encoding.bitrate_bps);
    EXPECT_EQ(both.segments->duration, 6s);
    EXPECT_EQ(both.segments->suffix, recorder::SegmentOutput::Suffix::Timestamp);
    EXPECT_EQ(both.segments->prefix, "hls/part");

    fields.erase("file_outputs");
    fields.erase("file");
    const RecordingRequest alone = accepted(fields);
    EXPECT_FALSE(alone.makes_file);
    ASSERT_TRUE(alone.segments);
    fields["advanced"] = {{"audio_codec", "OPUS"}};
    EXPECT_FALSE(check_request(request_of(fields), {}));
}

}  // namespace
}  // namespace aircheck::control
