#include "media/g711.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>

namespace aircheck::media {
namespace {

// Character signals and decoder outputs of ITU-T G.711 (11/88), tables 1a to 2b: the ends of the
// segments, as 16 bits (13 bits of A-law × 8, 14 bits of mu-law × 4).
TEST(G711, MuLawIsTheTable) {
    EXPECT_EQ(expand_mu_law(0xff), 0);
    EXPECT_EQ(expand_mu_law(0x7f), 0);
    EXPECT_EQ(expand_mu_law(0xfe), 2 * 4);
    EXPECT_EQ(expand_mu_law(0xef), 33 * 4);
    EXPECT_EQ(expand_mu_law(0xdf), 99 * 4);
    EXPECT_EQ(expand_mu_law(0xcf), 231 * 4);
    EXPECT_EQ(expand_mu_law(0xbf), 495 * 4);
    EXPECT_EQ(expand_mu_law(0xaf), 1023 * 4);
    EXPECT_EQ(expand_mu_law(0x9f), 2079 * 4);
    EXPECT_EQ(expand_mu_law(0x8f), 4191 * 4);
    EXPECT_EQ(expand_mu_law(0x80), 8031 * 4);
    EXPECT_EQ(expand_mu_law(0x00), -8031 * 4);
}

TEST(G711, ALawIsTheTable) {
    EXPECT_EQ(expand_a_law(0xd5), 1 * 8);
    EXPECT_EQ(expand_a_law(0x55), -1 * 8);
    EXPECT_EQ(expand_a_law(0xc5), 33 * 8);
    EXPECT_EQ(expand_a_law(0xf5), 66 * 8);
    EXPECT_EQ(expand_a_law(0xe5), 132 * 8);
    EXPECT_EQ(expand_a_law(0x95), 264 * 8);
    EXPECT_EQ(expand_a_law(0x85), 528 * 8);
    EXPECT_EQ(expand_a_law(0xb5), 1056 * 8);
    EXPECT_EQ(expand_a_law(0xa5), 2112 * 8);
    EXPECT_EQ(expand_a_law(0xaa), 4032 * 8);
    EXPECT_EQ(expand_a_law(0x2a), -4032 * 8);
}

/// The digital milliwatt of ITU-T G.711, tables 5 and 6: 1 kHz at 0 dBm0, 3.14 dB (A-law) and 3.17
/// dB (mu-law) below the loudest sine.
constexpr std::uint8_t kMilliwattMu[] = {0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e};
constexpr std::uint8_t kMilliwattA[] = {0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4};

Bytes milliwatt(G711Decoder::Law law, std::size_t size, std::size_t from = 0) {
    Bytes packet;
    for (std::size_t i = from; i < from + size; ++i) {
        packet.push_back(law == G711Decoder::Law::Mu ? kMilliwattMu[i % 8] : kMilliwattA[i % 8]);
    }
    return packet;
}

/// Amplitude of `hz` in samples [from, to) of `samples`, at 48 kHz.
double amplitude(const std::vector<float>& samples, std::size_t from, std::size_t to, double hz) {
    double re = 0;
    double im = 0;
    for (std::size_t i = from; i < to; ++i) {
        const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / 48'000;
        re += static_cast<double>(samples[i]) * std::cos(angle);
        im += static_cast<double>(samples[i]) * std::sin(angle);
    }
    return 2 * std::hypot(re, im) / static_cast<double>(to - from);
}

std::string name_of(const testing::TestParamInfo<G711Decoder::Law>& law) {
    return law.param == G711Decoder::Law::Mu ? "MuLaw" : "ALaw";
}

class G711Laws : public testing::TestWithParam<G711Decoder::Law> {};

TEST_P(G711Laws, TheDigitalMilliwattIsOneClearTone) {
    auto decoder = G711Decoder::create(GetParam(), 1);
    ASSERT_TRUE(decoder);
    std::vector<float> out;
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(decoder->decode(milliwatt(GetParam(), 160), out), 960U);
    }
    ASSERT_EQ(out.size(), 9600U);
    // 0 dBm0 is 3.14 or 3.17 dB below full scale, which lies a little below 1.
    EXPECT_NEAR(amplitude(out, 4800, 9600, 1000), 0.69, 0.01);
    for (const double image : {7000.0, 9000.0, 15'000.0, 17'000.0, 23'000.0}) {
        EXPECT_LT(amplitude(out, 4800, 9600, image), 0.69 * 1e-3) << image << " Hz: an image";
    }
}

TEST_P(G711Laws, ALostPacketIsFilledWithThePitchAndFadesOut) {
    auto decoder = G711Decoder::create(GetParam(), 1);
    ASSERT_TRUE(decoder);
    std::vector<float> out;
    for (int i = 0; i < 5; ++i) decoder->decode(milliwatt(GetParam(), 160), out);
    EXPECT_EQ(decoder->conceal(960, out), 960U);  // 4800 to 5760
    EXPECT_NEAR(amplitude(out, 4896, 5280, 1000), 0.69, 0.05) << "the first 10 ms, as loud";
    EXPECT_EQ(decoder->conceal(4800, out), 4800U);
    EXPECT_LT(amplitude(out, 8160, 10'560, 1000), 1e-3) << "silent after 60 ms";
    decoder->decode(milliwatt(GetParam(), 160), out);
    EXPECT_NEAR(amplitude(out, 11'040, 11'520, 1000), 0.69, 0.02) << "back after 10 ms";
}

TEST_P(G711Laws, PacketsOfAnyLengthGoOnWhereTheLastEnded) {
    auto whole = G711Decoder::create(GetParam(), 1);
    auto pieces = G711Decoder::create(GetParam(), 1);
    ASSERT_TRUE(whole && pieces);
    std::vector<float> expected;
    std::vector<float> out;
    whole->decode(milliwatt(GetParam(), 480), expected);
    for (std::size_t at = 0; at < 480; at += 80) {
        pieces->decode(milliwatt(GetParam(), 80, at), out);
    }
    EXPECT_EQ(out, expected);
}

TEST_P(G711Laws, BothChannelsHearTheSame) {
    auto mono = G711Decoder::create(GetParam(), 1);
    auto stereo = G711Decoder::create(GetParam(), 2);
    ASSERT_TRUE(mono && stereo);
    std::vector<float> one;
    std::vector<float> two;
    mono->decode(milliwatt(GetParam(), 160), one);
    EXPECT_EQ(stereo->decode(milliwatt(GetParam(), 160), two), 960U);
    ASSERT_EQ(two.size(), 2 * one.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_EQ(two[2 * i], one[i]);
        EXPECT_EQ(two[2 * i + 1], one[i]);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Laws, G711Laws, testing::Values(G711Decoder::Law::Mu, G711Decoder::Law::A), name_of
);

TEST(G711, WhatIsNoPacketGivesNothing) {
    EXPECT_FALSE(G711Decoder::create(G711Decoder::Law::Mu, 3));
    auto decoder = G711Decoder::create(G711Decoder::Law::Mu, 1);
    ASSERT_TRUE(decoder);
    std::vector<float> out;
    EXPECT_EQ(decoder->decode({}, out), 0U);
    EXPECT_EQ(decoder->decode(Bytes(1601, 0xff), out), 0U) << "longer than 200 ms";
    EXPECT_EQ(decoder->conceal(0, out), 0U);
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(g711_packet_samples(Bytes(1600, 0xff)), 9600U);
}

TEST(G711, ConcealmentBeforeAnySoundIsSilence) {
    auto decoder = G711Decoder::create(G711Decoder::Law::A, 1);
    ASSERT_TRUE(decoder);
    std::vector<float> out;
    EXPECT_EQ(decoder->conceal(500, out), 600U) << "whole granules";
    for (const float sample : out) EXPECT_EQ(sample, 0.0F);
}

}  // namespace
}  // namespace aircheck::media
