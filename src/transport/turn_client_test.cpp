#include "transport/turn_client.hpp"

#include "net/crypto.hpp"
#include "transport/turn_frames.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

namespace aircheck::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using State = TurnClient::State;

constexpr std::string_view kUser = "ann", kPassword = "secret", kRealm = "relay.example";
const net::Endpoint kRelayed{"198.51.100.7", 49152}, kPeer{"192.0.2.9", 7882};

std::string key_of(std::string_view password) {
    const auto text = std::string(kUser) + ":" + std::string(kRealm) + ":" + std::string(password);
    return std::string(as_text(net::md5(as_bytes(text))));
}

/// A server that a test leads by hand, and the client that talks to it in simulated time.
struct Talk final : TurnClient::Output {
    explicit Talk(TurnClient::Config config = {std::string(kUser), std::string(kPassword), {}, {}})
        : client(std::move(config), *this) {}

    void send_to_server(BytesView message) override {
        sent.emplace_back(message.begin(), message.end());
    }
    void on_relayed(const net::Endpoint& peer, BytesView packet, Instant) override {
        relayed.push_back(peer.to_string() + " " + std::string(as_text(packet)));
    }

    /// The oldest message that was not looked at.
    Bytes take() {
        EXPECT_FALSE(sent.empty());
        if (sent.empty()) return {};
        Bytes first = std::move(sent.front());
        sent.erase(sent.begin());
        return first;
    }
    void answer(
        const Bytes& request,
        stun::Class kind,
        const std::function<void(stun::Builder&)>& more,
        bool is_signed = true
    ) {
        const auto view = stun::MessageView::parse(request).value();
        stun::Builder builder(kind, view.method, view.transaction);
        more(builder);
        const auto bytes = is_signed ? builder.finish(key_of(kPassword)) : builder.finish();
        client.on_message(bytes, now);
    }
    void refuse(const Bytes& request, int code, std::string_view nonce, bool is_signed = false) {
        const auto more = [&](stun::Builder& b) { b.error(code, "no").realm(kRealm).nonce(nonce); };
        answer(request, stun::Class::Error, more, is_signed);
    }
    void succeed(const Bytes& request) {
        answer(request, stun::Class::Success, [](auto&) {});
    }
    void grant(const Bytes& request, std::uint32_t lifetime = 600) {
        answer(request, stun::Class::Success, [&](stun::Builder& builder) {
            xor_relayed(builder);
            builder.lifetime(lifetime);
        });
    }
    static void xor_relayed(stun::Builder& builder) { builder.xor_relayed_address(kRelayed); }

    void become_ready() {
        client.start(now);
        refuse(take(), 401, "n1");
        grant(take());
        ASSERT_EQ(client.state(), State::Ready);
    }
    /// Ready, with a permission and a channel for kPeer.
    void become_bound() {
        become_ready();
        client.send(kPeer, as_bytes("hi"), now);
        succeed(take());
        take();  // The indication.
        data_from(kPeer, "hello");
        succeed(take());
        relayed.clear();
    }
    void data_from(const net::Endpoint& peer, std::string_view text) {
        stun::Builder builder(stun::Class::Indication, stun::kData, stun::new_transaction());
        client.on_message(builder.xor_peer_address(peer).data(as_bytes(text)).finish(), now);
    }
    /// Runs the client's clock on.
    void pass(Nanoseconds time) {
        const auto end = now + time;
        while (true) {
            const auto due = client.next_deadline();
            if (!due || *due > end) break;
            now = std::max(now + 1ms, *due);
            client.on_tick(now);
        }
        now = end;
        client.on_tick(now);
    }

    TurnClient client;
    Instant now{1000s};
    std::vector<Bytes> sent;
    std::vector<std::string> relayed;
};

std::uint16_t method_of(const Bytes& message) {
    return stun::MessageView::parse(message).value().method;
}

TEST(TurnClient, AllocatesWithTheCredentialsThatTheServersRealmAsksFor) {
    Talk talk;
    talk.client.start(talk.now);
    const auto first = talk.take();
    const auto asked = stun::MessageView::parse(first).value();
    EXPECT_EQ(asked.method, stun::kAllocate);
    EXPECT_FALSE(asked.has_integrity);
    // REQUESTED-TRANSPORT of UDP, 17 (RFC 8656 §18.8).
    EXPECT_THAT(to_hex(first), HasSubstr("0019000411000000"));
    talk.refuse(first, 401, "n1");
    const auto second = talk.take();
    const auto signed_request = stun::MessageView::parse(second).value();
    EXPECT_EQ(signed_request.username, kUser);
    EXPECT_EQ(signed_request.realm, kRealm);
    EXPECT_EQ(signed_request.nonce, "n1");
    EXPECT_TRUE(signed_request.verify(key_of(kPassword)));
    talk.grant(second);
    EXPECT_EQ(talk.client.state(), State::Ready);
    EXPECT_EQ(talk.client.relayed(), kRelayed);
}

