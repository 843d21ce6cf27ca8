// An agent that has its pair: consent (RFC 7675), restarts (RFC 8445 §2.4), and strangers.

#include "transport/ice_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

using testing::are_connected;
using testing::config_of;
using ::testing::HasSubstr;
using testing::kOurs;
using testing::kSecond;
using testing::kTheirs;
using testing::Peer;
using testing::steady_config_of;
using testing::TestNetwork;

class IceConnected : public ::testing::Test {
protected:
    void connect(IceMode their_mode = IceMode::Full) {
        ours.learn(theirs, their_mode, network.now);
        theirs.learn(ours, IceMode::Full, network.now);
        ASSERT_TRUE(network.run_until([&] { return are_connected(ours, theirs); }, kSecond));
    }

    TestNetwork network{7};
    Peer ours{network, steady_config_of(IceRole::Controlled), {kOurs}};
    Peer theirs{network, steady_config_of(IceRole::Controlling), {kTheirs}};
};

TEST_F(IceConnected, StaysSoThroughLossWithFewPackets) {
    connect();
    network.link.loss = 0.05;
    const auto before = ours.node.sent;
    for (int second = 0; second < 600; ++second) {
        network.run_for(kSecond);
        ASSERT_EQ(ours.agent.state(), IceState::Connected) << second;
    }
    // A request each 5 s, and an answer to each of theirs.
    EXPECT_LT(ours.node.sent - before, 350u);
    EXPECT_GT(ours.node.sent - before, 200u);
}

TEST_F(IceConnected, IsDisconnectedThenFailedWithoutConsent) {
    connect();
    network.drops = [](const auto&, const auto&, BytesView) { return true; };
    const auto cut = network.now;
    ASSERT_TRUE(network.run_until(
        [&] { return ours.agent.state() == IceState::Disconnected; }, 20 * kSecond
    ));
    EXPECT_LE(network.now - cut, 8 * kSecond);
    ASSERT_TRUE(
        network.run_until([&] { return ours.agent.state() == IceState::Failed; }, 60 * kSecond)
    );
    EXPECT_LE(network.now - cut, 30 * kSecond + 100ms);
    EXPECT_GE(network.now - cut, 23 * kSecond);
    EXPECT_THAT(ours.agent.failure(), HasSubstr("no answer from 10.0.0.2:5000 for 30 s"));
}

TEST_F(IceConnected, ComesBackWhenTheNetworkDoes) {
    connect();
    network.drops = [](const auto&, const auto&, BytesView) { return true; };
    network.run_for(20 * kSecond);
    ASSERT_EQ(ours.agent.state(), IceState::Disconnected);
    network.drops = nullptr;
    network.run_for(2 * kSecond);
    EXPECT_EQ(ours.agent.state(), IceState::Connected);
}

TEST_F(IceConnected, RestartKeepsTheOldPairUntilANewOneIsThere) {
    connect();
    const auto old = ours.agent.local_credentials();
    // The remote moves to another port, as an SFU may.
    const net::Endpoint moved{"10.0.0.2", 6000};
    Peer again(network, config_of(IceRole::Controlling), {moved});
    ours.agent.restart(network.now);
    EXPECT_NE(ours.agent.local_credentials(), old);
    ours.learn(again, IceMode::Full, network.now);
    EXPECT_EQ(ours.agent.state(), IceState::Connected);
    ASSERT_NE(ours.agent.selected(), nullptr);
    EXPECT_EQ(ours.agent.selected()->remote, kTheirs);
    // The old remote's consent checks are still answered, with the old credentials.
    network.run_for(12 * kSecond);
    EXPECT_EQ(theirs.agent.state(), IceState::Connected);
    EXPECT_EQ(ours.agent.selected()->remote, kTheirs);

    again.agent.set_remote(ours.agent.local_credentials(), IceMode::Full, network.now);
    again.agent.add_remote_candidate(ours.agent.local_candidates()[0], network.now);
    ASSERT_TRUE(
        network.run_until([&] { return ours.agent.selected()->remote == moved; }, 2 * kSecond)
    );
    EXPECT_EQ(ours.agent.state(), IceState::Connected);
    EXPECT_EQ(ours.agent.selections(), 2u);
}

TEST_F(IceConnected, RestartOverTheSameAddresses) {
    connect();
    ours.agent.restart(network.now);
    theirs.agent.restart(network.now);
    ours.learn(theirs, IceMode::Full, network.now);
    theirs.learn(ours, IceMode::Full, network.now);
    ASSERT_TRUE(network.run_until(
        [&] { return ours.agent.selections() == 2 && theirs.agent.selections() == 2; }, kSecond
    ));
    network.run_for(60 * kSecond);
    EXPECT_TRUE(are_connected(ours, theirs));
}

TEST_F(IceConnected, RestartThatLeadsNowhereStaysOnTheOldPair) {
    connect();
    ours.agent.restart(network.now);
    IceCredentials nobody{"nobody", "nobody-answers-to-this-one"};
    ours.agent.set_remote(nobody, IceMode::Full, network.now);
    network.run_for(60 * kSecond);
    EXPECT_EQ(ours.agent.state(), IceState::Connected);
    EXPECT_EQ(ours.agent.selected()->remote, kTheirs);
}

TEST_F(IceConnected, UnauthenticatedMessagesAreIgnored) {
    connect();
    const auto sent = ours.node.sent;
    const net::Endpoint stranger{"203.0.113.9", 6666};
    const auto id = stun::new_transaction();
    const auto& local = ours.agent.local_credentials();

    stun::Builder wrong_key(stun::Class::Request, stun::kBinding, id);
    const auto forged =
        wrong_key.username(local.ufrag + ":x").use_candidate().finish("guessed-password");
    EXPECT_FALSE(ours.agent.on_stun(0, stranger, forged, network.now));

    stun::Builder wrong_user(stun::Class::Request, stun::kBinding, id);
    EXPECT_FALSE(ours.agent.on_stun(
        0, stranger, wrong_user.username("other:x").finish(local.pwd), network.now
    ));

    stun::Builder unasked(stun::Class::Success, stun::kBinding, id);
    EXPECT_FALSE(ours.agent.on_stun(
        0,
        stranger,
        unasked.xor_mapped_address(kOurs).finish(theirs.agent.local_credentials().pwd),
        network.now
    ));
    EXPECT_EQ(ours.node.sent, sent);
    EXPECT_FALSE(ours.agent.is_known(0, stranger));
    EXPECT_EQ(ours.agent.selected()->remote, kTheirs);
}

TEST_F(IceConnected, ManyForgedSourcesDoNotGrowTheAgent) {
    connect();
    const auto& local = ours.agent.local_credentials();
    for (std::uint16_t port = 1; port < 2000; ++port) {
        stun::Builder builder(stun::Class::Request, stun::kBinding, stun::new_transaction());
        const auto bytes =
            builder.username(local.ufrag + ":x").priority(1).controlling(~0ull).finish(local.pwd);
        EXPECT_TRUE(ours.agent.on_stun(0, {"203.0.113.9", port}, bytes, network.now));
    }
    const auto sent = ours.node.sent;
    network.run_for(10 * kSecond);
    EXPECT_LT(ours.node.sent - sent, 300u);
    EXPECT_EQ(ours.agent.selected()->remote, kTheirs);
}

}  // namespace
}  // namespace aircheck::transport
