// Relayed candidates, and paths that come and go.
#include "transport/ice_testing.hpp"

#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

using namespace testing;

constexpr PathId kRelay = kFirstRelayPath;
const net::Endpoint kRelayed{"198.51.100.7", 49152};

/// Ours, which asks for a relay when it is due, and the remote.
struct Call {
    explicit Call(IceMode remote_mode = IceMode::Full, std::vector<net::Endpoint> local = {kOurs})
        : ours(network, steady_config_of(IceRole::Controlled), std::move(local)),
          theirs(network, config_of(IceRole::Controlling, remote_mode), {kTheirs}) {
        const auto tick = ours.node.on_tick;
        ours.node.on_tick = [this, tick](Instant now) {
            tick(now);
            if (!ours.agent.take_relay_request(now)) return;
            relay_asked = now;
            if (has_relay) add_relay(now);
        };
        ours.node.deadline = [this](Instant) {
            const auto due = ours.agent.next_deadline(), relay = ours.agent.relay_due();
            if (!due || !relay) return due ? due : relay;
            return std::optional(std::min(*due, *relay));
        };
        began = network.now;
        theirs.learn(ours, IceMode::Full, network.now);
        ours.learn(theirs, remote_mode, network.now);
    }
    void add_relay(Instant now) {
        ours.node.addresses[kRelay] = kRelayed;
        ours.agent.add_relayed_candidate(kRelay, kRelayed, 60'000, now);
    }
    void block_direct() {
        network.drops = [this](const auto& from, const auto& to, BytesView) {
            return from == kOurs || to == kOurs ||
                   (is_relay_dead && (from == kRelayed || to == kRelayed));
        };
    }
    [[nodiscard]] bool connects(Nanoseconds limit) {
        return network.run_until([&] { return are_connected(ours, theirs); }, limit);
    }

    TestNetwork network{7};
    Peer ours, theirs;
    bool has_relay = true, is_relay_dead = false;
    std::optional<Instant> relay_asked;
    Instant began;
};

TEST(IceRelay, IsNotAskedForWhereADirectPairWorks) {
    Call call;
    ASSERT_TRUE(call.connects(kSecond));
    EXPECT_LT(call.network.now - call.began, 500ms);
    call.network.run_for(60s);
    EXPECT_FALSE(call.relay_asked);
    EXPECT_EQ(call.ours.agent.selected()->path, 0u);
}

TEST(IceRelay, CarriesWhatNoDirectPairDoes) {
    for (const auto mode : {IceMode::Full, IceMode::Lite}) {
        Call call(mode);
        call.block_direct();
        ASSERT_TRUE(call.network.run_until(
            [&] { return call.ours.agent.selected() != nullptr; }, 5 * kSecond
        ));
        EXPECT_EQ(*call.relay_asked - call.began, 1s);
        EXPECT_LT(call.network.now - *call.relay_asked, kSecond);
        EXPECT_EQ(call.ours.agent.selected()->path, kRelay);
        EXPECT_EQ(call.ours.agent.selected()->remote, kTheirs);
    }
}

TEST(IceRelay, IsAskedForAtOnceWhereNothingElseMayBeUsed) {
    Call call(IceMode::Full, {});
    ASSERT_TRUE(call.connects(kSecond));
    EXPECT_LT(*call.relay_asked - call.began, 20ms);
    EXPECT_EQ(call.ours.agent.selected()->path, kRelay);
}

TEST(IceRelay, ADirectPairIsTakenBeforeOneByARelay) {
    Call call;
    call.add_relay(call.network.now);
    ASSERT_TRUE(call.connects(kSecond));
    call.network.run_for(kSecond);
    EXPECT_EQ(call.ours.agent.selected()->path, 0u);
    const auto& locals = call.ours.agent.local_candidates();
    EXPECT_LT(locals[1].priority, locals[0].priority);
    EXPECT_EQ(locals[1].priority >> 24, 0u);  // RFC 8445 §5.1.2.2: the type preference of relays.
}

TEST(IceRelay, OneThatIsGoneIsAskedForAgainAndSaidSo) {
    Call call(IceMode::Lite);
    call.block_direct();
    ASSERT_TRUE(
        call.network.run_until([&] { return call.ours.agent.selected() != nullptr; }, 5 * kSecond)
    );
    call.network.run_for(kSecond);
    call.is_relay_dead = true;
    call.has_relay = false;
    call.relay_asked.reset();
    call.ours.node.addresses.erase(kRelay);
    call.ours.agent.remove_path(kRelay, call.network.now);
    EXPECT_EQ(call.ours.agent.selected(), nullptr);
    EXPECT_EQ(call.ours.agent.state(), IceState::Disconnected);
    call.ours.agent.set_relay_words("relay turn:relay.example:3478?transport=udp does not answer");
    call.network.run_for(20s);
    EXPECT_TRUE(call.relay_asked);
    EXPECT_EQ(call.ours.agent.state(), IceState::Failed);
    EXPECT_NE(call.ours.agent.failure().find("relay.example"), std::string::npos);
}

TEST(IceRelay, IsAskedForAgainWhereNoServerHadOne) {
    Call call;
    call.block_direct();
    call.has_relay = false;
    ASSERT_TRUE(call.network.run_until([&] { return call.relay_asked.has_value(); }, 2 * kSecond));
    call.relay_asked.reset();
    call.has_relay = true;
    const auto again = call.network.now + 2s;
    call.ours.agent.ask_for_relays_at(again);
    ASSERT_TRUE(call.connects(5 * kSecond));
    EXPECT_EQ(*call.relay_asked, again);
    call.ours.agent.ask_for_relays_at(call.network.now);
    EXPECT_FALSE(call.ours.agent.relay_due()) << "a pair works";
}

TEST(IcePaths, AnotherAddressTakesOverFromOneThatIsGone) {
    const net::Endpoint second{"10.0.0.3", 4002};
    for (const bool is_known_before : {true, false}) {
        Call call(IceMode::Lite);
        ASSERT_TRUE(
            call.network.run_until([&] { return call.ours.agent.selected() != nullptr; }, kSecond)
        );
        const auto add = [&] {
            call.ours.node.addresses[1] = second;
            call.ours.agent.add_local_candidate(1, second, call.network.now);
        };
        if (is_known_before) add();
        call.network.run_for(kSecond);
        call.ours.node.addresses.erase(0);
        call.ours.agent.remove_path(0, call.network.now);
        EXPECT_EQ(call.ours.agent.selected(), nullptr);
        if (!is_known_before) add();
        ASSERT_TRUE(
            call.network.run_until([&] { return call.ours.agent.selected() != nullptr; }, kSecond)
        );
        EXPECT_EQ(call.ours.agent.selected()->local, second);
        EXPECT_EQ(call.ours.agent.local_candidates().size(), 1u);
    }
}

TEST(IcePaths, ARetiredPathIsUsedOnButNotOffered) {
    Call call;
    ASSERT_TRUE(call.connects(kSecond));
    call.ours.agent.retire_path(0);
    EXPECT_TRUE(call.ours.agent.local_candidates().empty());
    call.network.run_for(20s);
    ASSERT_NE(call.ours.agent.selected(), nullptr);
    EXPECT_EQ(call.ours.agent.state(), IceState::Connected);
}

}  // namespace
}  // namespace aircheck::transport
