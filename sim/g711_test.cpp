#include "sim/g711.hpp"

#include "sim/publisher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::sim {
namespace {

using testing::ElementsAre;

// The decision values of ITU-T G.711 (11/88), tables 1a to 2b, as 16 bits.
TEST(SimG711, CodesAreTheTables) {
    EXPECT_EQ(to_mu_law(0), 0xff);
    EXPECT_EQ(to_mu_law(32'767), 0x80);
    EXPECT_EQ(to_mu_law(-32'768), 0x00);
    EXPECT_EQ(to_mu_law(4 * 8031), 0x80);
    EXPECT_EQ(to_mu_law(4 * 4191), 0x8f);
    EXPECT_EQ(to_mu_law(-4 * 99), 0x5f);
    EXPECT_EQ(to_a_law(0), 0xd5);
    EXPECT_EQ(to_a_law(-1), 0x55);
    EXPECT_EQ(to_a_law(32'767), 0xaa);
    EXPECT_EQ(to_a_law(-32'768), 0x2a);
    EXPECT_EQ(to_a_law(8 * 2112), 0xa5);
    EXPECT_EQ(to_a_law(8 * 66), 0xf5);
}

// ITU-T G.711, table 5: a milliwatt of 1 kHz is these eight codes over and over.
TEST(SimG711, AToneOfAMilliwattIsTheDigitalOne) {
    const double level = 0.7071 * 8159.0 / 8192 * 0.982;  // 3.17 dB below the loudest sine.
    const auto voice = Voice::tone(1000, level, VoiceCodec::Pcmu).value();
    EXPECT_EQ(voice->codec(), VoiceCodec::Pcmu);
    EXPECT_EQ(voice->duration(), 1s);
    EXPECT_EQ(voice->frame(0).size(), 160U);
    EXPECT_EQ(voice->frame(50)[7], voice->frame(0)[7]) << "from the start again";
}

TEST(SimG711, PublishersCountItsClock) {
    Caller caller;
    caller.utterances = {{0ms, Voice::tone(1000, 0.5, VoiceCodec::Pcma).value()}};
    Publisher publisher(caller, 1);
    struct Packets : Publisher::Output {
        void publish(BytesView packet) override { all.emplace_back(packet.begin(), packet.end()); }
        std::vector<Bytes> all;
    } sent;
    publisher.run(30ms, sent);
    ASSERT_EQ(sent.all.size(), 2U);
    for (const Bytes& packet : sent.all) {
        EXPECT_EQ(packet.size(), 12U + 160);
        EXPECT_EQ(packet[1] & 0x7f, 8);
    }
    const auto timestamp = [](const Bytes& packet) {
        return ByteReader(BytesView(packet).subspan(4, 4)).u32();
    };
    EXPECT_EQ(timestamp(sent.all[1]) - timestamp(sent.all[0]), 160U);
}

}  // namespace
}  // namespace aircheck::sim
