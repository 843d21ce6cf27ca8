#include "signal/room.hpp"

#include "signal/room_testing.hpp"

#include <gmock/gmock.h>

namespace aircheck::signal {
namespace {

using livekit::SignalResponse;
using testing::add_track;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::person;
using testing::Stage;

TEST_F(Stage, ConnectsWithThePlainestProfile) {
    begin();
    const auto connect = last<Connect>();
    EXPECT_EQ(connect.purpose, Connect::Purpose::Join);
    EXPECT_EQ(connect.token, "minted1");
    EXPECT_THAT(
        connect.url, ::testing::StartsWith("wss://lk.example/base/rtc?protocol=16&sdk=cpp&")
    );
    EXPECT_THAT(connect.url, HasSubstr("&auto_subscribe=0&adaptive_stream=0"));
    EXPECT_THAT(connect.url, Not(HasSubstr("minted")));
}

TEST_F(Stage, AnUnusableUrlEndsBeforeAnyTry) {
    options_.server_url = "ftp://lk.example";
    begin();
    EXPECT_EQ(last<Ended>().reason, EndReason::Refused);
    EXPECT_THAT(last<Ended>().words, HasSubstr("ftp://lk.example"));
    EXPECT_THAT(all<Connect>(), IsEmpty());
}

TEST_F(Stage, JoinsAndAsksForSoundAlone) {
    be_in_room();
    const auto joined = last<Joined>();
    EXPECT_FALSE(joined.rejoined);
    EXPECT_EQ(joined.room.sid, "RM_1");
    EXPECT_EQ(joined.self.sid, "PA_me");
    EXPECT_EQ(last<ParticipantJoined>().participant.identity, "ada");
    const auto published = all<TrackPublished>();
    ASSERT_EQ(published.size(), 2u);
    EXPECT_TRUE(published[0].subscribed);
    EXPECT_FALSE(published[1].subscribed);
    const auto requests = sent();
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_TRUE(requests[0].subscription().subscribe());
    EXPECT_THAT(requests[0].subscription().track_sids(), ElementsAre("TR_AMada"));
}

TEST_F(Stage, NeverAsksForEncryptedTracks) {
    be_in_room();
    auto bob = person("PA_bob", "bob");
    add_track(bob, "TR_AMbob")->set_encryption(livekit::Encryption::GCM);
    update(bob);
    EXPECT_EQ(last<TrackPublished>().track.encryption, Encryption::Gcm);
    EXPECT_FALSE(last<TrackPublished>().subscribed);
    EXPECT_EQ(sent().size(), 1u);
}

TEST_F(Stage, TellsChangesOfTracks) {
    be_in_room();
    auto ada = person("PA_ada", "ada", 2);
    add_track(ada, "TR_AMada")->set_muted(true);
    update(ada);
    EXPECT_TRUE(last<TrackUpdated>().track.muted);
    EXPECT_EQ(last<TrackUnpublished>().track_sid, "TR_VCada");

    auto stale = person("PA_ada", "ada", 1);
    update(stale);
    EXPECT_EQ(all<TrackUnpublished>().size(), 1u);
    EXPECT_EQ(session_->counters().stale, 1u);

    auto gone = person("PA_ada", "ada", 3);
    gone.set_state(livekit::ParticipantInfo::DISCONNECTED);
    update(gone);
    EXPECT_EQ(last<TrackUnpublished>().track_sid, "TR_AMada");
    EXPECT_EQ(last<ParticipantLeft>().sid, "PA_ada");
    EXPECT_FALSE(last<ParticipantLeft>().replaced);
    EXPECT_THAT(session_->participants(), IsEmpty());
}

TEST_F(Stage, ASecondSessionOfAnIdentityReplacesTheFirst) {
    be_in_room();
    auto again = person("PA_ada2", "ada", 5);
    add_track(again, "TR_AMnew");
    update(again);
    EXPECT_EQ(last<ParticipantLeft>().sid, "PA_ada");
    EXPECT_TRUE(last<ParticipantLeft>().replaced);
    EXPECT_THAT(sent().back().subscription().track_sids(), ElementsAre("TR_AMnew"));
    // The old session's late words change nothing.
    update(person("PA_ada", "ada", 2));
    EXPECT_EQ(session_->participants().size(), 1u);
    EXPECT_TRUE(session_->participants().contains("PA_ada2"));
}

TEST_F(Stage, AnswersOffersInOrderWithTheirIds) {
    be_in_room();
    say(offer_message(7, "first", {{"1", "PA_ada", "TR_AMada", 1111, false}}));
    say(offer_message(8, "first", {{"1", "PA_bob", "TR_AMbob", 2222, false}}));
    const auto offers = all<RemoteOffer>();
    ASSERT_EQ(offers.size(), 2u);
    EXPECT_FALSE(offers[1].ice_restart);
    ASSERT_EQ(offers[0].tracks.size(), 1u);
    EXPECT_EQ(offers[0].tracks[0].ssrc, 1111u);
    EXPECT_EQ(offers[0].tracks[0].participant_sid, "PA_ada");
    // The same section, another track: the mapping is the newest offer's alone.
    ASSERT_EQ(session_->tracks().size(), 1u);
    EXPECT_EQ(session_->tracks()[0].track_sid, "TR_AMbob");
    EXPECT_EQ(session_->tracks()[0].ssrc, 2222u);

    EXPECT_FALSE(session_->answer(8, ours(), now_));
    ASSERT_TRUE(session_->answer(7, ours(), now_));
    ASSERT_TRUE(session_->answer(8, ours(), now_));
    EXPECT_FALSE(session_->answer(8, ours(), now_));
    collect();
    const auto requests = sent();
    ASSERT_EQ(requests.size(), 3u);
    EXPECT_EQ(requests[1].answer().id(), 7u);
    EXPECT_EQ(requests[2].answer().id(), 8u);
    EXPECT_EQ(requests[2].answer().type(), "answer");
    EXPECT_THAT(requests[2].answer().sdp(), HasSubstr("a=setup:active"));
}

TEST_F(Stage, MapsByTheServersTableWhenTheSdpSaysNothing) {
    be_in_room();
    auto response = offer_message(1, "abcd", {{"1", "PA_ada", "TR_AMada", 1111, false}});
    std::string sdp = response.offer().sdp();
    for (auto at = sdp.find("msid:PA"); at != sdp.npos; at = sdp.find("msid:PA")) {
        sdp.replace(at, 7, "none:PA");
    }
    response.mutable_offer()->set_sdp(sdp);
    (*response.mutable_offer()->mutable_mid_to_track_id())["1"] = "TR_AMada";
    say(response);
    ASSERT_EQ(session_->tracks().size(), 1u);
    EXPECT_EQ(session_->tracks()[0].track_sid, "TR_AMada");
    EXPECT_EQ(session_->tracks()[0].participant_sid, "PA_ada");
}

TEST_F(Stage, PassesSubscriberCandidatesOn) {
    be_in_room();
    SignalResponse response;
    auto* trickle = response.mutable_trickle();
    trickle->set_target(livekit::SUBSCRIBER);
    trickle->set_candidateinit(
        R"({"candidate":"candidate:1 1 udp 9 192.0.2.1 7882 typ host","sdpMid":"0","sdpMLineIndex":0})"
    );
    say(response);
    EXPECT_EQ(last<RemoteCandidate>().candidate.port, 7882);
    for (const char* nothing : {"", R"({"candidate":""})", R"({"candidate":7})", "[[[", "{}"}) {
        trickle->set_candidateinit(nothing);
        say(response);
    }
    trickle->set_target(livekit::PUBLISHER);
    say(response);
    EXPECT_EQ(all<RemoteCandidate>().size(), 1u);
    EXPECT_EQ(session_->counters().malformed, 3u);
}

TEST_F(Stage, FollowsAnotherUrlButNotWithoutTls) {
    begin();
    open();
    auto response = join_message();
    response.mutable_join()->set_alternative_url("wss://eu.lk.example");
    say(response);
    EXPECT_THAT(last<Connect>().url, ::testing::StartsWith("wss://eu.lk.example/rtc?"));
    open();
    response.mutable_join()->set_alternative_url("ws://evil.example");
    say(response);
    wait(1s);
    EXPECT_THAT(last<Connect>().url, ::testing::StartsWith("wss://eu.lk.example/rtc?"));
}

TEST_F(Stage, TellsWhatChangedInTheRoomAndInOurself) {
    be_in_room();
    SignalResponse response;
    *response.mutable_room_update()->mutable_room() = join_message().join().room();
    say(response);
    EXPECT_THAT(all<RoomUpdated>(), IsEmpty());  // Nothing new.
    response.mutable_room_update()->mutable_room()->set_metadata("m");
    say(response);
    EXPECT_EQ(last<RoomUpdated>().room.metadata, "m");
    auto self = person("PA_me", "EG_1", 2);
    self.set_metadata(R"({"layout":"grid"})");
    update(self);
    EXPECT_EQ(last<SelfUpdated>().self.metadata, R"({"layout":"grid"})");
    SignalResponse refused;
    refused.mutable_subscription_response()->set_track_sid("TR_AMada");
    refused.mutable_subscription_response()->set_err(livekit::SE_CODEC_UNSUPPORTED);
    say(refused);
    EXPECT_EQ(last<SubscriptionFailed>().words, "SE_CODEC_UNSUPPORTED");
}

TEST_F(Stage, ANewFilterSwitchesTracks) {
    be_in_room();
    session_->set_filter([](const Participant&, const Track& track) {
        return track.kind == TrackKind::Video;
    });
    collect();
    const auto requests = sent();
    ASSERT_EQ(requests.size(), 3u);
    EXPECT_FALSE(requests[1].subscription().subscribe());
    EXPECT_THAT(requests[1].subscription().track_sids(), ElementsAre("TR_AMada"));
    EXPECT_TRUE(requests[2].subscription().subscribe());
    EXPECT_THAT(requests[2].subscription().track_sids(), ElementsAre("TR_VCada"));
}

TEST_F(Stage, LeavingSaysGoodbye) {
    be_in_room();
    session_->leave(now_);
    collect();
    EXPECT_EQ(sent().back().leave().reason(), livekit::CLIENT_INITIATED);
    EXPECT_EQ(last<Ended>().reason, EndReason::Left);
    const auto before = events_.size();
    close();
    wait(60s);
    EXPECT_EQ(events_.size(), before);
}

TEST_F(Stage, HostileBytesAreCountedAndDropped) {
    be_in_room();
    const auto before = events_.size();
    session_->on_message(socket_, as_bytes("\xFF\xFF\xFF\xFFgarbage"), now_);
    SignalResponse response;
    response.mutable_offer()->set_type("offer");
    response.mutable_offer()->set_sdp("v=0\r\nm=audio");
    say(response);
    EXPECT_EQ(session_->counters().malformed, 2u);
    EXPECT_EQ(events_.size(), before);
    for (std::uint32_t i = 0; i < 100; ++i) say(offer_message(i, "abcd", {}));
    EXPECT_EQ(all<RemoteOffer>().size(), 16u);
    EXPECT_EQ(session_->counters().over_limit, 84u);
}

}  // namespace
}  // namespace aircheck::signal
