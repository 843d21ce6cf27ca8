#include "api/auth.hpp"
#include "api/byte_range.hpp"
#include "api/http_answers.hpp"
#include "api/recording_body.hpp"
#include "net/crypto.hpp"
#include "net/jwt.hpp"

#include <gtest/gtest.h>

namespace aircheck::api {
namespace {

struct RangeRow {
    std::string name, header;
    std::uint64_t size;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> expected;  // offset, length
    friend void PrintTo(const RangeRow& row, std::ostream* out) { *out << row.name; }
};

class Range : public testing::TestWithParam<RangeRow> {};

TEST_P(Range, IsRfc9110s) {
    const auto range = parse_byte_range(GetParam().header, GetParam().size);
    ASSERT_EQ(range.has_value(), GetParam().expected.has_value());
    if (range) {
        EXPECT_EQ(range->offset, GetParam().expected->first);
        EXPECT_EQ(range->length, GetParam().expected->second);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    Range,
    testing::Values(
        RangeRow{"None", "", 100, {{0, 100}}},
        RangeRow{"First", "bytes=0-9", 100, {{0, 10}}},
        RangeRow{"Open", "bytes=90-", 100, {{90, 10}}},
        RangeRow{"Suffix", "bytes=-5", 100, {{95, 5}}},
        RangeRow{"LongSuffix", "bytes=-500", 100, {{0, 100}}},
        RangeRow{"PastEnd", "bytes=50-500", 100, {{50, 50}}},
        RangeRow{"Outside", "bytes=100-", 100, {}},
        RangeRow{"Backwards", "bytes=9-3", 100, {}},
        RangeRow{"Several", "bytes=0-1,5-6", 100, {{0, 100}}},
        RangeRow{"Nonsense", "bytes=a-b", 100, {{0, 100}}},
        RangeRow{"ZeroSuffix", "bytes=-0", 100, {}}
    ),
    [](const auto& row) { return row.param.name; }
);

const WallTime kNow = WallTime(std::chrono::seconds(1'800'000'000));

std::string livekit_token(const std::string& video, const std::string& secret = "secret") {
    return net::sign_jwt(
        R"({"iss":"key","exp":1800000600,"nbf":1800000000,"video":)" + video + "}", secret
    );
}

AuthOptions auth_options() {
    AuthOptions options;
    options.api_keys["key"] = "secret";
    options.tokens.push_back(
        {"crm", to_hex(net::sha256(as_bytes("hunter2hunter2"))), false, true, false}
    );
    return options;
}

TEST(Auth, GrantsAreRead) {
    const auto record =
        authenticate("Bearer " + livekit_token(R"({"roomRecord":true})"), auth_options(), kNow);
    ASSERT_TRUE(record);
    EXPECT_TRUE(record->may_record);
    EXPECT_TRUE(record->may_read);
    const auto list =
        authenticate("Bearer " + livekit_token(R"({"roomList":true})"), auth_options(), kNow);
    ASSERT_TRUE(list);
    EXPECT_FALSE(list->may_record);
    EXPECT_TRUE(list->may_read);
    const auto join =
        authenticate("Bearer " + livekit_token(R"({"roomJoin":true})"), auth_options(), kNow);
    ASSERT_TRUE(join);
    EXPECT_FALSE(join->may_read);
}

TEST(Auth, ATokenOfOneRoomSeesThatRoom) {
    const auto seer = [](const std::string& video) {
        return authenticate("Bearer " + livekit_token(video), auth_options(), kNow).value();
    };
    const Access one = seer(R"({"roomAdmin":true,"room":"camille"})");
    EXPECT_TRUE(one.may_read);
    EXPECT_TRUE(one.may_see("camille"));
    EXPECT_FALSE(one.may_see("camille2"));
    EXPECT_FALSE(one.may_see(""));
    EXPECT_TRUE(seer(R"({"roomList":true,"room":""})").may_see("camille"));
    EXPECT_TRUE(seer(R"({"roomList":true})").may_see("camille"));
    const auto own = authenticate("Bearer hunter2hunter2", auth_options(), kNow).value();
    EXPECT_TRUE(own.may_see("camille"));
}

TEST(Auth, StrangersAreNobody) {
    for (const std::string& header :
         {std::string(),
          std::string("Bearer "),
          std::string("Bearer nonsense"),
          "Bearer " + livekit_token(R"({"roomRecord":true})", "other"),
          std::string("Bearer hunter2hunter3")}) {
        const auto access = authenticate(header, auth_options(), kNow);
        ASSERT_FALSE(access) << header;
        EXPECT_EQ(access.error().code, Errc::PermissionDenied);
    }
    const auto late = authenticate(
        "Bearer " + livekit_token(R"({"roomRecord":true})"),
        auth_options(),
        kNow + std::chrono::hours(1)
    );
    EXPECT_FALSE(late);
}

TEST(Auth, StaticTokensHaveTheirScopes) {
    const auto access = authenticate("Bearer hunter2hunter2", auth_options(), kNow);
    ASSERT_TRUE(access);
    EXPECT_EQ(access->caller, "crm");
    EXPECT_TRUE(access->may_read);
    EXPECT_FALSE(access->may_record);
}

control::RecordingDefaults defaults() {
    control::RecordingDefaults all;
    all.destination = storage::LocalDestination{"/tmp/x"};
    return all;
}

TEST(RecordingBody, SaysWhatLiveKitsMessagesCannot) {
    const auto request = parse_recording_body(
        R"({"room_name":"r","audio_mixing":"dual_channel_agent","end_when":"last_human_left",
            "end_grace":"3s","max_duration":"1h","metadata":{"crm":7},
            "outputs":[{"file_type":"mp4","filepath":"a/{room_name}.mp4"}]})",
        defaults()
    );
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->room_name, "r");
    EXPECT_EQ(request->mixing, recorder::Mixing::DualChannelAgent);
    EXPECT_EQ(request->encoding.channels, 2);
    EXPECT_TRUE(request->end.last_human_left);
    EXPECT_EQ(request->end.end_grace, 3s);
    EXPECT_EQ(request->end.max_duration, Nanoseconds(std::chrono::hours(1)));
    EXPECT_EQ(request->metadata_json, R"({"crm":7})");
    EXPECT_EQ(request->filepath, "a/{room_name}.mp4");
}

TEST(RecordingBody, AsksForWavAt16Kilohertz) {
    const auto request = parse_recording_body(
        R"({"room_name":"r","outputs":[{"file_type":"wav","filepath":"calls/","sample_rate":16000,
            "channels":1}]})",
        defaults()
    );
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->encoding.container, recorder::Container::Wav);
    EXPECT_EQ(request->encoding.codec, recorder::AudioCodec::Pcm);
    EXPECT_EQ(request->encoding.sample_rate_hz, 16'000U);
    EXPECT_EQ(request->encoding.channels, 1);
    EXPECT_EQ(request->filepath, "calls/{room_name}-{time}.wav");
}

