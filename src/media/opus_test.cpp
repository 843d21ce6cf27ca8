#include "media/opus.hpp"

#include "media/media_testing.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace aircheck::media {
namespace {

using Decoder = media::OpusDecoder;
using namespace testing;

struct PacketRow {
    std::string name, hex;
    std::size_t samples;
    bool dtx;
    friend void PrintTo(const PacketRow& row, std::ostream* out) { *out << row.name; }
};
class OpusPacket : public ::testing::TestWithParam<PacketRow> {};

// RFC 6716 §3.1: configuration in the first five bits, then stereo, then the code for the count.
TEST_P(OpusPacket, TellsItsLength) {
    const Bytes packet = from_hex(GetParam().hex).value();
    EXPECT_EQ(opus_packet_samples(packet), GetParam().samples);
    EXPECT_EQ(is_opus_dtx(packet), GetParam().dtx);
}
INSTANTIATE_TEST_SUITE_P(
    Rfc6716,
    OpusPacket,
    ::testing::Values(
        PacketRow{"LiveKitsSilence", "f8fffe", 960, false},
        PacketRow{"Silk60", "1800112233", 2880, false},
        PacketRow{"Celt2500us", "e0112233", 120, false},
        PacketRow{"TwoHybridFrames", "6111223344", 960, false},
        PacketRow{"TwoSilk60Are120ms", "1911223344", 5760, false},
        PacketRow{"OnlyItsHead", "f8", 960, true},
        PacketRow{"ThreeSilk60AreTooLong", "1b03112233445566", 0, false},
        PacketRow{"CountMissing", "fb", 0, true},
        PacketRow{"CountZero", "fb00112233", 0, false}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST(OpusPacket, EmptyOrEnormousIsNone) {
    EXPECT_EQ(opus_packet_samples({}), 0U);
    EXPECT_EQ(opus_packet_samples(Bytes(100'000, 0xf8)), 0U);
    EXPECT_EQ(opus_fec_samples({}), 0U);
}

TEST(OpusPacket, FecIsWhereTheEncoderPutIt) {
    const auto pcm = voice(4);
    Encoding how{.bitrate = 32000, .application = OPUS_APPLICATION_VOIP, .wideband = true};
    const auto carries = [&] {
        std::size_t count = 0;
        for (const auto& frame : publish(pcm, 0, how)) {
            const std::size_t samples = opus_fec_samples(frame.payload);
            EXPECT_TRUE(samples == 0 || samples == how.frame);
            count += samples > 0 ? 1 : 0;
        }
        return count;
    };
    EXPECT_EQ(carries(), 0U);
    how.fec = true;
    EXPECT_GT(carries(), 100U);
    how.application = OPUS_APPLICATION_RESTRICTED_LOWDELAY;  // CELT has none
    EXPECT_EQ(carries(), 0U);
}

TEST(OpusDecoder, ConcealsInWholeGranulesAndBounded) {
    auto decoder = Decoder::create(2).value();
    std::vector<float> out;
    EXPECT_EQ(decoder.conceal(1, out), 120U);
    EXPECT_EQ(decoder.conceal(960, out), 960U);
    EXPECT_EQ(decoder.conceal(1'000'000, out), 5760U);
    EXPECT_EQ(out.size(), 2 * (120U + 960U + 5760U));
}

TEST(OpusDecoder, RefusesGarbageAndGoesOn) {
    auto decoder = Decoder::create(1).value();
    std::vector<float> out;
    EXPECT_EQ(decoder.decode(Bytes{0xfb}, out), 0U);
    EXPECT_EQ(decoder.decode({}, out), 0U);
    EXPECT_EQ(decoder.decode(from_hex("f911223344").value(), out), 960U * 2);
    out.clear();
    EXPECT_EQ(decoder.decode(from_hex("f9112233").value(), out), 0U) << "two frames of 1.5 bytes";
    EXPECT_EQ(decoder.decode(from_hex("fb41ff").value(), out), 0U) << "padding past the end";
    EXPECT_TRUE(out.empty());
    for (const auto& frame : publish(tone(440, 0.5), 0)) decoder.decode(frame.payload, out);
    EXPECT_EQ(out.size(), 24000U);
    EXPECT_NEAR(amplitude_at(between(out, 0.1, 0.5), 440), 0.5, 0.02);
}

TEST(OpusDecoder, OnlyOneOrTwoChannels) {
    EXPECT_EQ(Decoder::create(0).error().code, Errc::InvalidArgument);
    EXPECT_EQ(Decoder::create(3).error().code, Errc::InvalidArgument);
}

}  // namespace
}  // namespace aircheck::media