TEST(TurnClient, TakesANewNonceAndNoSuccessThatIsNotSigned) {
    Talk talk;
    talk.client.start(talk.now);
    talk.refuse(talk.take(), 401, "n1");
    talk.refuse(talk.take(), 438, "n2");
    const auto request = talk.take();
    EXPECT_EQ(stun::MessageView::parse(request)->nonce, "n2");
    talk.answer(request, stun::Class::Success, Talk::xor_relayed, false);
    EXPECT_EQ(talk.client.state(), State::Allocating);
    EXPECT_EQ(talk.client.counters().ignored, 1u);
    talk.grant(request);
    EXPECT_EQ(talk.client.state(), State::Ready);
}

TEST(TurnClient, GivesUpOnCredentialsAndNoncesThatAreRefusedForEver) {
    for (const int code : {401, 438}) {
        Talk talk;
        talk.client.start(talk.now);
        for (int i = 0; i < 10 && !talk.sent.empty(); ++i) {
            talk.refuse(talk.take(), code == 438 && i > 0 ? 438 : 401, "n" + std::to_string(i));
        }
        EXPECT_EQ(talk.client.state(), State::Failed) << code;
        EXPECT_THAT(talk.client.failure(), HasSubstr(std::to_string(code)));
    }
}

TEST(TurnClient, NamesWhyTheServerRefuses) {
    const std::vector<std::pair<int, std::string>> rows{
        {400, "wrong credentials"},
        {403, "forbids"},
        {437, "another allocation"},
        {440, "address family"},
        {442, "UDP"},
        {486, "quota"},
        {508, "capacity"},
        {600, "refuses"}};
    for (const auto& [code, words] : rows) {
        Talk talk;
        talk.client.start(talk.now);
        talk.refuse(talk.take(), 401, "n1");
        talk.refuse(talk.take(), code, "n1", true);
        EXPECT_EQ(talk.client.state(), State::Failed);
        EXPECT_THAT(talk.client.failure(), HasSubstr(words));
        EXPECT_THAT(talk.client.failure(), HasSubstr(std::to_string(code)));
        EXPECT_EQ(talk.client.is_mismatched(), code == 437);
    }
}

TEST(TurnClient, TellsWhereTheServerSendsItInstead) {
    Talk talk;
    talk.client.start(talk.now);
    const auto request = stun::MessageView::parse(talk.sent.front()).value();
    // An error of 300 with ALTERNATE-SERVER 198.51.100.5:3479 (RFC 8489 §14.15), by hand.
    const auto bytes = from_hex(
        "0113"
        "0014"
        "2112a442" +
        to_hex(request.transaction) +
        "00090004"
        "00000300"
        "80230008"
        "00010d97"
        "c6336405"
    );
    talk.client.on_message(*bytes, talk.now);
    EXPECT_EQ(talk.client.state(), State::Failed);
    EXPECT_EQ(talk.client.alternate(), (net::Endpoint{"198.51.100.5", 3479}));
}

TEST(TurnClient, RepeatsWhatIsNotAnsweredAsRfc8489Has) {
    Talk talk;
    talk.client.start(talk.now);
    const auto began = talk.now;
    talk.pass(39s);
    EXPECT_EQ(talk.sent.size(), 7u);
    EXPECT_EQ(talk.client.state(), State::Allocating);
    talk.pass(1s);  // 31.5 s of sending, 8 s of waiting.
    EXPECT_EQ(talk.client.state(), State::Failed);
    EXPECT_THAT(talk.client.failure(), HasSubstr("does not answer"));
    EXPECT_EQ(talk.now - began, 40s);
}

TEST(TurnClient, OnAStreamRepeatsNothing) {
    Talk talk({std::string(kUser), std::string(kPassword), TurnClient::Framing::Stream, {}});
    talk.client.start(talk.now);
    talk.pass(39s);
    EXPECT_EQ(talk.sent.size(), 1u);
    talk.pass(1s);
    EXPECT_EQ(talk.client.state(), State::Failed);
}