TEST(RecordingBody, TakesNamesInCapitals) {
    const auto request = parse_recording_body(
        R"({"room_name":"r","outputs":[{"file_type":"wav","filepath":"E.WAV"}]})", defaults()
    );
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->encoding.container, recorder::Container::Wav);
    EXPECT_EQ(request->filepath, "E.WAV");
}

TEST(RecordingBody, TakesTrackFilesAndAManifest) {
    const auto plain = parse_recording_body(R"({"room_name":"r"})", defaults());
    ASSERT_TRUE(plain) << plain.error().message;
    EXPECT_FALSE(plain->track_files);
    EXPECT_TRUE(plain->writes_manifest);
    const auto request = parse_recording_body(
        R"({"room_name":"r","track_files":true,"track_filepath":"t/{track_id}",)"
        R"("outputs":[{"disable_manifest":true}]})",
        defaults()
    );
    ASSERT_TRUE(request) << request.error().message;
    ASSERT_TRUE(request->track_files);
    EXPECT_EQ(request->track_files->filepath, "t/{track_id}");
    EXPECT_FALSE(request->writes_manifest);
}

TEST(RecordingBody, RefusesByName) {
    const std::pair<std::string, std::string> rows[] = {
        {R"([])", "JSON object"},
        {R"({"audio_only":true})", "room_name"},
        {R"({"room_name":"r","colour":1})", "colour"},
        {R"({"room_name":"r","audio_only":false})", "video"},
        {R"({"room_name":"r","track_files":1})", "track_files"},
        {R"({"room_name":"r","track_filepath":"{track_id}"})", "track_files"},
        {R"({"room_name":"r","track_files":true,"track_filepath":"a"})", "{track_id}"},
        {R"({"room_name":"r","outputs":[{"disable_manifest":"no"}]})", "disable_manifest"},
        {R"({"room_name":"r","end_when":"never"})", "end_when"},
        {R"({"room_name":"r","max_duration":"soon"})", "max_duration"},
        {R"({"room_name":"r","outputs":[{"file_type":"webm"}]})", "'outputs[0].file_type' 'webm'"},
        {R"({"room_name":"r","outputs":[{"file_type":1}]})", "'outputs[0].file_type' is no text"},
        {R"({"room_name":"r","outputs":[{"file_type":""}]})", "'outputs[0].file_type'"},
        {R"({"room_name":"r","outputs":[{"file_type":"x.mp4"}]})", "'outputs[0].file_type'"},
        {R"({"room_name":"r","outputs":[{"channels":3}]})", "channels"},
        {R"({"room_name":"r","outputs":[{"channels":0}]})", "channels"},
        {R"({"room_name":"r","audio_mixing":"dual_channel_agent","outputs":[{"channels":1}]})",
         "two channels"},
        {R"({"room_name":"r","outputs":[{"sample_rate":"16k"}]})", "sample_rate"},
        {R"({"room_name":"r","outputs":[{"file_type":"wav","sample_rate":12345}]})",
         "outputs[0].sample_rate 12345"},
        {R"({"room_name":"r","outputs":[{"bitrate":9000}]})", "outputs[0].bitrate 9000"},
        {R"({"room_name":"r","outputs":[{"bitrate":0.5}]})", "bitrate"},
        {R"({"room_name":"r","outputs":[{"gcp":{}}]})", "gcp"},
        {R"({"room_name":"r","outputs":[{},{}]})", "several"},
        {R"({"room_name":"r","outputs":[{"s3":{"bucket":"b","colour":"red","access_key":"a","secret":"s"}}]})",
         "'outputs[0].s3.colour'"},
        {R"({"room_name":"r","outputs":[{"filepath":7}]})", "outputs[0].filepath"},
        {R"({"room_name":"r","outputs":[{"s3":{"bucket":7}}]})", "outputs[0].s3.bucket"},
    };
    for (const auto& [body, word] : rows) {
        const auto request = parse_recording_body(body, defaults());
        ASSERT_FALSE(request) << body;
        const std::string& message = request.error().message;
        EXPECT_NE(message.find(word), std::string::npos) << message;
        EXPECT_EQ(message.find("file_outputs"), std::string::npos) << message;
        EXPECT_EQ(message.find("advanced"), std::string::npos) << message;
    }
}

