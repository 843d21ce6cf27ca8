#include "transport/peer_transport.hpp"

#include "transport/certificate.hpp"
#include "transport/test_network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestNetwork;

const net::Endpoint kOurs{"10.0.0.1", 4000}, kTheirs{"10.0.0.2", 5000};

/// A transport on a simulated network, and what it reported.
struct Peer final : PeerTransport::Sink {
    Peer(TestNetwork& on, PeerTransport::Config config, const net::Endpoint& address)
        : network(on), node(on.add_node()), transport(*certificate, adapted(config), node, *this) {
        node.addresses[0] = address;
        transport.add_local_address(0, address, Instant{});
        node.on_datagram = [this](PathId path, const net::Endpoint& from, BytesView b, Instant at) {
            transport.on_datagram(path, from, b, at);
        };
        node.on_connected = [this](PathId path, const net::Endpoint& local, Instant at) {
            transport.on_tcp_connected(path, local, at);
        };
        node.on_closed = [this](PathId path, const std::string& reason, Instant at) {
            transport.on_tcp_closed(path, reason, at);
        };
        node.on_tick = [this](Instant at) { transport.on_tick(at); };
        node.deadline = [this](Instant at) { return transport.next_deadline(at); };
    }
    static PeerTransport::Config adapted(PeerTransport::Config config) {
        // DTLS repeats by the system's clock, which runs slower than the simulated one.
        config.dtls_first_retransmit = 1ms;
        return config;
    }

    void on_rtp(BytesView packet, Instant at) override {
        if (!reply.empty()) transport.send_rtcp(reply, at);
        rtp.push_back(to_hex(packet));
    }
    void on_rtcp(BytesView packet, Instant) override { rtcp.push_back(to_hex(packet)); }
    void on_stage(const StageChange& change) override { stages.push_back(change); }

    [[nodiscard]] RemoteParameters description(DtlsSetup setup, IceMode mode) const {
        const auto& local = transport.local();
        return {local.ice_ufrag, local.ice_pwd, mode, local.fingerprint, setup, local.candidates};
    }
    [[nodiscard]] std::vector<Stage> passed() const {
        std::vector<Stage> list;
        for (const auto& change : stages) list.push_back(change.stage);
        return list;
    }

    std::unique_ptr<Certificate> certificate = Certificate::create().value();
    TestNetwork& network;
    TestNetwork::Node& node;
    PeerTransport transport;
    std::vector<std::string> rtp, rtcp;
    Bytes reply;  // Sent for each RTP packet, from inside on_rtp.
    std::vector<StageChange> stages;
};

PeerTransport::Config offerer() {
    PeerTransport::Config config;
    config.side = Side::Offerer;
    config.dtls_timeout = 1000s;
    return config;
}
PeerTransport::Config answerer() {
    PeerTransport::Config config;
    config.dtls_timeout = 1000s;
    return config;
}

class PeerTransportPair : public ::testing::Test {
protected:
    void make(PeerTransport::Config ours_config, PeerTransport::Config theirs_config) {
        their_mode = theirs_config.ice_mode;
        ours = std::make_unique<Peer>(network, ours_config, kOurs);
        theirs = std::make_unique<Peer>(network, theirs_config, kTheirs);
    }
    void describe() {
        ASSERT_TRUE(ours->transport.set_remote(
            theirs->description(DtlsSetup::Actpass, their_mode), network.now
        ));
        ASSERT_TRUE(theirs->transport.set_remote(
            ours->description(ours->transport.local().setup, IceMode::Full), network.now
        ));
    }
    void connect(Nanoseconds limit = 10s) {
        describe();
        ASSERT_TRUE(network.run_until(
            [&] {
                return ours->transport.stage() == Stage::Connected &&
                       theirs->transport.stage() == Stage::Connected;
            },
            limit
        ));
    }
    /// 100 numbered packets from them to us.
    void send_media() {
        for (int i = 0; i < 100; ++i) {
            EXPECT_TRUE(theirs->transport.send_rtp(packet(next++), network.now));
            network.run_for(20ms);
        }
    }
    static Bytes packet(std::uint16_t sequence) {
        Bytes bytes(60, 0x55);
        bytes[0] = 0x80;
        bytes[1] = 111;
        bytes[2] = static_cast<std::uint8_t>(sequence >> 8);
        bytes[3] = static_cast<std::uint8_t>(sequence & 0xff);
        return bytes;
    }

