#include "transport/ice.hpp"

#include "transport/test_network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

using ::testing::HasSubstr;
using testing::TestNetwork;

constexpr Nanoseconds kSecond = 1s;

/// An agent, its node, and what a description would say of it.
struct Peer {
    Peer(TestNetwork& network, IceAgent::Config config, std::vector<net::Endpoint> udp)
        : node(network.add_node()), agent(config, node) {
        PathId path = 0;
        for (const auto& address : udp) {
            node.addresses[path] = address;
            agent.add_local_candidate(path++, address);
        }
        node.on_datagram = [this](PathId on, const net::Endpoint& from, BytesView b, Instant at) {
            if (!agent.on_stun(on, from, b, at)) ++ignored;
        };
        node.on_connected = [this](PathId on, const net::Endpoint& local, Instant at) {
            agent.on_tcp_connected(on, local, at);
        };
        node.on_closed = [this](PathId on, const std::string& reason, Instant at) {
            agent.on_tcp_closed(on, reason, at);
        };
        node.on_tick = [this](Instant at) { agent.on_tick(at); };
        node.deadline = [this](Instant) { return agent.next_deadline(); };
    }

    void learn(const Peer& other, IceMode mode, Instant now) {
        agent.set_remote(other.agent.local_credentials(), mode, now);
        for (const auto& candidate :
             other.offered.empty() ? other.agent.local_candidates() : other.offered) {
            agent.add_remote_candidate(candidate, now);
        }
    }

    TestNetwork::Node& node;
    IceAgent agent;
    std::vector<Candidate> offered;  // Instead of the agent's own.
    int ignored = 0;
};

IceAgent::Config config_of(IceRole role, IceMode mode = IceMode::Full) {
    IceAgent::Config config;
    config.role = role;
    config.mode = mode;
    return config;
}

/// The same times in every run: they are drawn from the tie-breaker.
IceAgent::Config steady_config_of(IceRole role) {
    IceAgent::Config config = config_of(role);
    config.tie_breaker = role == IceRole::Controlled ? 2 : 3;
    return config;
}

bool are_connected(const Peer& a, const Peer& b) {
    return a.agent.state() == IceState::Connected && b.agent.state() == IceState::Connected &&
           a.agent.selected() != nullptr && b.agent.selected() != nullptr &&
           a.agent.selected()->remote == b.agent.selected()->local;
}

const net::Endpoint kOurs{"10.0.0.1", 4000}, kTheirs{"10.0.0.2", 5000};
const net::Endpoint kOursV6{"2001:db8::1", 4001}, kTheirsV6{"2001:db8::2", 5001};

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

TEST(Ice, CredentialsAreLongAndNew) {
    const auto a = new_ice_credentials(), b = new_ice_credentials();
    EXPECT_EQ(a.ufrag.size(), 8u);
    EXPECT_EQ(a.pwd.size(), 24u);
    EXPECT_NE(a.ufrag, b.ufrag);
    EXPECT_NE(a.pwd, b.pwd);
}

}  // namespace
}  // namespace aircheck::transport
