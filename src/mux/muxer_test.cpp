#include "mux/muxer.hpp"

#include "mux/tone_audio_test.hpp"

#include <gtest/gtest.h>

#include <map>

namespace aircheck::mux {
namespace {

using namespace testing;

using media::Codec;

media::StreamFormat format_of(Codec codec) { return encode_tone({codec}, 4800).format; }

TEST(Muxer, HoldsWhatTheContainerIsMadeFor) {
    const std::map<Container, std::vector<Codec>> held = {
        {Container::Mp4, {Codec::Aac, Codec::Opus}},
        {Container::Ogg, {Codec::Opus}},
        {Container::Mp3, {Codec::Mp3}},
        {Container::Wav, {Codec::Pcm}},
        {Container::Flac, {Codec::Flac}},
    };
    for (const auto& [container, codecs] : held) {
        for (const Codec codec : {Codec::Aac, Codec::Opus, Codec::Mp3, Codec::Pcm, Codec::Flac}) {
            const auto muxer = make_muxer(container, format_of(codec), {});
            const bool holds = std::find(codecs.begin(), codecs.end(), codec) != codecs.end();
            EXPECT_EQ(muxer.has_value(), holds);
            if (muxer) continue;
            EXPECT_EQ(muxer.error().code, Errc::InvalidArgument);
            EXPECT_NE(muxer.error().context.find("cannot hold"), std::string::npos);
        }
    }
    const auto muxer = make_muxer(Container::Mp3, format_of(Codec::Aac), {});
    EXPECT_EQ(muxer.error().context, "muxer: MP3 cannot hold AAC");
}

TEST(Muxer, RefusesFormatsThatAreNone) {
    const auto refused = [](Container container, const media::StreamFormat& format) {
        const auto muxer = make_muxer(container, format, {});
        return !muxer && muxer.error().code == Errc::InvalidArgument;
    };
    media::StreamFormat bad = format_of(Codec::Opus);
    bad.codec_config[18] = 1;  // mapping family 1: surround
    EXPECT_TRUE(refused(Container::Mp4, bad));
    bad = format_of(Codec::Opus);
    bad.codec_config.pop_back();
    EXPECT_TRUE(refused(Container::Ogg, bad));
    bad = format_of(Codec::Opus);
    bad.sample_rate_hz = 16000;
    EXPECT_TRUE(refused(Container::Ogg, bad));
    bad = format_of(Codec::Opus);
    bad.channels = 2;
    EXPECT_TRUE(refused(Container::Ogg, bad));
    bad = format_of(Codec::Aac);
    bad.codec_config.clear();
    EXPECT_TRUE(refused(Container::Mp4, bad));
    bad = format_of(Codec::Mp3);
    bad.sample_rate_hz = 44000;
    EXPECT_TRUE(refused(Container::Mp3, bad));
    bad = format_of(Codec::Pcm);
    bad.sample_rate_hz = 0;
    EXPECT_TRUE(refused(Container::Wav, bad));
    bad = format_of(Codec::Flac);
    bad.codec_config.pop_back();
    EXPECT_TRUE(refused(Container::Flac, bad));
    for (const auto& [container, codec] : {
             std::pair{Container::Mp4, Codec::Aac},
             std::pair{Container::Mp3, Codec::Mp3},
             std::pair{Container::Wav, Codec::Pcm},
             std::pair{Container::Flac, Codec::Flac},
         }) {
        for (const unsigned channels : {0u, 3u, 6u}) {
            bad = format_of(codec);
            bad.channels = static_cast<std::uint16_t>(channels);
            EXPECT_TRUE(refused(container, bad));
        }
    }
}

struct PlainRow {
    Container container;
    Codec codec;
};

TEST(Muxer, WithoutSamplesFilesAreAHead) {
    for (const PlainRow& row : {
             PlainRow{Container::Mp3, Codec::Mp3},
             PlainRow{Container::Wav, Codec::Pcm},
             PlainRow{Container::Flac, Codec::Flac},
         }) {
        EncodedAudio nothing = encode_tone({row.codec}, 4800);
        nothing.samples.clear();
        const auto muxer = make_muxer(row.container, nothing.format, full_tags()).value();
        const Muxed muxed = mux(*muxer, nothing);
        EXPECT_EQ(muxed.whole().size(), muxed.header.size());
        EXPECT_EQ(muxer->duration(), 0ns);
    }
}

TEST(Muxer, FilesWithoutTimesCloseHolesAndDropWhatComesTwice) {
    for (const PlainRow& row : {
             PlainRow{Container::Mp3, Codec::Mp3},
             PlainRow{Container::Wav, Codec::Pcm},
             PlainRow{Container::Flac, Codec::Flac},
         }) {
        const EncodedAudio audio = encode_tone({row.codec}, 48'000);
        const auto whole = make_muxer(row.container, audio.format, {}).value();
        const auto holed = make_muxer(row.container, audio.format, {}).value();
        for (const media::EncodedSample& sample : audio.samples) {
            whole->add(sample);
            media::EncodedSample later = sample;
            later.pts += sample.pts > 24'000 ? 1'000'000 : 0;
            holed->add(later);
            holed->add(later);
        }
        EXPECT_EQ(holed->dropped_samples(), audio.samples.size());
        EXPECT_EQ(holed->duration_samples(), audio.length);
        EXPECT_EQ(holed->finish().tail, whole->finish().tail);
    }
}

TEST(Muxer, IsAPureFunctionOfItsInput) {
    for (const PlainRow& row : {
             PlainRow{Container::Mp3, Codec::Mp3},
             PlainRow{Container::Wav, Codec::Pcm},
             PlainRow{Container::Flac, Codec::Flac},
         }) {
        const auto make = [&row] {
            const EncodedAudio audio = encode_tone({row.codec, 2}, 100'000);
            return mux(*make_muxer(row.container, audio.format, full_tags()).value(), audio);
        };
        EXPECT_EQ(make().whole(), make().whole());
        EXPECT_EQ(make().growing(), make().growing());
    }
}

}  // namespace
}  // namespace aircheck::mux
