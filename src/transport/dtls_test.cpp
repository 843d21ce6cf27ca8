#include "transport/dtls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace aircheck::transport {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kAllProfiles =
    "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";

struct Outbox final : Dtls::Output {
    void send_dtls(BytesView datagram) override {
        EXPECT_LE(datagram.size(), 1200u);
        packets.emplace_back(datagram.begin(), datagram.end());
    }
    std::deque<Bytes> packets;
};

/// A client and a server in one process; what one sends is handed to the other by exchange().
struct Handshake {
    explicit Handshake(
        std::string client_profiles = std::string(kAllProfiles),
        std::string server_profiles = std::string(kAllProfiles)
    ) {
        Dtls::Config config;
        config.first_retransmit = 1ms;  // Of the system's clock: see dtls.hpp.
        config.remote_fingerprint = server_certificate->fingerprint();
        config.srtp_profiles = std::move(client_profiles);
        client = Dtls::create(*client_certificate, config, from_client).value();
        config.role = Dtls::Role::Server;
        config.remote_fingerprint = client_certificate->fingerprint();
        config.srtp_profiles = std::move(server_profiles);
        server = Dtls::create(*server_certificate, config, from_server).value();
    }

    /// Hands over packets, each lost with probability `loss`, newest first when asked for.
    void exchange(double loss = 0, bool reversed = false) {
        const auto move = [&](Outbox& from, Dtls& to) {
            while (!from.packets.empty()) {
                const auto packet = reversed ? from.packets.back() : from.packets.front();
                reversed ? from.packets.pop_back() : from.packets.pop_front();
                if (std::uniform_real_distribution<>(0, 1)(random) >= loss) {
                    to.on_datagram(packet, now);
                }
            }
        };
        move(from_client, *server);
        move(from_server, *client);
        client->on_tick(now);
        server->on_tick(now);
    }
    void start() {
        client->start(now);
        server->start(now);
    }
    [[nodiscard]] bool is_done() const {
        return client->state() != Dtls::State::Handshaking &&
               server->state() != Dtls::State::Handshaking;
    }

    std::unique_ptr<Certificate> client_certificate = Certificate::create().value();
    std::unique_ptr<Certificate> server_certificate = Certificate::create().value();
    Outbox from_client, from_server;
    std::unique_ptr<Dtls> client, server;
    Instant now{1000s};
    std::mt19937 random{1};
};

struct ProfileRow {
    std::string_view name, client, server;
    SrtpProfile expected;
    friend void PrintTo(const ProfileRow& row, std::ostream* out) { *out << row.name; }
};
class DtlsProfiles : public ::testing::TestWithParam<ProfileRow> {};

TEST_P(DtlsProfiles, BothSidesGetTheSameKeys) {
    Handshake handshake{std::string(GetParam().client), std::string(GetParam().server)};
    handshake.start();
    for (int i = 0; i < 10 && !handshake.is_done(); ++i) handshake.exchange();
    ASSERT_EQ(handshake.client->state(), Dtls::State::Connected);
    ASSERT_EQ(handshake.server->state(), Dtls::State::Connected);
    const auto& client = *handshake.client->keys();
    const auto& server = *handshake.server->keys();
    EXPECT_EQ(client.profile, GetParam().expected);
    EXPECT_EQ(server.profile, GetParam().expected);
    EXPECT_EQ(client.inbound, server.outbound);
    EXPECT_EQ(client.outbound, server.inbound);
    EXPECT_NE(client.inbound, client.outbound);
    const auto sizes = sizes_of(client.profile);
    EXPECT_EQ(client.inbound.size(), sizes.key + sizes.salt);
    EXPECT_TRUE(SrtpSession::create(client));
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    DtlsProfiles,
    ::testing::Values(
        ProfileRow{
            "ServersOrderWins",
            kAllProfiles,
            "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM",
            SrtpProfile::AeadAes256Gcm},
        ProfileRow{"Gcm128", "SRTP_AEAD_AES_128_GCM", kAllProfiles, SrtpProfile::AeadAes128Gcm},
        ProfileRow{"AesCm", kAllProfiles, "SRTP_AES128_CM_SHA1_80", SrtpProfile::Aes128CmSha1_80}
    ),
    [](const auto& row) { return std::string(row.param.name); }
);

TEST(Dtls, NoCommonProfileFails) {
    Handshake handshake{"SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"};
    handshake.start();
    for (int i = 0; i < 10 && !handshake.is_done(); ++i) handshake.exchange();
    EXPECT_EQ(handshake.client->state(), Dtls::State::Failed);
    EXPECT_FALSE(handshake.client->keys());
}

