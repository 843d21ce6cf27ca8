#include "recorder/source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::recorder {
namespace {

using Match = AudioRoute::Match;
using Channel = AudioRoute::Channel;

signal::Participant person(std::string identity, signal::ParticipantKind kind = {}) {
    signal::Participant participant;
    participant.identity = std::move(identity);
    participant.kind = kind;
    return participant;
}

signal::Track audio(std::string sid, signal::TrackSource source) {
    signal::Track track;
    track.sid = std::move(sid);
    track.source = source;
    return track;
}

AudioRoute route(Match match, std::string value, Channel channel) {
    AudioRoute made;
    made.match = match;
    made.value = std::move(value);
    made.channel = channel;
    return made;
}

AudioRoute agents(Channel channel) {
    AudioRoute made;
    made.match = Match::Kind;
    made.kind = ParticipantKind::Agent;
    made.channel = channel;
    return made;
}

Source participant(std::string identity, bool screen_share) {
    Source source;
    source.kind = Source::Kind::Participant;
    source.identity = std::move(identity);
    source.screen_share = screen_share;
    return source;
}

TEST(Source, ARoomIsAllItsAudio) {
    signal::Track video = audio("TR_V", signal::TrackSource::Camera);
    video.kind = signal::TrackKind::Video;
    EXPECT_TRUE(is_wanted({}, person("ann"), audio("TR_A", signal::TrackSource::Microphone)));
    EXPECT_TRUE(is_wanted({}, person("ann"), audio("TR_S", signal::TrackSource::ScreenShareAudio)));
    EXPECT_FALSE(is_wanted({}, person("ann"), video));
}

TEST(Source, AParticipantIsTheirMicrophoneOrTheirScreen) {
    const auto microphone = audio("TR_A", signal::TrackSource::Microphone);
    const auto screen = audio("TR_S", signal::TrackSource::ScreenShareAudio);
    EXPECT_TRUE(is_wanted(participant("ann", false), person("ann"), microphone));
    EXPECT_FALSE(is_wanted(participant("ann", false), person("ann"), screen));
    EXPECT_TRUE(is_wanted(participant("ann", true), person("ann"), screen));
    EXPECT_FALSE(is_wanted(participant("ann", true), person("ann"), microphone));
    EXPECT_FALSE(is_wanted(participant("ann", false), person("bob"), microphone));
    const auto unsaid = audio("TR_U", signal::TrackSource::Unknown);
    EXPECT_TRUE(is_wanted(participant("ann", false), person("ann"), unsaid));
    EXPECT_FALSE(is_wanted(participant("ann", true), person("ann"), unsaid));
}

TEST(Source, AParticipantsPictureIsMissed) {
    auto camera = audio("TR_V", signal::TrackSource::Camera);
    auto shared = audio("TR_W", signal::TrackSource::ScreenShare);
    camera.kind = shared.kind = signal::TrackKind::Video;
    const auto microphone = audio("TR_A", signal::TrackSource::Microphone);
    EXPECT_TRUE(is_missed_picture(participant("ann", false), "ann", camera));
    EXPECT_FALSE(is_missed_picture(participant("ann", false), "bob", camera));
    EXPECT_FALSE(is_missed_picture(participant("ann", false), "ann", shared));
    EXPECT_FALSE(is_missed_picture(participant("ann", false), "ann", microphone));
    EXPECT_TRUE(is_missed_picture(participant("ann", true), "ann", shared));
    EXPECT_FALSE(is_missed_picture(participant("ann", true), "ann", camera));
    EXPECT_FALSE(is_missed_picture({}, "ann", camera)) << "a room is asked for with audio_only";
}

TEST(Source, ATrackIsThatTrack) {
    Source source;
    source.kind = Source::Kind::Track;
    source.track_sid = "TR_A";
    EXPECT_TRUE(is_wanted(source, person("ann"), audio("TR_A", signal::TrackSource::Unknown)));
    EXPECT_FALSE(is_wanted(source, person("ann"), audio("TR_B", signal::TrackSource::Unknown)));
}

TEST(Source, MediaIsWhatRoutesMatchAndAllWithCaptureAll) {
    Source source;
    source.kind = Source::Kind::Media;
    source.routes = {route(Match::Identity, "ann", Channel::Left), agents(Channel::Right)};
    const auto track = audio("TR_A", signal::TrackSource::Microphone);
    EXPECT_TRUE(is_wanted(source, person("ann"), track));
    EXPECT_TRUE(is_wanted(source, person("bot", signal::ParticipantKind::Agent), track));
    EXPECT_FALSE(is_wanted(source, person("bob"), track));
    source.capture_all = true;
    EXPECT_TRUE(is_wanted(source, person("bob"), track));
}

TEST(Source, TheFirstRouteThatMatchesDecides) {
    const std::vector<AudioRoute> routes = {
        route(Match::Track, "TR_1", Channel::Both),
        route(Match::Identity, "ann", Channel::Left),
        agents(Channel::Right)};
    EXPECT_EQ(channel_of(routes, {"TR_1", "ann"}), media::Channel::Both);
    EXPECT_EQ(channel_of(routes, {"TR_2", "ann"}), media::Channel::Left);
    EXPECT_EQ(channel_of(routes, {"TR_3", "bot", ParticipantKind::Agent}), media::Channel::Right);
    EXPECT_EQ(channel_of(routes, {"TR_4", "bob"}), media::Channel::Both);
    EXPECT_EQ(channel_of({}, {"TR_4", "bob"}), std::nullopt);
}

constexpr Instant kJoined{100s};

TEST(SourceWatch, NamesWhatDoesNotComeInTime) {
    Source source;
    source.routes = {
        route(Match::Identity, "ann", Channel::Left),
        route(Match::Track, "TR_1", Channel::Right),
        agents(Channel::Both)};
    SourceWatch watch(source);
    EXPECT_EQ(watch.missing(kJoined, kJoined + 29s), "");
    EXPECT_EQ(watch.missing(kJoined, kJoined + 30s), "participant ann not found");
    watch.participant("bob");
    watch.participant("ann");
    EXPECT_EQ(watch.missing(kJoined, kJoined + 30s), "track TR_1 not found");
    watch.track("TR_1");
    EXPECT_EQ(watch.missing(kJoined, kJoined + 30s), "");
    EXPECT_EQ(SourceWatch(Source{}).missing(kJoined, kJoined + 3600s), "");
}

TEST(SourceWatch, AParticipantMayComeBackWithinFiveSeconds) {
    SourceWatch watch(participant("ann", false));
    watch.participant("ann");
    watch.participant("bob");
    watch.participant_left("bob", kJoined);
    EXPECT_FALSE(watch.is_gone(kJoined + 3600s));
    watch.participant_left("ann", kJoined + 60s);
    EXPECT_FALSE(watch.is_gone(kJoined + 64s));
    watch.participant("ann");
    EXPECT_FALSE(watch.is_gone(kJoined + 70s));
    watch.participant_left("ann", kJoined + 80s);
    EXPECT_TRUE(watch.is_gone(kJoined + 85s));
}

TEST(SourceWatch, ATracksJobEndsTwoSecondsAfterIt) {
    Source source;
    source.kind = Source::Kind::Track;
    source.track_sid = "TR_1";
    SourceWatch watch(source);
    watch.track("TR_1");
    watch.track_gone("TR_2", kJoined);
    watch.participant_left("ann", kJoined);
    EXPECT_FALSE(watch.is_gone(kJoined + 3600s));
    watch.track_gone("TR_1", kJoined);
    EXPECT_FALSE(watch.is_gone(kJoined + 1999ms));
    EXPECT_TRUE(watch.is_gone(kJoined + 2s));
}

TEST(SourceWatch, ARoomsJobDoesNotEndWithAnybody) {
    SourceWatch watch(Source{});
    watch.participant_left("", kJoined);
    watch.track_gone("", kJoined);
    EXPECT_FALSE(watch.is_gone(kJoined + 3600s));
}

TEST(Routes, AreOneWordAndReadBack) {
    const std::vector<AudioRoute> routes = {
        route(Match::Identity, "a b:c,d=ü", Channel::Left),
        route(Match::Track, "TR_1", Channel::Both),
        agents(Channel::Right)};
    const std::string text = routes_to_text(routes);
    EXPECT_EQ(text, "identity:a%20b%3Ac%2Cd%3D%C3%BC:left,track:TR_1:both,kind:4:right");
    EXPECT_EQ(routes_from_text(text), routes);
}

TEST(Routes, RefuseWhatTheyAreNot) {
    for (const std::string_view bad :
         {"identity:ann", "who:ann:left", "identity:ann:up", "kind:9:left", "kind:x:left", ","}) {
        const auto read = routes_from_text(bad);
        ASSERT_FALSE(read) << bad;
        EXPECT_EQ(read.error().code, Errc::Malformed);
    }
}

}  // namespace
}  // namespace aircheck::recorder
