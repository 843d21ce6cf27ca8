// ICE-TCP (RFC 6544): when it is used, and what happens when it breaks.

#include "transport/ice_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

using testing::config_of;
using ::testing::HasSubstr;
using testing::kOurs;
using testing::kSecond;
using testing::kTheirs;
using testing::Peer;
using testing::TestNetwork;

Candidate tcp_candidate(const net::Endpoint& endpoint) {
    Candidate candidate;
    candidate.protocol = Protocol::Tcp;
    candidate.priority = 1671430143;
    candidate.endpoint = endpoint;
    return candidate;
}

struct TcpRow {
    std::string name;
    IceMode their_mode = IceMode::Full;
    bool offers_udp = false, udp_works = false, expects_tcp = true;
    Nanoseconds limit = kSecond;
    friend void PrintTo(const TcpRow& row, std::ostream* out) { *out << row.name; }
};
class IceTcp : public ::testing::TestWithParam<TcpRow> {};

TEST_P(IceTcp, IsTakenOnlyWhenUdpDoesNotAnswer) {
    const auto& row = GetParam();
    const net::Endpoint listener{"10.0.0.2", 7881};
    TestNetwork network(1);
    network.tcp_listeners.insert({listener.address, listener.port});
    Peer ours(network, config_of(IceRole::Controlled), {kOurs});
    Peer theirs(network, config_of(IceRole::Controlling, row.their_mode), {kTheirs, listener});
    theirs.offered = {tcp_candidate(listener)};
    if (row.offers_udp) theirs.offered.push_back(theirs.agent.local_candidates()[0]);
    network.drops = [&](const net::Endpoint& from, const net::Endpoint& to, BytesView) {
        return !row.udp_works && (from == kTheirs || to == kTheirs);
    };
    ours.learn(theirs, row.their_mode, network.now);
    theirs.agent.set_remote(ours.agent.local_credentials(), IceMode::Full, network.now);
    const auto connected = [&] {
        return ours.agent.state() == IceState::Connected && theirs.agent.selected() != nullptr;
    };
    ASSERT_TRUE(network.run_until(connected, row.limit));
    EXPECT_EQ(ours.agent.selected()->path >= kFirstTcpPath, row.expects_tcp);
    EXPECT_EQ(ours.agent.selected()->remote, row.expects_tcp ? listener : kTheirs);
    network.run_for(60 * kSecond);
    EXPECT_EQ(ours.agent.state(), IceState::Connected) << ours.agent.failure();
    if (!row.expects_tcp) {
        EXPECT_EQ(ours.node.tcp_opened, 0u);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    IceTcp,
    ::testing::Values(
        TcpRow{"UdpWorks", IceMode::Full, true, true, false, 200ms},
        TcpRow{"UdpBlocked", IceMode::Full, true, false, true, 1500ms},
        TcpRow{"UdpBlockedLite", IceMode::Lite, true, false, true, 1500ms},
        TcpRow{"OnlyTcpOffered", IceMode::Full, false, true, true, 300ms},
        TcpRow{"OnlyTcpOfferedLite", IceMode::Lite, false, true, true, 300ms}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(Ice, TcpThatIsRefusedIsTriedAgainAndNamed) {
    TestNetwork network(1);
    Peer ours(network, config_of(IceRole::Controlled), {kOurs});
    Peer theirs(network, config_of(IceRole::Controlling), {kTheirs});
    theirs.offered = {tcp_candidate({"10.0.0.2", 7881})};
    ours.learn(theirs, IceMode::Full, network.now);
    network.run_for(20 * kSecond);
    EXPECT_EQ(ours.agent.state(), IceState::Failed);
    EXPECT_GT(ours.node.tcp_opened, 5u);
    EXPECT_LT(ours.node.tcp_opened, 20u);
    EXPECT_THAT(ours.agent.failure(), HasSubstr("tcp 10.0.0.2:7881 (connection refused)"));
}

class IceTcpLost : public ::testing::Test {
protected:
    void connect(IceMode their_mode) {
        network.tcp_listeners.insert({listener.address, listener.port});
        ours = std::make_unique<Peer>(
            network, config_of(IceRole::Controlled), std::vector<net::Endpoint>{kOurs}
        );
        theirs = std::make_unique<Peer>(
            network,
            config_of(IceRole::Controlling, their_mode),
            std::vector<net::Endpoint>{listener}
        );
        theirs->offered = {tcp_candidate(listener)};
        ours->learn(*theirs, their_mode, network.now);
        theirs->agent.set_remote(ours->agent.local_credentials(), IceMode::Full, network.now);
        ASSERT_TRUE(network.run_until(is_connected, kSecond));
    }
    void lose() {
        const auto path = ours->agent.selected()->path;
        ours->node.addresses.erase(path);
        ours->agent.on_tcp_closed(path, "connection reset", network.now);
        EXPECT_EQ(ours->agent.state(), IceState::Disconnected);
    }

    const net::Endpoint listener{"10.0.0.2", 7881};
    TestNetwork network{1};
    std::unique_ptr<Peer> ours, theirs;
    std::function<bool()> is_connected = [this] {
        return ours->agent.state() == IceState::Connected;
    };
};

TEST_F(IceTcpLost, IsOpenedAgain) {
    connect(IceMode::Lite);
    lose();
    ASSERT_TRUE(network.run_until(is_connected, 3 * kSecond));
    EXPECT_EQ(ours->node.tcp_opened, 2u);
    EXPECT_EQ(ours->agent.selected()->remote, listener);
}

TEST_F(IceTcpLost, IsReplacedByARestart) {
    connect(IceMode::Full);
    lose();
    network.run_for(kSecond);
    ours->agent.restart(network.now);
    theirs->agent.restart(network.now);
    ours->learn(*theirs, IceMode::Full, network.now);
    theirs->agent.set_remote(ours->agent.local_credentials(), IceMode::Full, network.now);
    ASSERT_TRUE(network.run_until(is_connected, 3 * kSecond));
}

TEST_F(IceTcpLost, FailsWhenNobodyListensAnyMore) {
    connect(IceMode::Full);
    network.tcp_listeners.clear();
    lose();
    network.run_for(16 * kSecond);
    EXPECT_EQ(ours->agent.state(), IceState::Failed);
    EXPECT_THAT(ours->agent.failure(), HasSubstr("tcp 10.0.0.2:7881 (connection refused)"));
}

}  // namespace
}  // namespace aircheck::transport
