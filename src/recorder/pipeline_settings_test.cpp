#include "recorder/pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace aircheck::recorder {
namespace {

TEST(PipelineSettings, SurviveTheJournal) {
    PipelineSettings settings;
    settings.mixing = Mixing::DualChannelAgent;
    settings.encoding.channels = 2;
    settings.encoding.container = Container::Ogg;
    settings.encoding.codec = AudioCodec::Opus;
    settings.encoding.bitrate_bps = 12'345;
    settings.encoding.sample_rate_hz = 44'100;
    settings.mix_delay = 2500ms;
    settings.jitter_wait = 1200ms;
    EXPECT_EQ(
        settings.to_string(),
        "mixing=dual_channel_agent container=ogg codec=opus channels=2 bitrate_bps=12345 "
        "sample_rate_hz=44100 mix_delay_ms=2500 jitter_wait_ms=1200"
    );
    const auto read = PipelineSettings::parse(settings.to_string());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->to_string(), settings.to_string());
}

TEST(PipelineSettings, NameThePairAtFault) {
    EXPECT_EQ(PipelineSettings::parse("")->to_string(), PipelineSettings().to_string());
    EXPECT_TRUE(PipelineSettings::parse("colour=blue channels=2"));
    for (const std::string pair :
         {"mixing=loud",
          "channels=-1",
          "channels=70000",
          "channels=",
          "codec",
          "bitrate_bps=4k",
          "mix_delay_ms=-1",
          "jitter_wait_ms=9999999"}) {
        const auto read = PipelineSettings::parse("container=mp4 " + pair);
        ASSERT_FALSE(read) << pair;
        EXPECT_EQ(read.error().code, Errc::Malformed);
        EXPECT_THAT(read.error().context, ::testing::HasSubstr("'" + pair + "'"));
    }
}

}  // namespace
}  // namespace aircheck::recorder