    TestNetwork network{3};
    IceMode their_mode = IceMode::Full;
    std::unique_ptr<Peer> ours, theirs;
    std::uint16_t next = 65'500;
};

TEST_F(PeerTransportPair, MediaComesOutAsItWentIn) {
    make(answerer(), offerer());
    connect(300ms);
    EXPECT_THAT(ours->passed(), ElementsAre(Stage::Ice, Stage::Dtls, Stage::Connected));
    EXPECT_EQ(ours->stages[2].previous, Stage::Dtls);
    EXPECT_GT(ours->stages[2].spent, 10ms);
    EXPECT_EQ(ours->transport.local().setup, DtlsSetup::Active);
    EXPECT_EQ(ours->transport.srtp_profile(), "SRTP_AEAD_AES_128_GCM");
    send_media();
    network.run_for(1s);
    ASSERT_EQ(ours->rtp.size(), 100u);
    for (std::uint16_t i = 0; i < 100; ++i) {
        EXPECT_EQ(ours->rtp[i], to_hex(packet(static_cast<std::uint16_t>(65'500 + i))));
    }
    const auto report = from_hex("80c9000111223344").value();
    EXPECT_TRUE(ours->transport.send_rtcp(report, network.now));
    network.run_for(100ms);
    EXPECT_THAT(theirs->rtcp, ElementsAre("80c9000111223344"));
    EXPECT_EQ(ours->transport.stats().rtp_packets, 100u);
    EXPECT_EQ(ours->transport.stats().rtp_bytes, 6000u);
    EXPECT_EQ(ours->transport.stats().srtp_auth_failures, 0u);
    EXPECT_EQ(ours->transport.selected_pair()->remote, kTheirs);
    EXPECT_FALSE(ours->transport.selected_pair()->tcp);
}

struct VariantRow {
    std::string name;
    PeerTransport::Config ours = answerer(), theirs = offerer();
    double loss = 0;
    friend void PrintTo(const VariantRow& row, std::ostream* out) { *out << row.name; }
};
class PeerTransportVariants : public PeerTransportPair,
                              public ::testing::WithParamInterface<VariantRow> {};

TEST_P(PeerTransportVariants, Connects) {
    make(GetParam().ours, GetParam().theirs);
    network.link.loss = GetParam().loss;
    network.link.jitter = 20ms;
    network.link.duplicate = GetParam().loss;
    connect(1000s);
    network.link = {};
    network.run_for(1s);
    send_media();
    network.run_for(1s);
    EXPECT_EQ(ours->rtp.size(), 100u);
}

std::vector<VariantRow> variants() {
    std::vector<VariantRow> rows;
    rows.push_back({"RemoteLite"});
    rows.back().theirs.ice_mode = IceMode::Lite;
    rows.push_back({"AesCm"});
    rows.back().ours.srtp_profiles = "SRTP_AES128_CM_SHA1_80";
    rows.push_back({"Gcm256"});
    rows.back().theirs.srtp_profiles = "SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
    rows.push_back({"Loss"});
    rows.back().loss = 0.2;
    rows.back().ours.ice_timeout = rows.back().theirs.ice_timeout = 100s;
    return rows;
}
INSTANTIATE_TEST_SUITE_P(
    Rows,
    PeerTransportVariants,
    ::testing::ValuesIn(variants()),
    [](const auto& row) { return row.param.name; }
);

TEST_F(PeerTransportPair, RestartKeepsMediaAndDtls) {
    make(answerer(), offerer());
    connect();
    send_media();
    const auto before = ours->transport.local();
    const auto dtls_packets = ours->transport.stats().dtls_packets;
    theirs->transport.restart_ice(network.now);
    ASSERT_TRUE(ours->transport.set_remote(
        theirs->description(DtlsSetup::Actpass, IceMode::Full), network.now
    ));
    EXPECT_NE(ours->transport.local().ice_ufrag, before.ice_ufrag);
    EXPECT_NE(ours->transport.local().ice_pwd, before.ice_pwd);
    EXPECT_EQ(ours->transport.local().fingerprint, before.fingerprint);
    EXPECT_EQ(ours->transport.local().setup, DtlsSetup::Active);
    send_media();  // While the answer is on its way.
    ASSERT_TRUE(theirs->transport.set_remote(
        ours->description(DtlsSetup::Active, IceMode::Full), network.now
    ));
    send_media();
    network.run_for(60s);
    send_media();
    network.run_for(1s);
    EXPECT_EQ(ours->rtp.size(), 400u);
    EXPECT_EQ(ours->transport.stats().pair_changes, 2u);
    EXPECT_EQ(ours->transport.stats().dtls_packets, dtls_packets);
    EXPECT_THAT(ours->passed(), ElementsAre(Stage::Ice, Stage::Dtls, Stage::Connected));
}

TEST_F(PeerTransportPair, TheSameDescriptionAgainChangesNothing) {
    make(answerer(), offerer());
    connect();
    const auto before = ours->transport.local().ice_ufrag;
    ASSERT_TRUE(ours->transport.set_remote(
        theirs->description(DtlsSetup::Actpass, IceMode::Full), network.now
    ));
    EXPECT_EQ(ours->transport.local().ice_ufrag, before);
    EXPECT_EQ(ours->transport.stats().pair_changes, 1u);
}

TEST_F(PeerTransportPair, AnInterruptionIsToldAndEnds) {
    make(answerer(), offerer());
    connect();
    network.drops = [](const auto&, const auto&, BytesView) { return true; };
    network.run_for(15s);
    EXPECT_EQ(ours->transport.stage(), Stage::Interrupted);
    network.drops = nullptr;
    network.run_for(3s);
    EXPECT_EQ(ours->transport.stage(), Stage::Connected);
    network.drops = [](const auto&, const auto&, BytesView) { return true; };
    network.run_for(40s);
    ASSERT_EQ(ours->transport.stage(), Stage::Failed);
    EXPECT_EQ(ours->stages.back().previous, Stage::Interrupted);
    EXPECT_THAT(ours->stages.back().error->to_string(), HasSubstr("10.0.0.2:5000"));
    EXPECT_FALSE(ours->transport.send_rtcp(from_hex("80c9000111223344").value(), network.now));
}

TEST_F(PeerTransportPair, NoRouteFailsInTheIceStage) {
    make(answerer(), offerer());
    network.drops = [](const auto&, const auto&, BytesView) { return true; };
    describe();
    network.run_for(20s);
    ASSERT_THAT(ours->passed(), ElementsAre(Stage::Ice, Stage::Failed));
    EXPECT_EQ(ours->stages[1].previous, Stage::Ice);
    EXPECT_GE(ours->stages[1].spent, 15s);
    EXPECT_LE(ours->stages[1].spent, 15'100ms);
    EXPECT_THAT(ours->stages[1].error->to_string(), HasSubstr("udp 10.0.0.2:5000"));
}

TEST_F(PeerTransportPair, ARemoteThatSpeaksNoDtlsFailsInThatStage) {
    auto config = answerer();
    config.dtls_timeout = 5s;
    make(config, offerer());
    network.drops = [](const auto&, const auto&, BytesView bytes) { return bytes[0] >= 20; };
    describe();
    network.run_for(20s);
    ASSERT_THAT(ours->passed(), ElementsAre(Stage::Ice, Stage::Dtls, Stage::Failed));
    EXPECT_GE(ours->stages[2].spent, 5s);
    EXPECT_THAT(ours->stages[2].error->to_string(), HasSubstr("DTLS"));
}

TEST_F(PeerTransportPair, AWrongFingerprintFailsInTheDtlsStage) {
    make(answerer(), offerer());
    auto remote = theirs->description(DtlsSetup::Actpass, IceMode::Full);
    remote.fingerprint = ours->certificate->fingerprint();
    ASSERT_TRUE(ours->transport.set_remote(remote, network.now));
    ASSERT_TRUE(theirs->transport.set_remote(
        ours->description(DtlsSetup::Active, IceMode::Full), network.now
    ));
    network.run_for(5s);
    ASSERT_EQ(ours->transport.stage(), Stage::Failed);
    EXPECT_EQ(ours->stages.back().error->code, make_error_code(Errc::PermissionDenied));
    EXPECT_EQ(ours->stages.back().previous, Stage::Dtls);
}

TEST_F(PeerTransportPair, CloseIsSeen) {
    make(answerer(), offerer());
    connect();
    theirs->transport.close(network.now);
    network.run_for(100ms);
    EXPECT_EQ(ours->transport.stage(), Stage::Closed);
    EXPECT_EQ(theirs->transport.stage(), Stage::Closed);
}

TEST_F(PeerTransportPair, HostileDatagramsAreCountedAndDropped) {
    make(answerer(), offerer());
    connect();
    std::mt19937 random(1);
    const net::Endpoint stranger{"203.0.113.9", 6666};
    for (int i = 0; i < 5000; ++i) {
        Bytes bytes(random() % 2500);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
        ours->transport.on_datagram(0, i % 2 == 0 ? stranger : kTheirs, bytes, network.now);
        ours->transport.on_datagram(i % 7 == 0 ? 4711u : 0u, kTheirs, bytes, network.now);
    }
    ours->transport.on_datagram(0, kTheirs, {}, network.now);
    const auto& stats = ours->transport.stats();
    EXPECT_EQ(stats.rtp_packets, 0u);
    EXPECT_GT(stats.unknown_packets, 0u);
    EXPECT_GT(stats.unknown_source, 0u);
    EXPECT_GT(stats.srtp_auth_failures, 0u);
    EXPECT_EQ(ours->transport.stage(), Stage::Connected);
    send_media();
    network.run_for(1s);
    EXPECT_EQ(ours->rtp.size(), 100u);
}

TEST_F(PeerTransportPair, ASinkMayAnswerWhatItIsTold) {
    make(answerer(), offerer());
    connect();
    ours->reply = from_hex("80c9000111223344").value();
    send_media();
    network.run_for(1s);
    EXPECT_EQ(ours->rtp.size(), 100u);
    EXPECT_EQ(ours->rtp.back(), to_hex(packet(static_cast<std::uint16_t>(65'500 + 99))));
    EXPECT_EQ(theirs->rtcp, std::vector<std::string>(100, "80c9000111223344"));
}

TEST_F(PeerTransportPair, AReplayIsCounted) {
    make(answerer(), offerer());
    connect();
    network.link.duplicate = 1;
    send_media();
    network.run_for(1s);
    EXPECT_EQ(ours->rtp.size(), 100u);
    EXPECT_EQ(ours->transport.stats().srtp_replays, 100u);
}

struct BadRow {
    std::string name;
    std::function<void(RemoteParameters&)> spoil;
    Errc expected;
    friend void PrintTo(const BadRow& row, std::ostream* out) { *out << row.name; }
};
class PeerTransportBad : public PeerTransportPair, public ::testing::WithParamInterface<BadRow> {};

TEST_P(PeerTransportBad, DescriptionIsRefused) {
    make(answerer(), offerer());
    auto remote = theirs->description(DtlsSetup::Actpass, IceMode::Full);
    GetParam().spoil(remote);
    const auto result = ours->transport.set_remote(remote, network.now);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, make_error_code(GetParam().expected));
    EXPECT_EQ(ours->transport.stage(), Stage::Idle);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    PeerTransportBad,
    ::testing::Values(
        BadRow{"NoUfrag", [](auto& r) { r.ice_ufrag.clear(); }, Errc::InvalidArgument},
        BadRow{"HugeUfrag", [](auto& r) { r.ice_ufrag.assign(9999, 'a'); }, Errc::InvalidArgument},
        BadRow{"ShortPwd", [](auto& r) { r.ice_pwd = "short"; }, Errc::InvalidArgument},
        BadRow{"NoFingerprint", [](auto& r) { r.fingerprint.clear(); }, Errc::InvalidArgument},
        BadRow{"CutFingerprint", [](auto& r) { r.fingerprint.resize(40); }, Errc::InvalidArgument},
        BadRow{"Sha1", [](auto& r) { r.fingerprint = "sha-1 00:11"; }, Errc::Unsupported}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST_F(PeerTransportPair, AnotherCertificateNeedsANewTransport) {
    make(answerer(), offerer());
    connect();
    auto remote = theirs->description(DtlsSetup::Actpass, IceMode::Full);
    remote.fingerprint = ours->certificate->fingerprint();
    const auto result = ours->transport.set_remote(remote, network.now);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, make_error_code(Errc::Unsupported));
    EXPECT_EQ(ours->transport.stage(), Stage::Connected);
}

}  // namespace
}  // namespace aircheck::transport
