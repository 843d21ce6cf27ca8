#include "control/stream_requests.hpp"

#include "control/egress_info.hpp"
#include "control/recording_request_testing.hpp"
#include "control/stream_news.hpp"
#include "proto/livekit_egress.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using State = records::StoredStream::State;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

livekit::RoomCompositeEgressRequest room_request() {
    livekit::RoomCompositeEgressRequest request;
    request.set_room_name("camille");
    request.set_audio_only(true);
    return request;
}

Answer<RecordingRequest> checked(const livekit::RoomCompositeEgressRequest& request) {
    RecordingDefaults defaults;
    defaults.session_limit = std::chrono::hours(3);
    defaults.stream_session_limit = std::chrono::hours(1);
    return check_request(request, defaults);
}

TEST(StreamRequest, AloneMakesNoFile) {
    auto request = room_request();
    auto& stream = *request.add_stream_outputs();
    stream.set_protocol(livekit::RTMP);
    stream.add_urls("rtmp://h.example/live/a-long-stream-key");
    stream.add_urls("mux://another-long-key");
    const auto out = checked(request);
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_FALSE(out->makes_file);
    ASSERT_TRUE(out->stream);
    EXPECT_EQ(out->stream->protocol, streams::Protocol::Rtmp);
    ASSERT_EQ(out->stream->targets.size(), 2U);
    EXPECT_EQ(out->stream->targets[0].url, "rtmp://h.example/live/a-long-stream-key");
    EXPECT_EQ(out->stream->targets[0].shown, "rtmp://h.example/live/{a-l...key}");
    EXPECT_EQ(out->stream->targets[1].shown, "rtmps://global-live.mux.com:443/app/{ano...key}");
    EXPECT_EQ(out->stream->encoding.codec, recorder::AudioCodec::Aac);
    EXPECT_EQ(out->stream->encoding.sample_rate_hz, 48000U);
    EXPECT_EQ(out->end.session_limit, std::chrono::hours(1));
    EXPECT_THAT(out->echo, Not(HasSubstr("a-long-stream-key")));
}

