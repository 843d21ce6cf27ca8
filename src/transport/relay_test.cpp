#include "transport/relay.hpp"

#include "net/crypto.hpp"
#include "net/loop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

using ::testing::HasSubstr;
using State = TurnClient::State;

/// A TURN server on loopback that a test leads: refuses with `codes` in turn, then grants.
struct FakeServer {
    explicit FakeServer(net::Loop& loop)
        : socket(net::UdpSocket::open(loop, {"127.0.0.1", 0}).value()) {
        socket->on_readable([this] {
            socket->drain([this](BytesView bytes, const net::Endpoint& from, Instant) {
                hear(bytes, from);
            });
        });
    }
    void hear(BytesView bytes, const net::Endpoint& from) {
        const auto request = stun::MessageView::parse(bytes).value();
        clients.push_back(from);
        if (!request.has_integrity) return refuse(request, from, 401);
        if (!codes.empty()) {
            const int code = codes.front();
            codes.erase(codes.begin());
            return refuse(request, from, code);
        }
        const auto key = net::md5(as_bytes("ann:relay.example:secret"));
        stun::Builder builder(stun::Class::Success, request.method, request.transaction);
        builder.xor_relayed_address({"198.51.100.7", 49152}).lifetime(600);
        socket->send(builder.finish(as_text(key)), from);
    }
    void refuse(const stun::MessageView& request, const net::Endpoint& from, int code) {
        if (code == 300) return redirect(request, from);
        stun::Builder builder(stun::Class::Error, request.method, request.transaction);
        builder.error(code, "no").realm("relay.example").nonce("n");
        socket->send(builder.finish(), from);
    }
    /// ALTERNATE-SERVER (RFC 8489 §14.15), by hand.
    void redirect(const stun::MessageView& request, const net::Endpoint& from) {
        Bytes bytes;
        ByteWriter out(bytes);
        out.bytes(
            *from_hex("01130014"
                      "2112a442")
        );
        out.bytes(request.transaction);
        out.bytes(
            *from_hex("00090004"
                      "00000300"
                      "80230008"
                      "0001")
        );
        out.u16(elsewhere.port);
        out.bytes(*from_hex("7f000001"));
        socket->send(bytes, from);
    }
    [[nodiscard]] TurnServer entry() const {
        return {"127.0.0.1", socket->local().port, TurnTransport::Udp, "ann", "secret"};
    }

    std::unique_ptr<net::UdpSocket> socket;
    std::vector<int> codes;
    net::Endpoint elsewhere;
    std::vector<net::Endpoint> clients;
};

class RelayTest : public ::testing::Test {
protected:
    /// Runs until the relay is ready or has failed.
    Relay& settle(const TurnServer& server) {
        Relay::Handlers on;
        on.changed = [this] {
            if (relay_->state() == State::Ready || relay_->state() == State::Failed) loop_.stop();
        };
        on.packet = [](const auto&, auto, auto) {};
        relay_.emplace(loop_, server, RelayAccess{}, std::move(on));
        net::Timer watchdog(loop_);
        watchdog.after(30s, [this] { loop_.stop(); });
        loop_.run("test");
        return *relay_;
    }

    net::Loop loop_;
    std::optional<Relay> relay_;
};

TEST_F(RelayTest, GetsAnAllocation) {
    FakeServer server(loop_);
    auto& relay = settle(server.entry());
    EXPECT_EQ(relay.state(), State::Ready);
    EXPECT_EQ(relay.relayed(), (net::Endpoint{"198.51.100.7", 49152}));
}

TEST_F(RelayTest, GoesWhereTheServerSendsIt) {
    FakeServer first(loop_), second(loop_);
    first.codes = {300};
    first.elsewhere = second.socket->local();
    EXPECT_EQ(settle(first.entry()).state(), State::Ready);
    EXPECT_FALSE(second.clients.empty());
}

TEST_F(RelayTest, IsNotSentAroundForEver) {
    FakeServer server(loop_);
    server.codes.assign(100, 300);
    server.elsewhere = server.socket->local();
    auto& relay = settle(server.entry());
    EXPECT_EQ(relay.state(), State::Failed);
    EXPECT_EQ(server.codes.size(), 96u);
    EXPECT_THAT(relay.failure(), HasSubstr("sends us elsewhere"));
}

TEST_F(RelayTest, TakesAnotherPortWhereTheServerRemembersOurs) {
    FakeServer server(loop_);
    server.codes = {437};
    EXPECT_EQ(settle(server.entry()).state(), State::Ready);
    EXPECT_NE(server.clients.front(), server.clients.back());
}

TEST_F(RelayTest, NamesTheServerThatRefuses) {
    FakeServer server(loop_);
    server.codes = {486};
    auto& relay = settle(server.entry());
    EXPECT_EQ(relay.state(), State::Failed);
    EXPECT_THAT(relay.failure(), HasSubstr(server.entry().to_string()));
    EXPECT_THAT(relay.failure(), HasSubstr("quota"));
}

TEST_F(RelayTest, NamesAHostThatIsNotThere) {
    auto& relay = settle({"nowhere.invalid", 3478, TurnTransport::Udp, "ann", "secret"});
    EXPECT_EQ(relay.state(), State::Failed);
    EXPECT_THAT(relay.failure(), HasSubstr("nowhere.invalid"));
}

}  // namespace
}  // namespace aircheck::transport