TEST(TurnClient, SurvivesAnAnswerThatIsLost) {
    Talk talk;
    talk.client.start(talk.now);
    talk.refuse(talk.take(), 401, "n1");
    talk.take();  // Its answer gets lost.
    talk.pass(600ms);
    talk.grant(talk.take());
    EXPECT_EQ(talk.client.state(), State::Ready);
}

TEST(TurnClient, AsksForAPermissionThenIndicatesThenBindsAChannel) {
    Talk talk;
    talk.become_ready();
    talk.client.send(kPeer, as_bytes("one"), talk.now);
    const auto permission = talk.take();
    EXPECT_EQ(method_of(permission), stun::kCreatePermission);
    EXPECT_EQ(stun::MessageView::parse(permission)->peer_address, kPeer);
    EXPECT_TRUE(talk.sent.empty()) << "the packet waits for its permission";
    talk.succeed(permission);
    const auto indication = talk.take();
    const auto view = stun::MessageView::parse(indication).value();
    EXPECT_EQ(view.message_class, stun::Class::Indication);
    EXPECT_EQ(view.method, stun::kSend);
    EXPECT_EQ(view.peer_address, kPeer);
    EXPECT_EQ(as_text(*view.data), "one");

    talk.data_from(kPeer, "hello");
    EXPECT_THAT(talk.relayed, ElementsAre("192.0.2.9:7882 hello"));
    const auto bind = talk.take();
    EXPECT_EQ(method_of(bind), stun::kChannelBind);
    EXPECT_THAT(to_hex(bind), HasSubstr("000c000440000000"));
    talk.succeed(bind);
    talk.client.send(kPeer, as_bytes("fives"), talk.now);
    EXPECT_EQ(to_hex(talk.take()), "40000005" + to_hex(as_bytes("fives")));
    talk.client.on_message(*from_hex("40000003616263"), talk.now);
    EXPECT_EQ(talk.relayed.back(), "192.0.2.9:7882 abc");
}

TEST(TurnClient, PadsChannelDataOnAStream) {
    Talk talk({std::string(kUser), std::string(kPassword), TurnClient::Framing::Stream, {}});
    talk.become_bound();
    talk.client.send(kPeer, as_bytes("fives"), talk.now);
    EXPECT_EQ(to_hex(talk.take()), "40000005" + to_hex(as_bytes("fives")) + "000000");
}

TEST(TurnClient, GoesOnWithIndicationsWhereTheChannelIsRefused) {
    Talk talk;
    talk.become_ready();
    talk.client.send(kPeer, as_bytes("one"), talk.now);
    talk.succeed(talk.take());
    talk.take();
    talk.data_from(kPeer, "hello");
    talk.refuse(talk.take(), 400, "n1", true);
    talk.client.send(kPeer, as_bytes("two"), talk.now);
    EXPECT_EQ(method_of(talk.take()), stun::kSend);
}

TEST(TurnClient, SendsNothingToAPeerThatIsForbidden) {
    Talk talk;
    talk.become_ready();
    talk.client.send(kPeer, as_bytes("one"), talk.now);
    talk.refuse(talk.take(), 403, "n1", true);
    talk.client.send(kPeer, as_bytes("two"), talk.now);
    EXPECT_TRUE(talk.sent.empty());
    EXPECT_EQ(talk.client.counters().unsent, 2u);
    EXPECT_EQ(talk.client.state(), State::Ready) << "others may be allowed";
}

TEST(TurnClient, RenewsPermissionChannelAndAllocationInTime) {
    Talk talk;
    talk.become_bound();
    std::map<std::uint16_t, std::vector<double>> renewed;
    const auto began = talk.now;
    while (talk.now < began + 1200s) {
        talk.client.send(kPeer, as_bytes("x"), talk.now);
        talk.take();
        talk.pass(10s);
        for (const auto& request : std::exchange(talk.sent, {})) {
            renewed[method_of(request)].push_back(to_seconds(talk.now - began));
            method_of(request) == stun::kRefresh ? talk.grant(request) : talk.succeed(request);
        }
    }
    // Never later than the 5, 10 and (granted) 10 minutes that each lasts.
    const auto longest = [](const std::vector<double>& times) {
        double last = 0, most = 0;
        for (const double time : times) most = std::max(most, time - std::exchange(last, time));
        return times.empty() ? 1e9 : most;
    };
    auto permissions = renewed[stun::kCreatePermission];  // A channel's renewal is one as well.
    for (const double time : renewed[stun::kChannelBind]) permissions.push_back(time);
    std::sort(permissions.begin(), permissions.end());
    EXPECT_LT(longest(permissions), 300);
    EXPECT_LT(longest(renewed[stun::kChannelBind]), 600);
    EXPECT_LT(longest(renewed[stun::kRefresh]), 600);
    EXPECT_EQ(talk.client.state(), State::Ready);
}

