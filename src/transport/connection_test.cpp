#include "transport/connection.hpp"

#include "net/loop.hpp"
#include "net/socket.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace aircheck::transport {
namespace {

/// One end on a loop, and what it reported.
struct End final : PeerTransport::Sink {
    End(net::Loop& loop, Side side, const std::string& address) {
        Connection::Options options;
        options.local_addresses = {address};
        options.transport.side = side;
        connection = Connection::open(loop, *certificate, options, *this).value();
    }
    void on_rtp(BytesView packet, Instant at) override {
        rtp.push_back(to_hex(packet));
        arrival = at;
    }
    void on_rtcp(BytesView packet, Instant) override { rtcp.push_back(to_hex(packet)); }
    void on_stage(const StageChange& change) override {
        if (changed) changed(change.stage);
    }
    [[nodiscard]] RemoteParameters description(DtlsSetup setup) const {
        const auto& local = connection->local();
        RemoteParameters remote;
        remote.ice_ufrag = local.ice_ufrag;
        remote.ice_pwd = local.ice_pwd;
        remote.fingerprint = local.fingerprint;
        remote.setup = setup;
        remote.candidates = local.candidates;
        return remote;
    }

    std::unique_ptr<Certificate> certificate = Certificate::create().value();
    std::unique_ptr<Connection> connection;
    std::function<void(Stage)> changed;
    std::vector<std::string> rtp, rtcp;
    Instant arrival;
};

class ConnectionOver : public testing::TestWithParam<std::string> {};

TEST_P(ConnectionOver, LoopbackCarriesMediaReadableAndPolled) {
    net::Loop loop;
    net::Timer watchdog(loop);
    watchdog.after(30s, [&] { loop.stop(); });
    End ours(loop, Side::Answerer, GetParam()), theirs(loop, Side::Offerer, GetParam());
    const auto packet = from_hex("806f0001000000010000000a616263").value();
    const auto report = from_hex("80c9000111223344").value();
    int connected = 0;

    net::Timer tick(loop);
    std::function<void()> on_tick = [&] {
        ours.connection->drain(monotonic_now());
        if (!ours.rtp.empty() && !theirs.rtcp.empty()) return loop.stop();
        tick.after(20ms, on_tick);
    };
    const auto begin = [&] {
        ours.connection->set_polled();
        EXPECT_TRUE(theirs.connection->send_rtp(packet));
        EXPECT_TRUE(ours.connection->send_rtcp(report));
        on_tick();
    };
    const auto count = [&](Stage stage) {
        if (stage == Stage::Connected && ++connected == 2) loop.post(begin);
    };
    ours.changed = count;
    theirs.changed = count;
    ASSERT_TRUE(ours.connection->set_remote(theirs.description(DtlsSetup::Actpass)));
    ASSERT_TRUE(theirs.connection->set_remote(ours.description(DtlsSetup::Active)));
    const auto before = monotonic_now();
    loop.run("test");

    ASSERT_EQ(connected, 2);
    ASSERT_EQ(ours.rtp.size(), 1u);
    EXPECT_EQ(ours.rtp[0], to_hex(packet));
    EXPECT_EQ(theirs.rtcp, std::vector<std::string>{to_hex(report)});
    EXPECT_GE(ours.arrival, before);
    EXPECT_LE(ours.arrival, monotonic_now());
    EXPECT_EQ(ours.connection->selected_pair()->remote.address, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Addresses,
    ConnectionOver,
    testing::Values("127.0.0.1", "::1"),
    [](const auto& row) { return row.param == "::1" ? "V6" : "V4"; }
);

TEST(Connection, AnAddressThatIsNotOursIsNamed) {
    net::Loop loop;
    End sink(loop, Side::Answerer, "127.0.0.1");
    Connection::Options options;
    options.local_addresses = {"192.0.2.1", "no address"};
    const auto connection = Connection::open(loop, *sink.certificate, options, sink);
    ASSERT_FALSE(connection);
    EXPECT_NE(connection.error().to_string().find("192.0.2.1"), std::string::npos);
}

TEST(Connection, CloseIsHeardByTheOther) {
    net::Loop loop;
    net::Timer watchdog(loop);
    watchdog.after(30s, [&] { loop.stop(); });
    End ours(loop, Side::Answerer, "127.0.0.1"), theirs(loop, Side::Offerer, "127.0.0.1");
    int connected = 0;
    const auto react = [&](Stage stage) {
        if (stage == Stage::Connected && ++connected == 2) {
            loop.post([&] { theirs.connection->close(); });
        }
        if (stage == Stage::Closed) loop.stop();
    };
    ours.changed = react;
    theirs.changed = react;
    ASSERT_TRUE(ours.connection->set_remote(theirs.description(DtlsSetup::Actpass)));
    ASSERT_TRUE(theirs.connection->set_remote(ours.description(DtlsSetup::Active)));
    loop.run("test");
    EXPECT_EQ(ours.connection->stage(), Stage::Closed);
    EXPECT_FALSE(ours.connection->send_rtcp(from_hex("80c9000111223344").value()));
}

}  // namespace
}  // namespace aircheck::transport