TEST(Dtls, UnknownProfileIsRefusedAtOnce) {
    const auto certificate = Certificate::create().value();
    Outbox outbox;
    Dtls::Config config;
    config.srtp_profiles = "SRTP_NO_SUCH_THING";
    EXPECT_FALSE(Dtls::create(*certificate, config, outbox));
}

TEST(Dtls, SurvivesLossAndReordering) {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        Handshake handshake;
        handshake.random.seed(seed);
        handshake.start();
        const auto limit = std::chrono::steady_clock::now() + 20s;
        bool reversed = false;
        while (!handshake.is_done() && std::chrono::steady_clock::now() < limit) {
            handshake.exchange(0.3, reversed = !reversed);
        }
        // The server may be done while its last flight is lost: the client's repetition brings it
        // back.
        EXPECT_EQ(handshake.client->state(), Dtls::State::Connected) << seed;
        EXPECT_EQ(handshake.server->state(), Dtls::State::Connected) << seed;
        EXPECT_EQ(handshake.client->keys()->inbound, handshake.server->keys()->outbound);
    }
}

TEST(Dtls, AnotherCertificateIsRefused) {
    Handshake handshake;
    const auto stranger = Certificate::create().value();
    Dtls::Config config;
    config.remote_fingerprint = stranger->fingerprint();
    config.srtp_profiles = std::string(kAllProfiles);
    handshake.client =
        Dtls::create(*handshake.client_certificate, config, handshake.from_client).value();
    handshake.start();
    for (int i = 0; i < 10 && !handshake.is_done(); ++i) handshake.exchange();
    EXPECT_EQ(handshake.client->state(), Dtls::State::Failed);
    EXPECT_EQ(handshake.client->error().code, make_error_code(Errc::PermissionDenied));
    EXPECT_FALSE(handshake.client->keys());
}

TEST(Dtls, FingerprintIsComparedIgnoringCase) {
    Handshake handshake;
    auto lower = handshake.server_certificate->fingerprint();
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    Dtls::Config config;
    config.remote_fingerprint = lower;
    config.srtp_profiles = std::string(kAllProfiles);
    handshake.client =
        Dtls::create(*handshake.client_certificate, config, handshake.from_client).value();
    handshake.start();
    for (int i = 0; i < 10 && !handshake.is_done(); ++i) handshake.exchange();
    EXPECT_EQ(handshake.client->state(), Dtls::State::Connected);
}

TEST(Dtls, SilenceTimesOut) {
    Handshake handshake;
    handshake.start();
    EXPECT_TRUE(handshake.client->next_deadline(handshake.now));
    handshake.client->on_tick(handshake.now + 14s);
    EXPECT_EQ(handshake.client->state(), Dtls::State::Handshaking);
    handshake.client->on_tick(handshake.now + 15s);
    ASSERT_EQ(handshake.client->state(), Dtls::State::Failed);
    EXPECT_EQ(handshake.client->error().code, make_error_code(Errc::Timeout));
    EXPECT_FALSE(handshake.client->next_deadline(handshake.now));
}

TEST(Dtls, CloseIsSeenByTheOther) {
    Handshake handshake;
    handshake.start();
    for (int i = 0; i < 10 && !handshake.is_done(); ++i) handshake.exchange();
    handshake.server->close();
    handshake.exchange();
    EXPECT_EQ(handshake.client->state(), Dtls::State::Closed);
}

TEST(Dtls, GarbageIsIgnored) {
    Handshake handshake;
    handshake.start();
    const auto garbage = [&](Dtls& to) {
        for (std::size_t size = 1; size < 200; size += 7) {
            Bytes bytes(size);
            for (auto& byte : bytes) byte = static_cast<std::uint8_t>(handshake.random());
            bytes[0] = static_cast<std::uint8_t>(20 + size % 44);
            to.on_datagram(bytes, handshake.now);
        }
        // A handshake record that announces more than it has.
        to.on_datagram(from_hex("16fefd000000000000000100ff0100").value(), handshake.now);
    };
    for (int i = 0; i < 10 && !handshake.is_done(); ++i) {
        garbage(*handshake.client);
        garbage(*handshake.server);
        handshake.exchange();
    }
    ASSERT_EQ(handshake.client->state(), Dtls::State::Connected);
    garbage(*handshake.client);
    garbage(*handshake.server);
    EXPECT_EQ(handshake.client->state(), Dtls::State::Connected);
    EXPECT_EQ(handshake.server->state(), Dtls::State::Connected);
}

TEST(Certificate, HasAnOwnFingerprint) {
    const auto a = Certificate::create().value(), b = Certificate::create().value();
    EXPECT_THAT(a->fingerprint(), ::testing::MatchesRegex("sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}"));
    EXPECT_NE(a->fingerprint(), b->fingerprint());
}

}  // namespace
}  // namespace aircheck::transport