TEST(RecordingBody, ReplacesAnExtensionThatIsWrong) {
    const auto request = parse_recording_body(
        R"({"room_name":"r","outputs":[{"file_type":"flac","filepath":"a.mp4"}]})", defaults()
    );
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->encoding.container, recorder::Container::Flac);
    EXPECT_EQ(request->filepath, "a.flac");
}

TEST(RecordingBody, TakesTheTypeFromTheNameElseMp4) {
    const std::pair<std::string, recorder::Container> rows[] = {
        {R"({"room_name":"r"})", recorder::Container::Mp4},
        {R"({"room_name":"r","outputs":[{}]})", recorder::Container::Mp4},
        {R"({"room_name":"r","outputs":[{"filepath":"calls/"}]})", recorder::Container::Mp4},
        {R"({"room_name":"r","outputs":[{"filepath":"a.ogg"}]})", recorder::Container::Ogg},
        {R"({"room_name":"r","outputs":[{"filepath":"a.MP3"}]})", recorder::Container::Mp3},
        {R"({"room_name":"r","outputs":[{"filepath":"a.wav"}]})", recorder::Container::Wav},
        {R"({"room_name":"r","outputs":[{"filepath":"a.flac"}]})", recorder::Container::Flac},
        {R"({"room_name":"r","outputs":[{"filepath":"a.mp4","file_type":"Ogg"}]})",
         recorder::Container::Ogg},
    };
    for (const auto& [body, container] : rows) {
        const auto request = parse_recording_body(body, defaults());
        ASSERT_TRUE(request) << request.error().message;
        EXPECT_EQ(request->encoding.container, container) << body;
    }
}

struct RefusalRow {
    int status;
    std::string target, reason, content_type, body;
};

TEST(Refusal, IsWrittenAsErrorsThereAre) {
    const RefusalRow rows[] = {
        {413,
         "/api/v1/recordings",
         "body limit exceeded",
         "application/problem+json",
         R"({"detail":"the body is larger than 10 MiB","status":413,"title":"Content Too Large","type":"about:blank"})"},
        {413,
         "/twirp/livekit.Egress/ListEgress",
         "body limit exceeded",
         "application/json",
         R"({"code":"invalid_argument","msg":"the body is larger than 10 MiB"})"},
        {400,
         "/prefix/twirp/livekit.Egress/ListEgress",
         "bad field",
         "application/json",
         R"({"code":"malformed","msg":"bad field"})"},
        {431,
         "",
         "header limit exceeded",
         "application/problem+json",
         R"({"detail":"header limit exceeded","status":431,"title":"Request Header Fields Too Large","type":"about:blank"})"},
    };
    for (const RefusalRow& row : rows) {
        const auto answer = refusal(row.status, row.target, row.reason);
        EXPECT_EQ(answer.status, row.status) << row.target;
        EXPECT_EQ(answer.headers.get("Content-Type"), row.content_type) << row.target;
        EXPECT_EQ(answer.body, row.body) << row.target;
    }
}

}  // namespace
}  // namespace aircheck::api