TEST(TurnClient, RefreshesWithANewNonceWhenItsOwnHasExpired) {
    Talk talk;
    talk.become_ready();
    talk.pass(540s);
    talk.refuse(talk.take(), 438, "n9");
    const auto again = talk.take();
    EXPECT_EQ(stun::MessageView::parse(again)->nonce, "n9");
    EXPECT_EQ(method_of(again), stun::kRefresh);
    talk.grant(again);
    talk.pass(100s);
    EXPECT_EQ(talk.client.state(), State::Ready);
}

TEST(TurnClient, LivesOnUntilItsTimeIsOverWhenTheCredentialsHaveExpired) {
    Talk talk;
    talk.become_bound();
    talk.pass(541s);
    for (int i = 0; i < 40 && !talk.sent.empty(); ++i) talk.refuse(talk.take(), 401, "n9");
    EXPECT_TRUE(talk.client.is_expiring());
    EXPECT_EQ(talk.client.state(), State::Ready);
    talk.pass(60s);
    EXPECT_EQ(talk.client.state(), State::Failed);
}

TEST(TurnClient, TheLifetimeIsTheServersWithinReason) {
    for (const auto& [told, refreshed] : std::vector<std::pair<std::uint32_t, Nanoseconds>>{
             {0, 5s}, {100, 50s}, {0xffffffff, 3540s}}) {
        Talk talk;
        talk.client.start(talk.now);
        talk.refuse(talk.take(), 401, "n1");
        talk.grant(talk.take(), told);
        EXPECT_EQ(*talk.client.next_deadline() - talk.now, refreshed) << told;
    }
}

TEST(TurnClient, GivesTheAllocationBack) {
    Talk talk;
    talk.become_ready();
    talk.client.close(talk.now);
    const auto refresh = talk.take();
    EXPECT_EQ(method_of(refresh), stun::kRefresh);
    EXPECT_EQ(stun::MessageView::parse(refresh)->lifetime_s, 0u);
    talk.refuse(refresh, 438, "n2");
    EXPECT_EQ(stun::MessageView::parse(talk.take())->nonce, "n2");
    EXPECT_EQ(talk.client.state(), State::Closed);
}

TEST(TurnClient, DropsWhatIsNotForIt) {
    Talk talk;
    talk.become_bound();
    const auto before = talk.client.counters().ignored;
    for (const char* hex :
         {"",
          "40",
          "400000",
          "40000009616263",
          "4001000361626300",
          "4000000161626364656667",
          "ffffffff",
          "0001",
          "000100002112a442000000000000000000000000",
          "011300002112a442000000000000000000000000",
          "01030000ffffffff000000000000000000000000",
          "001700002112a442000000000000000000000000"}) {
        talk.client.on_message(*from_hex(hex), talk.now);
    }
    EXPECT_EQ(talk.client.counters().ignored, before + 12);
    talk.data_from({"203.0.113.1", 1}, "who?");
    EXPECT_EQ(talk.client.counters().unknown_peer, 1u);
    EXPECT_TRUE(talk.relayed.empty());
    EXPECT_EQ(talk.client.state(), State::Ready);
}

TEST(TurnClient, HoldsNoMorePeersAndPacketsThanItsLimits) {
    Talk talk;
    talk.become_ready();
    for (std::uint16_t port = 1; port <= 100; ++port) {
        for (int i = 0; i < 10; ++i) talk.client.send({"192.0.2.9", port}, as_bytes("x"), talk.now);
    }
    EXPECT_EQ(talk.sent.size(), 32u) << "requests for permissions";
    EXPECT_EQ(talk.client.counters().unsent, 68u * 10 + 32u * 6);
}

TEST(TurnClient, RefusesCredentialsThatStunCannotCarry) {
    for (const auto& name : {std::string(), std::string(514, 'x')}) {
        Talk talk({name, "p", {}, {}});
        talk.client.start(talk.now);
        EXPECT_EQ(talk.client.state(), State::Failed);
        EXPECT_TRUE(talk.sent.empty());
    }
}

}  // namespace
}  // namespace aircheck::transport