TEST(StreamRequest, AWebSocketIsSentPcm) {
    auto request = room_request();
    auto& stream = *request.add_stream_outputs();
    stream.set_protocol(livekit::WEBSOCKET);
    stream.add_urls("wss://h.example/sound?key=a-long-key");
    const auto alone = checked(request);
    ASSERT_TRUE(alone) << alone.error().message;
    ASSERT_TRUE(alone->stream);
    EXPECT_EQ(alone->stream->protocol, streams::Protocol::WebSocket);
    EXPECT_EQ(alone->stream->encoding.codec, recorder::AudioCodec::Pcm);
    EXPECT_EQ(alone->stream->encoding.channels, 2U);
    EXPECT_EQ(alone->encoding.channels, 2U);
    EXPECT_THAT(alone->stream->targets.at(0).shown, Not(HasSubstr("a-long-key")));

    request.add_file_outputs()->set_filepath("a.mp3");
    request.mutable_advanced()->set_audio_codec(livekit::AC_MP3);
    request.mutable_advanced()->set_audio_frequency(16'000);
    const auto beside = checked(request);
    ASSERT_TRUE(beside) << beside.error().message;
    EXPECT_EQ(beside->encoding.sample_rate_hz, 16'000U);
    EXPECT_EQ(beside->stream->encoding.sample_rate_hz, 48'000U);
    EXPECT_EQ(beside->stream->encoding.channels, beside->encoding.channels);
}

TEST(StreamRequest, AWebSocketTakesNoOtherCodecOrRate) {
    auto request = room_request();
    request.add_stream_outputs()->add_urls("ws://h.example/sound");
    request.mutable_advanced()->set_audio_frequency(16'000);
    EXPECT_THAT(checked(request).error().message, HasSubstr("16000"));
    request.mutable_advanced()->set_audio_frequency(48'000);
    EXPECT_TRUE(checked(request));
    request.mutable_advanced()->set_audio_codec(livekit::OPUS);
    EXPECT_THAT(checked(request).error().message, HasSubstr("OPUS"));
    request.mutable_advanced()->clear_audio_codec();
    request.mutable_stream_outputs(0)->set_urls(0, "ws://user:word@h.example/sound");
    EXPECT_THAT(checked(request).error().message, HasSubstr("no user name"));
}

TEST(StreamRequest, BesideAFileOneEncodeDoesForBoth) {
    auto request = room_request();
    request.add_file_outputs()->set_filepath("a");
    request.add_stream_outputs()->add_urls("srt://h.example:9000");
    const auto out = checked(request);
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_TRUE(out->makes_file);
    EXPECT_EQ(out->encoding.container, recorder::Container::Mp4);
    EXPECT_EQ(out->encoding.codec, recorder::AudioCodec::Aac);
    EXPECT_EQ(out->stream->protocol, streams::Protocol::Srt) << "by the scheme";
    EXPECT_EQ(out->end.session_limit, std::chrono::hours(1)) << "the smallest counts";
}

TEST(StreamRequest, AnEmptyListIsAPlaceBesideAFile) {
    auto request = room_request();
    request.add_stream_outputs()->set_protocol(livekit::RTMP);
    const auto alone = checked(request);
    ASSERT_FALSE(alone);
    EXPECT_THAT(alone.error().message, HasSubstr("missing or invalid field: stream url"));
    request.add_file_outputs()->set_filepath("a.mp4");
    const auto beside = checked(request);
    ASSERT_TRUE(beside);
    EXPECT_TRUE(beside->stream->targets.empty());
}

TEST(StreamRequest, OfV2NamesItsDestinations) {
    livekit::StartEgressRequest request;
    request.set_room_name("camille");
    request.mutable_template_()->set_audio_only(true);
    auto& destination = *request.add_outputs()->mutable_stream()->add_destinations();
    destination.set_id("main");
    destination.set_url("rtmp://h.example/live/key");
    const auto out = check_request(request, {});
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(out->stream->targets.at(0).id, "main");
}

TEST(StreamRequest, RefusesByName) {
    const auto message_of = [](auto change) {
        auto request = room_request();
        change(request);
        const auto out = checked(request);
        return out ? std::string("taken") : out.error().code + ": " + out.error().message;
    };
    EXPECT_EQ(
        message_of([](auto& r) { r.add_stream_outputs()->add_urls("rtmp://h/secret-key"); }),
        "invalid_argument: invalid url rtmp://h/{sec...key}: rtmp urls must be of format "
        "rtmp(s)://{host}(/{path})/{app}/{stream_key}( live=1)"
    );
    EXPECT_THAT(
        message_of([](auto& r) {
            r.add_stream_outputs()->add_urls("rtmp://h/live/key");
            r.mutable_stream_outputs(0)->add_urls("srt://h:1");
        }),
        HasSubstr("invalid url srt://h:1: invalid scheme")
    ) << "one protocol an egress";
    EXPECT_THAT(
        message_of([](auto& r) {
            r.add_stream_outputs()->add_urls("rtmp://h/live/key");
            r.add_stream_outputs()->add_urls("rtmp://h/live/key2");
        }),
        HasSubstr("multiple stream outputs")
    );
    EXPECT_THAT(
        message_of([](auto& r) {
            r.add_stream_outputs()->add_urls("rtmp://h/live/key");
            r.mutable_advanced()->set_audio_codec(livekit::OPUS);
        }),
        HasSubstr("audio codec OPUS is incompatible with streams")
    );
    EXPECT_THAT(
        message_of([](auto& r) {
            r.add_stream_outputs()->add_urls("rtmp://h/live/key");
            r.mutable_advanced()->set_audio_frequency(11025);
        }),
        HasSubstr("advanced.audio_frequency 11025: AAC takes 8000")
    );
}

TEST(StreamUpdate, IsReadWithTheEgresssProtocol) {
    livekit::UpdateStreamRequest request;
    request.add_add_output_urls("rtmp://h/live/one");
    request.add_remove_output_urls("mux://two");
    const auto update = stream_update_of(request, streams::Protocol::Rtmp);
    ASSERT_TRUE(update);
    EXPECT_EQ(update->add.at(0).url, "rtmp://h/live/one");
    EXPECT_EQ(update->remove.at(0).url, "rtmps://global-live.mux.com:443/app/two");
    const auto other = stream_update_of(request, streams::Protocol::Srt);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().message, "invalid url rtmp://h/live/{o...e}: invalid scheme");
}

records::StoredStream stream_in(State state, std::uint32_t retries = 0) {
    records::StoredStream stream;
    stream.url = "rtmp://h/live/{k}";
    stream.state = state;
    stream.retries = retries;
    return stream;
}

TEST(StreamResults, AreToldAsLivekitDoes) {
    records::Recording recording;
    recording.egress_id = "EG_1";
    records::StoredStream failed = stream_in(State::Failed, 3);
    failed.id = "main";
    failed.error = "no progress for 30 s";
    failed.started_at = WallTime(10s);
    failed.ended_at = WallTime(50s);
    failed.last_retry_at = WallTime(40s);
    recording.streams = {stream_in(State::Active), failed};
    const livekit::EgressInfo info = to_egress_info(recording);
    ASSERT_EQ(info.stream_results_size(), 2);
    EXPECT_EQ(info.stream_results(0).status(), livekit::StreamInfo::ACTIVE);
    const auto& told = info.stream_results(1);
    EXPECT_EQ(told.status(), livekit::StreamInfo::FAILED);
    EXPECT_EQ(told.id(), "main");
    EXPECT_EQ(told.error(), "no progress for 30 s");
    EXPECT_EQ(told.duration(), 40'000'000'000);
    EXPECT_EQ(told.retries(), 3U);
    EXPECT_EQ(told.last_retry_at(), 40'000'000'000);
    EXPECT_EQ(info.stream().info_size(), 2) << "the field of old";
}

TEST(StreamNews, RetriesAreToldOnceAMinute) {
    StreamNews news;
    const Instant start(std::chrono::hours(1));
    EXPECT_FALSE(news.is_to_be_told({}, start));
    EXPECT_TRUE(news.is_to_be_told({stream_in(State::Active)}, start));
    EXPECT_FALSE(news.is_to_be_told({stream_in(State::Active)}, start));
    EXPECT_TRUE(news.is_to_be_told({stream_in(State::Active, 1)}, start + 1s));
    EXPECT_FALSE(news.is_to_be_told({stream_in(State::Active, 2)}, start + 2s));
    EXPECT_TRUE(news.is_to_be_told({stream_in(State::Failed, 2)}, start + 3s)) << "at once";
    EXPECT_FALSE(news.is_to_be_told({stream_in(State::Failed, 2)}, start + 4s));
    EXPECT_TRUE(news.is_to_be_told({stream_in(State::Failed, 3)}, start + 70s));
}

}  // namespace
}  // namespace aircheck::control
