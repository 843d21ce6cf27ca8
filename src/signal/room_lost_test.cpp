// What a session does when its socket, its media or its server is lost, and when it gives up.

#include "signal/room_testing.hpp"

#include <gmock/gmock.h>

namespace aircheck::signal {
namespace {

using livekit::LeaveRequest;
using livekit::SignalResponse;
using testing::add_track;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::person;
using testing::Stage;

class RoomLost : public Stage {};

TEST_F(RoomLost, PingsAndMeasuresTheRoundTrip) {
    be_in_room();
    wait(5s);
    const auto ping = sent().back();
    ASSERT_TRUE(ping.has_ping_req());
    now_ += 40ms;
    SignalResponse pong;
    pong.mutable_pong_resp()->set_last_ping_timestamp(ping.ping_req().timestamp());
    say(pong);
    wait(5s);
    EXPECT_EQ(sent().back().ping_req().rtt(), 40);
}

TEST_F(RoomLost, SilenceForThePingTimeoutIsALoss) {
    be_in_room();
    wait(14s);
    EXPECT_THAT(all<Reconnecting>(), IsEmpty());
    wait(1s);
    EXPECT_EQ(last<Reconnecting>().mode, Reconnecting::Mode::Resume);
    EXPECT_THAT(last<Reconnecting>().words, HasSubstr("15 s"));
}

TEST_F(RoomLost, ResumesALostSocketAndTellsTheServerWhatItHad) {
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

TEST_F(RoomLost, AnEmptySubscriptionIsSentAllTheSame) {
    options_.wants = [](const Participant&, const Track&) { return false; };
    be_in_room();
    close();
    open();
    SignalResponse reconnect;
    reconnect.mutable_reconnect();
    say(reconnect);
    EXPECT_TRUE(sent().back().sync_state().has_subscription());
}

TEST_F(RoomLost, RejoinsWhenTheServerDoesNotKnowTheSession) {
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

TEST_F(RoomLost, WithoutMediaThereIsNothingToResume) {
    begin();
    open();
    say(join_message());
    close();
    EXPECT_EQ(last<Connect>().purpose, Connect::Purpose::Rejoin);
}

TEST_F(RoomLost, GivesUpAfterTenTriesWithGrowingPauses) {
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
            ::testing::DoubleNear(0.3, 0.01),
            ::testing::DoubleNear(1.2, 0.01),
            ::testing::DoubleNear(2.7, 0.01),
            ::testing::DoubleNear(4.8, 0.01),
            ::testing::DoubleNear(7.5, 0.01),
            ::testing::DoubleNear(10.8, 0.01),
            ::testing::DoubleNear(14.7, 0.01),
            ::testing::DoubleNear(19.2, 0.01),
            ::testing::DoubleNear(24.3, 0.01)
        )
    );
    EXPECT_EQ(last<Ended>().reason, EndReason::ConnectionLost);
    EXPECT_THAT(last<Ended>().words, HasSubstr("cannot reach wss://lk.example/base/rtc"));
    EXPECT_LT(now_ - lost_at, 120s);
}

TEST_F(RoomLost, AFirstJoinThatCannotReachTheServerGivesUpSooner) {
    begin();
    close();
    wait(10s);
    close();
    wait(10s);
    close();
    EXPECT_EQ(all<Connect>().size(), 3u);
    EXPECT_EQ(last<Ended>().reason, EndReason::ConnectionLost);
}

TEST_F(RoomLost, ARefusedTokenIsNotTriedAgain) {
    begin();
    close(401, "invalid token: error in cryptographic primitive");
    EXPECT_EQ(last<Ended>().reason, EndReason::Refused);
    EXPECT_THAT(last<Ended>().words, HasSubstr("LIVEKIT_API_SECRET"));
    wait(60s);
    EXPECT_EQ(all<Connect>().size(), 1u);
}

TEST_F(RoomLost, AServerThatSaysNothingIsLeft) {
    begin();
    open();
    wait(5s);
    EXPECT_THAT(last<Reconnecting>().words, HasSubstr("said nothing"));
}

TEST_F(RoomLost, MediaThatFailsIsRejoined) {
    be_in_room();
    session_->on_media_failed("no answer to 5 checks", now_);
    collect();
    EXPECT_EQ(last<Connect>().purpose, Connect::Purpose::Rejoin);
    EXPECT_THAT(last<Reconnecting>().words, HasSubstr("no answer to 5 checks"));
}

TEST_F(RoomLost, MediaThatFailsWhileResumingIsNotResumed) {
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

TEST_F(RoomLost, LossesHoursApartAreEachTheFirst) {
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

TEST_F(RoomLost, AServerThatTakesUsAndDropsUsIsAskedWithPauses) {
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

TEST_F(RoomLost, MediaThatNeverConnectsEndsAsJoinFailure) {
    begin();
    for (int i = 0; i < 3; ++i) {
        open();
        say(join_message());
        leave_with(livekit::JOIN_FAILURE, LeaveRequest::DISCONNECT);
        wait(5s);
    }
    EXPECT_EQ(last<Ended>().reason, EndReason::JoinFailure);
}

struct LeaveRow {
    livekit::DisconnectReason reason;
    LeaveRequest::Action action;
    std::optional<EndReason> ended;
    std::optional<Reconnecting::Mode> reconnecting;
};
class LeaveReasons : public Stage, public ::testing::WithParamInterface<LeaveRow> {};

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
    ::testing::Values(
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

TEST_F(RoomLost, ALostPathIsResumedAtOnceForItsIceRestart) {
    be_in_room();
    wait(11s);
    session_->on_path_lost("its relay is gone", now_);
    collect();
    EXPECT_EQ(last<Reconnecting>().mode, Reconnecting::Mode::Resume);
    EXPECT_EQ(last<Reconnecting>().words, "its relay is gone");
    EXPECT_EQ(last<Connect>().purpose, Connect::Purpose::Resume);
    EXPECT_THAT(last<Connect>().url, HasSubstr("&reconnect_reason=3"));  // SUBSCRIBER_FAILED
    const auto connects = all<Connect>().size();
    session_->on_path_lost("again", now_);  // While that goes on: it restarts ICE anyway.
    collect();
    EXPECT_EQ(all<Connect>().size(), connects);
}

TEST_F(RoomLost, ANewAddressEndsThePauseBeforeTheNextTry) {
    be_in_room();
    for (int i = 0; i < 5; ++i) {
        close();
        wait(i < 4 ? 10s : 0s);
    }
    const auto connects = all<Connect>().size();
    session_->on_network_gained(now_);
    wait(100ms);
    EXPECT_EQ(all<Connect>().size(), connects + 1);
}

TEST_F(RoomLost, TellsTheServersRelaysAndThatOnlyTheyMayBeUsed) {
    begin();
    open();
    auto joined = join_message();
    joined.mutable_join()->mutable_client_configuration()->set_force_relay(livekit::ENABLED);
    auto* server = joined.mutable_join()->add_ice_servers();
    server->add_urls("turn:relay.example:3478?transport=udp");
    server->set_username("u1");
    server->set_credential("c1");
    say(joined);
    EXPECT_TRUE(last<Joined>().forces_relay);
    EXPECT_EQ(last<Joined>().ice_servers.at(0).credential, "c1");
    session_->on_media_connected(now_);
    close();
    open();
    SignalResponse resumed;
    server = resumed.mutable_reconnect()->add_ice_servers();
    server->add_urls("turn:relay.example:3478?transport=udp");
    server->set_credential("c2");
    say(resumed);
    EXPECT_FALSE(last<Resumed>().forces_relay);
    EXPECT_EQ(last<Resumed>().ice_servers.at(0).credential, "c2");
}

}  // namespace
}  // namespace aircheck::signal
