#include "transport/ice.hpp"

#include "transport/ice_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

using testing::are_connected;
using testing::config_of;
using ::testing::HasSubstr;
using testing::kOurs;
using testing::kOursV6;
using testing::kSecond;
using testing::kTheirs;
using testing::kTheirsV6;
using testing::Peer;
using testing::TestNetwork;

struct Row {
    std::string name;
    IceRole ours = IceRole::Controlled, theirs = IceRole::Controlling;
    IceMode our_mode = IceMode::Full, their_mode = IceMode::Full;
    std::vector<net::Endpoint> our_addresses{kOurs}, their_addresses{kTheirs};
    double loss = 0;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class IceConnects : public ::testing::TestWithParam<Row> {};

TEST_P(IceConnects, AndAgreesOnAPairAndRoles) {
    const auto& row = GetParam();
    for (unsigned seed = 1; seed <= 10; ++seed) {
        TestNetwork network(seed);
        network.link.loss = row.loss;
        network.link.jitter = 10ms;
        network.link.duplicate = row.loss;
        Peer ours(network, config_of(row.ours, row.our_mode), row.our_addresses);
        Peer theirs(network, config_of(row.theirs, row.their_mode), row.their_addresses);
        ours.learn(theirs, row.their_mode, network.now);
        theirs.learn(ours, row.our_mode, network.now);
        ASSERT_TRUE(network.run_until([&] { return are_connected(ours, theirs); }, 10 * kSecond))
            << "seed " << seed;
        EXPECT_NE(ours.agent.role(), theirs.agent.role());
        const auto* pair = ours.agent.selected();
        EXPECT_TRUE(ours.agent.is_known(pair->path, pair->remote));
        EXPECT_FALSE(ours.agent.is_known(pair->path, {"10.9.9.9", 1}));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    IceConnects,
    ::testing::Values(
        Row{"FullControlled"},
        Row{"FullControlling", IceRole::Controlling, IceRole::Controlled},
        Row{"BothThinkTheyControl", IceRole::Controlling, IceRole::Controlling},
        Row{"NobodyThinksSo", IceRole::Controlled, IceRole::Controlled},
        Row{"RemoteIsLite",
            IceRole::Controlled,
            IceRole::Controlling,
            IceMode::Full,
            IceMode::Lite},
        Row{"WeAreLite", IceRole::Controlling, IceRole::Controlling, IceMode::Lite, IceMode::Full},
        Row{"V6",
            IceRole::Controlled,
            IceRole::Controlling,
            IceMode::Full,
            IceMode::Full,
            {kOursV6},
            {kTheirsV6}},
        Row{"DualStackAgainstV6",
            IceRole::Controlled,
            IceRole::Controlling,
            IceMode::Full,
            IceMode::Full,
            {kOurs, kOursV6},
            {kTheirsV6}},
        Row{"Lossy",
            IceRole::Controlled,
            IceRole::Controlling,
            IceMode::Full,
            IceMode::Full,
            {kOurs},
            {kTheirs},
            0.3},
        Row{"LossyLite",
            IceRole::Controlled,
            IceRole::Controlling,
            IceMode::Full,
            IceMode::Lite,
            {kOurs},
            {kTheirs},
            0.3}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(Ice, ConnectsWithinAFewRoundTrips) {
    TestNetwork network(1);
    Peer ours(network, config_of(IceRole::Controlled), {kOurs});
    Peer theirs(network, config_of(IceRole::Controlling), {kTheirs});
    ours.learn(theirs, IceMode::Full, network.now);
    theirs.learn(ours, IceMode::Full, network.now);
    EXPECT_TRUE(network.run_until([&] { return are_connected(ours, theirs); }, 60ms));
}

TEST(Ice, PrefersTheFirstAddress) {
    TestNetwork network(1);
    Peer ours(network, config_of(IceRole::Controlling), {kOurs, kOursV6});
    Peer theirs(network, config_of(IceRole::Controlled), {kTheirs, kTheirsV6});
    ours.learn(theirs, IceMode::Full, network.now);
    theirs.learn(ours, IceMode::Full, network.now);
    ASSERT_TRUE(network.run_until([&] { return are_connected(ours, theirs); }, kSecond));
    EXPECT_EQ(ours.agent.selected()->remote, kTheirs);
}

TEST(Ice, RemoteBehindANatIsFoundAsPeerReflexive) {
    TestNetwork network(1);
    Peer ours(network, config_of(IceRole::Controlled), {kOurs});
    Peer theirs(network, config_of(IceRole::Controlling), {kTheirs});
    Candidate wrong = theirs.agent.local_candidates()[0];
    wrong.endpoint = {"192.168.7.7", 9};
    theirs.offered = {wrong};
    ours.learn(theirs, IceMode::Full, network.now);
    theirs.learn(ours, IceMode::Full, network.now);
    ASSERT_TRUE(network.run_until([&] { return are_connected(ours, theirs); }, kSecond));
    EXPECT_EQ(ours.agent.selected()->remote, kTheirs);
}

TEST(Ice, CandidatesMayComeBeforeAndAfterTheDescription) {
    TestNetwork network(1);
    Peer ours(network, config_of(IceRole::Controlled), {kOurs});
    Peer theirs(network, config_of(IceRole::Controlling, IceMode::Lite), {kTheirs});
    ours.agent.add_remote_candidate(theirs.agent.local_candidates()[0], network.now);
    ours.agent.set_remote(theirs.agent.local_credentials(), IceMode::Lite, network.now);
    theirs.agent.set_remote(ours.agent.local_credentials(), IceMode::Full, network.now);
    ASSERT_TRUE(network.run_until([&] { return are_connected(ours, theirs); }, kSecond));

    Peer late(network, config_of(IceRole::Controlled), {{"10.0.0.3", 1}});
    Peer other(network, config_of(IceRole::Controlling, IceMode::Lite), {{"10.0.0.4", 1}});
    late.agent.set_remote(other.agent.local_credentials(), IceMode::Lite, network.now);
    other.agent.set_remote(late.agent.local_credentials(), IceMode::Full, network.now);
    network.run_for(3 * kSecond);
    EXPECT_EQ(late.agent.state(), IceState::Checking);
    late.agent.add_remote_candidate(other.agent.local_candidates()[0], network.now);
    EXPECT_TRUE(network.run_until([&] { return are_connected(late, other); }, kSecond));
}

TEST(Ice, FailsAfterItsTimeoutNamingWhatWasTried) {
    TestNetwork network(1);
    Peer ours(network, config_of(IceRole::Controlled), {kOurs});
    Peer theirs(network, config_of(IceRole::Controlling), {kTheirs});
    network.drops = [](const auto&, const auto&, BytesView) { return true; };
    ours.learn(theirs, IceMode::Full, network.now);
    network.run_for(14'900ms);
    EXPECT_EQ(ours.agent.state(), IceState::Checking);
    network.run_for(200ms);
    EXPECT_EQ(ours.agent.state(), IceState::Failed);
    EXPECT_EQ(ours.agent.failure(), "ICE: no answer from udp 10.0.0.2:5000");
    // 300 ms doubling to 1600 ms over 15 s.
    EXPECT_GE(ours.node.sent, 8u);
    EXPECT_LE(ours.node.sent, 15u);
    EXPECT_FALSE(ours.agent.next_deadline());
}

TEST(Ice, NothingOfferedIsSaidSo) {
    TestNetwork network(1);
    Peer ours(network, config_of(IceRole::Controlled), {kOurs});
    Peer theirs(network, config_of(IceRole::Controlling), {kTheirsV6});
    ours.learn(theirs, IceMode::Full, network.now);
    network.run_for(16 * kSecond);
    EXPECT_THAT(ours.agent.failure(), HasSubstr("no address that can be reached"));
}

TEST(Ice, CredentialsAreLongAndNew) {
    const auto a = new_ice_credentials(), b = new_ice_credentials();
    EXPECT_EQ(a.ufrag.size(), 8u);
    EXPECT_EQ(a.pwd.size(), 24u);
    EXPECT_NE(a.ufrag, b.ufrag);
    EXPECT_NE(a.pwd, b.pwd);
}

}  // namespace
}  // namespace aircheck::transport
