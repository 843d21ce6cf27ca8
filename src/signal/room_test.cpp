#include "signal/room.hpp"

#include "proto/livekit_models.pb.h"
#include "proto/livekit_rtc.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::signal {
namespace {

using livekit::LeaveRequest;
using livekit::SignalRequest;
using livekit::SignalResponse;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kPrint =
    "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
    "AB";

livekit::ParticipantInfo person(
    const std::string& sid, const std::string& identity, std::uint32_t version = 1
) {
    livekit::ParticipantInfo info;
    info.set_sid(sid);
    info.set_identity(identity);
    info.set_state(livekit::ParticipantInfo::ACTIVE);
    info.set_version(version);
    info.set_joined_at(1000 + version);
    return info;
}

livekit::TrackInfo* add_track(
    livekit::ParticipantInfo& info, const std::string& sid, livekit::TrackType type = livekit::AUDIO
) {
    auto* track = info.add_tracks();
    track->set_sid(sid);
    track->set_type(type);
    track->set_source(type == livekit::AUDIO ? livekit::MICROPHONE : livekit::CAMERA);
    track->set_mime_type(type == livekit::AUDIO ? "audio/red" : "video/VP8");
    return track;
}

/// A server in a script: plays the messages, keeps what the session did.
class Stage : public testing::Test {
protected:
    Stage() {
        options_.server_url = "https://lk.example/base/";
        options_.mint_token = [this] { return "minted" + std::to_string(++minted_); };
    }

    void begin() {
        session_.emplace(options_);
        session_->start(now_);
        collect();
    }
    void collect() {
        for (RoomEvent& event : session_->take_events()) {
            if (const auto* connect = std::get_if<Connect>(&event)) socket_ = connect->socket;
            events_.push_back(std::move(event));
        }
    }
    void say(const SignalResponse& response) {
        const std::string bytes = response.SerializeAsString();
        session_->on_message(socket_, as_bytes(bytes), now_);
        collect();
    }
    void open() {
        session_->on_open(socket_, now_);
        collect();
    }
    void close(int status = 0, std::string_view body = "") {
        session_->on_socket_closed(socket_, status, body, "end of stream", now_);
        collect();
    }
    void wait(Nanoseconds span) {
        const Instant end = now_ + span;
        while (now_ < end) {
            now_ = std::min(now_ + 100ms, end);
            session_->on_tick(now_);
            collect();
        }
    }
    SignalResponse join_message(const std::string& self_sid = "PA_me") {
        SignalResponse response;
        auto* join = response.mutable_join();
        join->mutable_room()->set_sid("RM_1");
        join->mutable_room()->set_name("support");
        *join->mutable_participant() = person(self_sid, "EG_1");
        join->set_ping_interval(5);
        join->set_ping_timeout(15);
        return response;
    }
    /// In the room with ada, who has a microphone and a camera.
    void be_in_room() {
        begin();
        open();
        auto response = join_message();
        auto ada = person("PA_ada", "ada");
        add_track(ada, "TR_AMada");
        add_track(ada, "TR_VCada", livekit::VIDEO);
        *response.mutable_join()->add_other_participants() = ada;
        say(response);
        session_->on_media_connected(now_);
    }
    void update(const livekit::ParticipantInfo& info) {
        SignalResponse response;
        *response.mutable_update()->add_participants() = info;
        say(response);
    }
    void leave_with(livekit::DisconnectReason reason, LeaveRequest::Action action) {
        SignalResponse response;
        response.mutable_leave()->set_reason(reason);
        response.mutable_leave()->set_action(action);
        say(response);
    }
    SignalResponse offer_message(
        std::uint32_t id, const std::string& ufrag, std::vector<OfferedTrack> tracks
    ) {
        OfferOptions offered;
        offered.local.ice_ufrag = ufrag;
        offered.local.ice_pwd = "0123456789abcdefghijkl";
        offered.local.fingerprint = kPrint;
        offered.tracks = std::move(tracks);
        SignalResponse response;
        response.mutable_offer()->set_type("offer");
        response.mutable_offer()->set_id(id);
        response.mutable_offer()->set_sdp(make_offer(offered).to_string());
        return response;
    }
    [[nodiscard]] static LocalParameters ours() {
        LocalParameters local;
        local.ice_ufrag = "ours";
        local.ice_pwd = "lkjihgfedcba9876543210";
        local.fingerprint = kPrint;
        return local;
    }

