#include "transport/srtp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace aircheck::transport {
namespace {

constexpr std::string_view kPlain = "800f1234decafbadcafebabeabababababababababababababababab";

Bytes hex(std::string_view text) { return from_hex(text).value(); }

/// A session whose both directions have the same key, so that it reads what it writes.
std::unique_ptr<SrtpSession> mirror(SrtpProfile profile, const Bytes& key) {
    return SrtpSession::create({profile, key, key}).value();
}

struct VectorRow {
    std::string_view name;
    SrtpProfile profile;
    std::string_view key, cipher;
    friend void PrintTo(const VectorRow& row, std::ostream* out) { *out << row.name; }
};
class SrtpVector : public testing::TestWithParam<VectorRow> {};

TEST_P(SrtpVector, ProtectsAndUnprotects) {
    const auto session = mirror(GetParam().profile, hex(GetParam().key));
    std::array<std::uint8_t, 256> buffer{};
    const auto plain = hex(kPlain);
    std::copy(plain.begin(), plain.end(), buffer.begin());
    std::size_t size = plain.size();
    ASSERT_TRUE(session->protect_rtp(buffer, size));
    EXPECT_EQ(to_hex({buffer.data(), size}), GetParam().cipher);

    const auto cipher = hex(GetParam().cipher);
    std::copy(cipher.begin(), cipher.end(), buffer.begin());
    size = cipher.size();
    ASSERT_EQ(session->unprotect_rtp(buffer, size), SrtpSession::Verdict::Ok);
    EXPECT_EQ(to_hex({buffer.data(), size}), kPlain);
}

// libsrtp's published packets; the first has the master key and salt of RFC 3711 §B.3.
INSTANTIATE_TEST_SUITE_P(
    Libsrtp,
    SrtpVector,
    testing::Values(
        VectorRow{
            "AesCm",
            SrtpProfile::Aes128CmSha1_80,
            "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"},
        VectorRow{
            "AesGcm128",
            SrtpProfile::AeadAes128Gcm,
            "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab",
            "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a3"
            "92"}
    ),
    [](const auto& row) { return std::string(row.param.name); }
);

class SrtpProfiles : public testing::TestWithParam<SrtpProfile> {
protected:
    SrtpProfiles() {
        const auto sizes = sizes_of(GetParam());
        session = mirror(GetParam(), Bytes(sizes.key + sizes.salt, 0x42));
    }
    /// An RTP packet of sequence number `sequence`, protected.
    Bytes protect(std::uint16_t sequence) {
        std::array<std::uint8_t, 256> buffer{0x80, 111};
        buffer[2] = static_cast<std::uint8_t>(sequence >> 8);
        buffer[3] = static_cast<std::uint8_t>(sequence & 0xff);
        std::size_t size = 100;
        EXPECT_TRUE(session->protect_rtp(buffer, size));
        return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
    }
    SrtpSession::Verdict unprotect(Bytes packet) {
        std::size_t size = packet.size();
        return session->unprotect_rtp(packet, size);
    }
    std::unique_ptr<SrtpSession> session;
};

TEST_P(SrtpProfiles, AChangedBitIsAnAuthFailure) {
    const auto packet = protect(1);
    for (const std::size_t at : {std::size_t{4}, std::size_t{50}, packet.size() - 1}) {
        auto changed = packet;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ 1);
        EXPECT_EQ(unprotect(changed), SrtpSession::Verdict::AuthFailure) << at;
    }
    EXPECT_EQ(unprotect(packet), SrtpSession::Verdict::Ok);
}

TEST_P(SrtpProfiles, TheSamePacketAgainIsAReplay) {
    const auto first = protect(65'535);
    EXPECT_EQ(unprotect(first), SrtpSession::Verdict::Ok);
    EXPECT_EQ(unprotect(first), SrtpSession::Verdict::Replay);
}

TEST_P(SrtpProfiles, APacket1000LateIsTakenOne1100LateIsNot) {
    std::vector<Bytes> packets;
    for (int i = 0; i < 1200; ++i) {  // Wraps around.
        packets.push_back(protect(static_cast<std::uint16_t>(65'000 + i)));
    }
    EXPECT_EQ(unprotect(packets[0]), SrtpSession::Verdict::Ok);
    EXPECT_EQ(unprotect(packets[1150]), SrtpSession::Verdict::Ok);
    EXPECT_EQ(unprotect(packets[150]), SrtpSession::Verdict::Ok);
    EXPECT_EQ(unprotect(packets[50]), SrtpSession::Verdict::Replay);
}

TEST_P(SrtpProfiles, ARetransmissionIsTheSamePacket) { EXPECT_EQ(protect(7), protect(7)); }

TEST_P(SrtpProfiles, RtcpGoesThrough) {
    // A receiver report without blocks (RFC 3550 §6.4.2).
    const auto plain = hex("80c9000111223344");
    std::array<std::uint8_t, 128> buffer{};
    std::copy(plain.begin(), plain.end(), buffer.begin());
    std::size_t size = plain.size();
    ASSERT_TRUE(session->protect_rtcp(buffer, size));
    EXPECT_GT(size, plain.size() + 4);
    auto copy = buffer;
    std::size_t copy_size = size;
    EXPECT_EQ(session->unprotect_rtcp(buffer, size), SrtpSession::Verdict::Ok);
    EXPECT_EQ(to_hex({buffer.data(), size}), to_hex(plain));
    EXPECT_EQ(session->unprotect_rtcp(copy, copy_size), SrtpSession::Verdict::Replay);
}

TEST_P(SrtpProfiles, HostilePacketsAreRefused) {
    const auto good = protect(1);
    for (std::size_t size = 0; size < good.size(); ++size) {
        Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_NE(unprotect(cut), SrtpSession::Verdict::Ok) << size;
        std::size_t length = size;
        EXPECT_NE(session->unprotect_rtcp(cut, length), SrtpSession::Verdict::Ok) << size;
    }
    auto huge_extension = good;
    huge_extension[0] = 0x9f;  // 15 CSRCs and an extension longer than the packet
    std::fill(huge_extension.begin() + 12, huge_extension.end(), std::uint8_t{0xff});
    EXPECT_NE(unprotect(huge_extension), SrtpSession::Verdict::Ok);
    std::array<std::uint8_t, 16> small{0x80};
    std::size_t size = 16;
    EXPECT_FALSE(session->protect_rtp(small, size)) << "no room for the tag";
}

INSTANTIATE_TEST_SUITE_P(
    All,
    SrtpProfiles,
    testing::Values(
        SrtpProfile::Aes128CmSha1_80, SrtpProfile::AeadAes128Gcm, SrtpProfile::AeadAes256Gcm
    ),
    [](const auto& row) { return std::string(to_string(row.param)); }
);

TEST(Srtp, KeysOfTheWrongLengthAreRefused) {
    const auto session =
        SrtpSession::create({SrtpProfile::AeadAes128Gcm, Bytes(30, 1), Bytes(30, 1)});
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().code, make_error_code(Errc::InvalidArgument));
}

}  // namespace
}  // namespace aircheck::transport