    template <typename T>
    [[nodiscard]] std::vector<T> all() const {
        std::vector<T> found;
        for (const RoomEvent& event : events_) {
            if (const auto* match = std::get_if<T>(&event)) found.push_back(*match);
        }
        return found;
    }
    template <typename T>
    [[nodiscard]] T last() const {
        const auto found = all<T>();
        EXPECT_FALSE(found.empty());
        return found.empty() ? T{} : found.back();
    }
    [[nodiscard]] std::vector<SignalRequest> sent() const {
        std::vector<SignalRequest> requests;
        for (const Send& send : all<Send>()) {
            SignalRequest request;
            EXPECT_TRUE(
                request.ParseFromArray(send.message.data(), static_cast<int>(send.message.size()))
            );
            requests.push_back(std::move(request));
        }
        return requests;
    }

    RoomOptions options_;
    std::optional<RoomSession> session_;
    std::vector<RoomEvent> events_;
    SocketNumber socket_ = 0;
    Instant now_{std::chrono::hours(1)};
    int minted_ = 0;
};

TEST_F(Stage, ConnectsWithThePlainestProfile) {
    begin();
    const auto connect = last<Connect>();
    EXPECT_EQ(connect.purpose, Connect::Purpose::Join);
    EXPECT_EQ(connect.token, "minted1");
    EXPECT_THAT(connect.url, testing::StartsWith("wss://lk.example/base/rtc?protocol=16&sdk=cpp&"));
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

TEST_F(Stage, PingsAndMeasuresTheRoundTrip) {
    be_in_room();
    wait(5s);
    const auto ping = sent().back();
    ASSERT_TRUE(ping.has_ping_req());
    now_ += 40ms;
    SignalResponse pong;
    pong.mutable_pong_resp()->set_last_ping_timestamp(ping.ping_req().timestamp());
    say(pong);
    EXPECT_EQ(session_->signal_rtt(), std::chrono::milliseconds(40));
}

TEST_F(Stage, SilenceForThePingTimeoutIsALoss) {
    be_in_room();
    wait(14s);
    EXPECT_THAT(all<Reconnecting>(), IsEmpty());
    wait(1s);
    EXPECT_EQ(last<Reconnecting>().mode, Reconnecting::Mode::Resume);
    EXPECT_THAT(last<Reconnecting>().words, HasSubstr("15 s"));
}

TEST_F(Stage, ResumesALostSocketAndTellsTheServerWhatItHad) {
    be_in_room();
    say(offer_message(7, "first", {{"1", "PA_ada", "TR_AMada", 1111, false}}));
    ASSERT_TRUE(session_->answer(7, ours(), now_));
    SignalResponse token;
    token.set_refresh_token("refreshed");
    say(token);
    say(offer_message(8, "first", {}));  // Unanswered when the socket dies.
    const SocketNumber old_socket = socket_;
    close();

    const auto connect = last<Connect>();
    EXPECT_EQ(connect.purpose, Connect::Purpose::Resume);
    EXPECT_EQ(connect.token, "refreshed");
    EXPECT_THAT(connect.url, HasSubstr("&reconnect=1&sid=PA_me&reconnect_reason=1"));
    EXPECT_FALSE(session_->answer(8, ours(), now_));  // Not on the new socket.
    const auto before = events_.size();
    session_->on_socket_closed(old_socket, 0, "", "late", now_);
    collect();
    EXPECT_EQ(events_.size(), before);

    open();
    SignalResponse reconnect;
    reconnect.mutable_reconnect();
    say(reconnect);
    EXPECT_EQ(all<Resumed>().size(), 1u);
    const auto sync = sent().back();
    ASSERT_TRUE(sync.has_sync_state());
    EXPECT_TRUE(sync.sync_state().has_subscription());
    EXPECT_TRUE(sync.sync_state().subscription().subscribe());
    EXPECT_THAT(sync.sync_state().subscription().track_sids(), ElementsAre("TR_AMada"));
    EXPECT_EQ(sync.sync_state().offer().id(), 7u);
    EXPECT_EQ(sync.sync_state().answer().type(), "answer");

    // The first list with ourselves in it is complete: ada left meanwhile.
    SignalResponse everybody;
    *everybody.mutable_update()->add_participants() = person("PA_me", "EG_1", 2);
    *everybody.mutable_update()->add_participants() = person("PA_bob", "bob");
    say(everybody);
    EXPECT_EQ(last<ParticipantLeft>().identity, "ada");
    EXPECT_EQ(last<ParticipantJoined>().participant.identity, "bob");
    say(offer_message(9, "second", {}));
    EXPECT_TRUE(last<RemoteOffer>().ice_restart);
    EXPECT_THAT(last<RemoteOffer>().tracks, IsEmpty());
}

TEST_F(Stage, AnEmptySubscriptionIsSentAllTheSame) {
    options_.wants = [](const Participant&, const Track&) { return false; };
    be_in_room();
    close();
    open();
    SignalResponse reconnect;
    reconnect.mutable_reconnect();
    say(reconnect);
    EXPECT_TRUE(sent().back().sync_state().has_subscription());
}

TEST_F(Stage, RejoinsWhenTheServerDoesNotKnowTheSession) {
    be_in_room();
    wait(11s);  // No message, but not yet the ping timeout.
    close();
    EXPECT_EQ(last<Connect>().purpose, Connect::Purpose::Resume);
    open();
    leave_with(livekit::STATE_MISMATCH, LeaveRequest::RECONNECT);
    EXPECT_EQ(last<Reconnecting>().mode, Reconnecting::Mode::Rejoin);
    wait(300ms);
    EXPECT_EQ(last<Connect>().purpose, Connect::Purpose::Rejoin);
    EXPECT_EQ(last<Connect>().token, "minted2");
    EXPECT_THAT(last<Connect>().url, Not(HasSubstr("reconnect")));
    open();
    auto response = join_message("PA_me2");
    auto ada = person("PA_ada", "ada", 1);
    add_track(ada, "TR_AMada");
    *response.mutable_join()->add_other_participants() = ada;
    say(response);
    EXPECT_TRUE(last<Joined>().rejoined);
    EXPECT_EQ(all<ParticipantJoined>().size(), 1u);  // Known already.
    EXPECT_EQ(last<TrackUnpublished>().track_sid, "TR_VCada");
    EXPECT_THAT(sent().back().subscription().track_sids(), ElementsAre("TR_AMada"));
    EXPECT_THAT(session_->tracks(), IsEmpty());
}

TEST_F(Stage, WithoutMediaThereIsNothingToResume) {
    begin();
    open();
    say(join_message());
    close();
    EXPECT_EQ(last<Connect>().purpose, Connect::Purpose::Rejoin);
}

TEST_F(Stage, GivesUpAfterTenTriesWithGrowingPauses) {
    be_in_room();
    wait(11s);
    const Instant lost_at = now_;
    std::vector<double> pauses;
    close();
    Instant failed_at = now_;
    for (std::size_t tries = 1; all<Ended>().empty() && tries < 30; ++tries) {
        const auto connects = all<Connect>().size();
        close();
        failed_at = now_;
        while (all<Ended>().empty() && all<Connect>().size() == connects) wait(100ms);
        if (all<Ended>().empty()) pauses.push_back(to_seconds(now_ - failed_at));
    }
    EXPECT_THAT(
        pauses,
        ElementsAre(
            testing::DoubleNear(0.3, 0.01),
            testing::DoubleNear(1.2, 0.01),
            testing::DoubleNear(2.7, 0.01),
            testing::DoubleNear(4.8, 0.01),
            testing::DoubleNear(7.5, 0.01),
            testing::DoubleNear(10.8, 0.01),
            testing::DoubleNear(14.7, 0.01),
            testing::DoubleNear(19.2, 0.01),
            testing::DoubleNear(24.3, 0.01)
        )
    );
    EXPECT_EQ(last<Ended>().reason, EndReason::ConnectionLost);
    EXPECT_THAT(last<Ended>().words, HasSubstr("cannot reach wss://lk.example/base/rtc"));
    EXPECT_LT(now_ - lost_at, 120s);
}

TEST_F(Stage, AFirstJoinThatCannotReachTheServerGivesUpSooner) {
    begin();
    close();
    wait(10s);
    close();
    wait(10s);
    close();
    EXPECT_EQ(all<Connect>().size(), 3u);
    EXPECT_EQ(last<Ended>().reason, EndReason::ConnectionLost);
}

TEST_F(Stage, ARefusedTokenIsNotTriedAgain) {
    begin();
    close(401, "invalid token: error in cryptographic primitive");
    EXPECT_EQ(last<Ended>().reason, EndReason::Refused);
    EXPECT_THAT(last<Ended>().words, HasSubstr("LIVEKIT_API_SECRET"));
    wait(60s);
    EXPECT_EQ(all<Connect>().size(), 1u);
}

TEST_F(Stage, AServerThatSaysNothingIsLeft) {
    begin();
    open();
    wait(5s);
    EXPECT_THAT(last<Reconnecting>().words, HasSubstr("said nothing"));
}

struct LeaveRow {
    livekit::DisconnectReason reason;
    LeaveRequest::Action action;
    std::optional<EndReason> ended;
    std::optional<Reconnecting::Mode> reconnecting;
};
class LeaveReasons : public Stage, public testing::WithParamInterface<LeaveRow> {};

TEST_P(LeaveReasons, EndOrComeBack) {
    be_in_room();
    const LeaveRow& row = GetParam();
    leave_with(row.reason, row.action);
    ASSERT_EQ(all<Ended>().size(), row.ended ? 1u : 0u);
    ASSERT_EQ(all<Reconnecting>().size(), row.reconnecting ? 1u : 0u);
    if (row.ended) {
        EXPECT_EQ(last<Ended>().reason, *row.ended);
    }
    if (row.reconnecting) {
        EXPECT_EQ(last<Reconnecting>().mode, *row.reconnecting);
    }
    EXPECT_EQ(session_->is_ended(), row.ended.has_value());
}

// livekit-wire.md section 3.
INSTANTIATE_TEST_SUITE_P(
    Wire,
    LeaveReasons,
    testing::Values(
        LeaveRow{livekit::ROOM_CLOSED, LeaveRequest::DISCONNECT, EndReason::RoomClosed, {}},
        LeaveRow{livekit::ROOM_DELETED, LeaveRequest::DISCONNECT, EndReason::RoomDeleted, {}},
        LeaveRow{
            livekit::PARTICIPANT_REMOVED,
            LeaveRequest::DISCONNECT,
            EndReason::ParticipantRemoved,
            {}},
        LeaveRow{
            livekit::DUPLICATE_IDENTITY,
            LeaveRequest::DISCONNECT,
            EndReason::DuplicateIdentity,
            {}},
        LeaveRow{
            livekit::DUPLICATE_IDENTITY, LeaveRequest::RECONNECT, EndReason::DuplicateIdentity, {}},
        LeaveRow{livekit::USER_REJECTED, LeaveRequest::DISCONNECT, EndReason::Other, {}},
        LeaveRow{
            livekit::SERVER_SHUTDOWN, LeaveRequest::DISCONNECT, {}, Reconnecting::Mode::Rejoin},
        LeaveRow{livekit::STATE_MISMATCH, LeaveRequest::RECONNECT, {}, Reconnecting::Mode::Rejoin},
        LeaveRow{livekit::CONNECTION_TIMEOUT, LeaveRequest::RESUME, {}, Reconnecting::Mode::Resume},
        LeaveRow{livekit::MIGRATION, LeaveRequest::RESUME, {}, Reconnecting::Mode::Resume}
    )
);

TEST_F(Stage, MediaThatFailsIsRejoined) {
    be_in_room();
    session_->on_media_failed("no answer to 5 checks", now_);
    collect();
    EXPECT_EQ(last<Connect>().purpose, Connect::Purpose::Rejoin);
    EXPECT_THAT(last<Reconnecting>().words, HasSubstr("no answer to 5 checks"));
}

TEST_F(Stage, MediaThatFailsWhileResumingIsNotResumed) {
    be_in_room();
    leave_with(livekit::CONNECTION_TIMEOUT, LeaveRequest::RESUME);
    ASSERT_EQ(last<Connect>().purpose, Connect::Purpose::Resume);
    EXPECT_THAT(last<Connect>().url, HasSubstr("reconnect_reason=3"));
    session_->on_media_failed("no answer for 30 s", now_);
    collect();
    wait(1s);
    EXPECT_EQ(last<Connect>().purpose, Connect::Purpose::Rejoin);
    EXPECT_EQ(all<Connect>().size(), 3u) << "joined, resumed, rejoined";
    session_->on_media_failed("no answer for 30 s", now_);
    collect();
    EXPECT_EQ(all<Connect>().size(), 3u) << "the join under way is not disturbed";
}

TEST_F(Stage, LossesHoursApartAreEachTheFirst) {
    be_in_room();
    for (int i = 0; i < 15; ++i) {
        for (int k = 0; k < 3; ++k) {
            wait(4s);
            SignalResponse pong;
            pong.mutable_pong_resp();
            say(pong);
        }
        leave_with(livekit::CONNECTION_TIMEOUT, LeaveRequest::RESUME);
        ASSERT_EQ(last<Reconnecting>().attempt, 1) << i;
        open();
        SignalResponse reconnect;
        reconnect.mutable_reconnect();
        say(reconnect);
        session_->on_media_connected(now_);
    }
    EXPECT_THAT(all<Ended>(), IsEmpty());
}

TEST_F(Stage, AServerThatTakesUsAndDropsUsIsAskedWithPauses) {
    be_in_room();
    for (int i = 0; i < 10; ++i) {
        leave_with(livekit::STATE_MISMATCH, LeaveRequest::RECONNECT);
        wait(61s);
        open();
        say(join_message());
        session_->on_media_connected(now_);
    }
    leave_with(livekit::STATE_MISMATCH, LeaveRequest::RECONNECT);
    EXPECT_EQ(last<Ended>().reason, EndReason::ConnectionLost);
}

TEST_F(Stage, MediaThatNeverConnectsEndsAsJoinFailure) {
    begin();
    for (int i = 0; i < 3; ++i) {
        open();
        say(join_message());
        leave_with(livekit::JOIN_FAILURE, LeaveRequest::DISCONNECT);
        wait(5s);
    }
    EXPECT_EQ(last<Ended>().reason, EndReason::JoinFailure);
}

TEST_F(Stage, FollowsAnotherUrlButNotWithoutTls) {
    begin();
    open();
    auto response = join_message();
    response.mutable_join()->set_alternative_url("wss://eu.lk.example");
    say(response);
    EXPECT_THAT(last<Connect>().url, testing::StartsWith("wss://eu.lk.example/rtc?"));
    open();
    response.mutable_join()->set_alternative_url("ws://evil.example");
    say(response);
    wait(1s);
    EXPECT_THAT(last<Connect>().url, testing::StartsWith("wss://eu.lk.example/rtc?"));
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
