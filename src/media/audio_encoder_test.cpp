#include "media/audio_encoder.hpp"

#include <gtest/gtest.h>
#include <opus/opus.h>

extern "C" {
#include <libavcodec/avcodec.h>
}

#include "media/media_testing.hpp"

#include <ostream>
#include <string>

namespace aircheck::media {
namespace {

using namespace testing;

AVCodecID libav_id(Codec codec) {
    switch (codec) {
        case Codec::Aac:
            return AV_CODEC_ID_AAC;
        case Codec::Mp3:
            return AV_CODEC_ID_MP3;
        case Codec::Flac:
            return AV_CODEC_ID_FLAC;
        case Codec::Pcm:
            return AV_CODEC_ID_PCM_S16LE;
        case Codec::Opus:
            return AV_CODEC_ID_OPUS;
    }
    return AV_CODEC_ID_NONE;
}

float sample_of(const AVFrame& frame, int channel, int index) {
    if (frame.format == AV_SAMPLE_FMT_FLTP) {
        return reinterpret_cast<const float*>(frame.extended_data[channel])[index];
    }
    EXPECT_EQ(frame.format, AV_SAMPLE_FMT_S16);
    const auto* samples = reinterpret_cast<const std::int16_t*>(frame.extended_data[0]);
    return static_cast<float>(samples[index * frame.ch_layout.nb_channels + channel]) / 32768.0F;
}

/// What libavcodec's decoder makes of a stream, [count × channels] interleaved.
std::vector<float> decode_libav(
    const StreamFormat& format, const std::vector<EncodedSample>& samples
) {
    AVCodecContext* context = avcodec_alloc_context3(avcodec_find_decoder(libav_id(format.codec)));
    const Bytes& config = format.codec_config;
    context->extradata =
        static_cast<std::uint8_t*>(av_mallocz(config.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    std::copy(config.begin(), config.end(), context->extradata);
    context->extradata_size = static_cast<int>(config.size());
    context->sample_rate = static_cast<int>(format.sample_rate_hz);
    av_channel_layout_default(&context->ch_layout, format.channels);
    EXPECT_EQ(avcodec_open2(context, context->codec, nullptr), 0);
    AVPacket* packet = av_packet_alloc();
    AVFrame* frame = av_frame_alloc();
    std::vector<float> out;
    for (const EncodedSample& sample : samples) {
        av_new_packet(packet, static_cast<int>(sample.data.size()));
        std::copy(sample.data.begin(), sample.data.end(), packet->data);
        EXPECT_EQ(avcodec_send_packet(context, packet), 0);
        av_packet_unref(packet);
        while (avcodec_receive_frame(context, frame) == 0) {
            EXPECT_EQ(frame->sample_rate, static_cast<int>(format.sample_rate_hz));
            EXPECT_EQ(frame->ch_layout.nb_channels, format.channels);
            for (int i = 0; i < frame->nb_samples; ++i) {
                for (int c = 0; c < format.channels; ++c) out.push_back(sample_of(*frame, c, i));
            }
        }
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return out;
}

std::vector<float> decode_opus(
    const StreamFormat& format, const std::vector<EncodedSample>& samples
) {
    int error = 0;
    OpusDecoder* decoder = opus_decoder_create(48000, format.channels, &error);
    std::vector<float> out;
    std::vector<float> frame(5760 * format.channels);
    for (const EncodedSample& sample : samples) {
        const int count = opus_decode_float(
            decoder,
            sample.data.data(),
            static_cast<opus_int32>(sample.data.size()),
            frame.data(),
            5760,
            0
        );
        EXPECT_EQ(count, 960);
        out.insert(out.end(), frame.begin(), frame.begin() + std::max(count, 0) * format.channels);
    }
    opus_decoder_destroy(decoder);
    return out;
}

struct Encoded {
    StreamFormat format;
    std::vector<EncodedSample> samples;

    [[nodiscard]] std::int64_t total_duration() const {
        std::int64_t total = 0;
        for (const EncodedSample& sample : samples) total += sample.duration;
        return total;
    }
    /// Decoded, without priming and what is cut from the end.
    [[nodiscard]] std::vector<float> heard() const {
        std::vector<float> all = format.codec == Codec::Opus ? decode_opus(format, samples)
                                                             : decode_libav(format, samples);
        const std::size_t length =
            static_cast<std::size_t>(total_duration() - format.priming_samples) * format.channels;
        const std::size_t priming = std::size_t{format.priming_samples} * format.channels;
        EXPECT_GE(all.size(), priming + length);
        all.resize(priming + length);
        all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(priming));
        return all;
    }
};

Encoded encoded(const EncoderSettings& settings, std::span<const float> input, std::size_t piece) {
    auto encoder = AudioEncoder::create(settings).value();
    Encoded result;
    result.format = encoder->format();
    for (std::size_t at = 0; at < input.size(); at += piece) {
        const std::size_t count = std::min(piece, input.size() - at);
        EXPECT_TRUE(encoder->encode(input.subspan(at, count), result.samples));
    }
    EXPECT_TRUE(encoder->finish(result.samples));
    return result;
}

struct Row {
    std::string name;
    EncoderSettings settings;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class Encoders : public ::testing::TestWithParam<Row> {};

TEST_P(Encoders, LengthIsExactAndTimesFollow) {
    const EncoderSettings& settings = GetParam().settings;
    for (const std::size_t count : {1UL, 959UL, 1024UL, 4800UL, 48000UL, 100003UL}) {
        const std::vector<float> input(count * settings.channels, 0.1F);
        const Encoded result = encoded(settings, input, 4800 * settings.channels);
        const auto expected =
            (static_cast<std::int64_t>(count) * settings.sample_rate_hz + 47999) / 48000;
        EXPECT_EQ(result.total_duration(), expected + result.format.priming_samples) << count;
        std::int64_t pts = -static_cast<std::int64_t>(result.format.priming_samples);
        for (const EncodedSample& sample : result.samples) {
            EXPECT_EQ(sample.pts, pts);
            EXPECT_GT(sample.duration, 0U);
            pts += sample.duration;
        }
    }
}

TEST_P(Encoders, WhatIsDecodedIsWhatWentIn) {
    const EncoderSettings& settings = GetParam().settings;
    std::vector<float> mono = silence(0.3) + noise(0.2, 0.5) + tone(440, 0.5) + silence(0.2);
    std::vector<float> input;
    for (const float sample : mono) input.insert(input.end(), settings.channels, sample);
    const Encoded result = encoded(settings, input, 1000 * settings.channels);
    const std::vector<float> heard = result.heard();

    std::vector<float> back;
    for (std::size_t i = 0; i < heard.size(); i += settings.channels) back.push_back(heard[i]);
    const double rate = settings.sample_rate_hz;
    const auto at = [&](double seconds) { return static_cast<std::size_t>(seconds * rate); };
    EXPECT_LT(rms(std::span(back).subspan(0, at(0.25))), 0.005);
    EXPECT_GT(rms(std::span(back).subspan(at(0.31), at(0.18))), 0.05);
    EXPECT_NEAR(rms(std::span(back).subspan(at(0.6), at(0.3))), 0.5 / std::sqrt(2), 0.03);
    EXPECT_LT(rms(std::span(back).subspan(at(1.1))), 0.005);

    // The tone's phase shows that priming is reported to the sample (0.1 rad = 36 µs).
    double re = 0;
    double im = 0;
    for (std::size_t i = at(0.6); i < at(0.9); ++i) {
        const double angle = 2 * std::numbers::pi * 440 * (static_cast<double>(i) / rate - 0.5);
        re += double{back[i]} * std::sin(angle);
        im += double{back[i]} * std::cos(angle);
    }
    EXPECT_NEAR(std::atan2(im, re), 0, 0.1);
}
INSTANTIATE_TEST_SUITE_P(
    Formats,
    Encoders,
    ::testing::Values(
        Row{"Aac48Mono", {Codec::Aac, 1, 48000, 64000}},
        Row{"Aac48Stereo", {Codec::Aac, 2, 48000, 128000}},
        Row{"Aac44Mono", {Codec::Aac, 1, 44100, 64000}},
        Row{"Aac44Stereo", {Codec::Aac, 2, 44100, 128000}},
        Row{"Aac32", {Codec::Aac, 1, 32000, 64000}},
        Row{"Aac24", {Codec::Aac, 1, 24000, 48000}},
        Row{"Aac22", {Codec::Aac, 1, 22050, 48000}},
        Row{"Aac16", {Codec::Aac, 1, 16000, 48000}},
        Row{"Aac8", {Codec::Aac, 1, 8000, 24000}},
        Row{"Mp3At48Mono", {Codec::Mp3, 1, 48000, 64000}},
        Row{"Mp3At48Stereo", {Codec::Mp3, 2, 48000, 128000}},
        Row{"Mp3At44Stereo", {Codec::Mp3, 2, 44100, 128000}},
        Row{"Mp3At32", {Codec::Mp3, 1, 32000, 64000}},
        Row{"Mp3At24", {Codec::Mp3, 1, 24000, 48000}},
        Row{"Mp3At22", {Codec::Mp3, 1, 22050, 48000}},
        Row{"Mp3At16Mono", {Codec::Mp3, 1, 16000, 32000}},
        Row{"Mp3At16Stereo", {Codec::Mp3, 2, 16000, 64000}},
        Row{"Mp3At12", {Codec::Mp3, 1, 12000, 24000}},
        Row{"Mp3At11", {Codec::Mp3, 1, 11025, 24000}},
        Row{"Mp3At8", {Codec::Mp3, 1, 8000, 24000}},
        Row{"Pcm48Stereo", {Codec::Pcm, 2, 48000}},
        Row{"Pcm44Mono", {Codec::Pcm, 1, 44100}},
        Row{"Pcm22Mono", {Codec::Pcm, 1, 22050}},
        Row{"Pcm16Mono", {Codec::Pcm, 1, 16000}},
        Row{"Pcm8Stereo", {Codec::Pcm, 2, 8000}},
        Row{"Flac48Stereo", {Codec::Flac, 2, 48000}},
        Row{"Flac44Mono", {Codec::Flac, 1, 44100}},
        Row{"Flac16Mono", {Codec::Flac, 1, 16000}},
        Row{"Flac11Mono", {Codec::Flac, 1, 11025}},
        Row{"Flac8Stereo", {Codec::Flac, 2, 8000}},
        Row{"OpusMono", {Codec::Opus, 1, 48000, 48000}},
        Row{"OpusStereo", {Codec::Opus, 2, 48000, 96000}}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST(AudioEncoder, ConfigurationsAreTheStandards) {
    // ISO 14496-3 §1.6.2.1: object type 2 (AAC-LC), frequency index 3 (48 kHz), 2 channels.
    const auto aac = AudioEncoder::create({Codec::Aac, 2, 48000, 128000}).value();
    ASSERT_GE(aac->format().codec_config.size(), 2U);
    EXPECT_EQ(aac->format().codec_config[0], 0x11);
    EXPECT_EQ(aac->format().codec_config[1], 0x90);
    EXPECT_EQ(aac->format().priming_samples, 1024U);
    // RFC 7845 §5.1; libopus's look-ahead at 48 kHz is 6.5 ms = 312 = 0x138 samples.
    const auto opus = AudioEncoder::create({Codec::Opus, 1, 48000, 48000}).value();
    EXPECT_EQ(to_hex(opus->format().codec_config), "4f707573486561640101380180bb0000000000");
    EXPECT_EQ(opus->format().priming_samples, 312U);
}

TEST(AudioEncoder, BitRatesAreKept) {
    for (const Codec codec : {Codec::Aac, Codec::Opus, Codec::Mp3}) {
        const Encoded result = encoded({codec, 1, 48000, 48000}, noise(5, 0.3), 4800);
        std::size_t bytes = 0;
        for (const EncodedSample& sample : result.samples) bytes += sample.data.size();
        EXPECT_NEAR(static_cast<double>(bytes) * 8 / 5, 48000, 6000);
    }
}

TEST(AudioEncoder, SilenceCostsNextToNothingAndSoundComesBackWhole) {
    const EncoderSettings settings{Codec::Aac, 1, 48000, 48000};
    const Encoded quiet = encoded(settings, silence(10), 4800);
    std::size_t bytes = 0;
    for (const EncodedSample& sample : quiet.samples) bytes += sample.data.size();
    EXPECT_LT(bytes, 10 * 1000U);

    const std::vector<float> input = tone(440, 1) + silence(3) + tone(440, 1) + silence(3);
    const std::vector<float> heard = encoded(settings, input, 4800).heard();
    ASSERT_EQ(heard.size(), input.size());
    EXPECT_EQ(rms(between(heard, 1.5, 3.5)), 0);
    EXPECT_NEAR(audible_extent(between(heard, 3, 8)).start, 1, 0.012);
    EXPECT_NEAR(amplitude_at(between(heard, 4.2, 4.9), 440), 0.5, 0.02);
    EXPECT_EQ(rms(between(heard, 6, 8)), 0);
}

TEST(AudioEncoder, NothingInNothingOut) {
    for (const Codec codec : {Codec::Aac, Codec::Opus, Codec::Mp3, Codec::Pcm, Codec::Flac}) {
        EXPECT_TRUE(encoded({codec, 1, 48000, 48000}, {}, 1).samples.empty());
    }
}

TEST(AudioEncoder, AacLowersABitRateItCannotReach) {
    const auto encoder = AudioEncoder::create({Codec::Aac, 1, 8000, 512000}).value();
    EXPECT_EQ(encoder->format().bitrate_bps, 48000U);
}

TEST(AudioEncoder, Mp3TakesTheNearestBitRateThatTheStandardHas) {
    struct Case {
        std::uint32_t rate_hz, wanted_bps, taken_bps;
    };
    // ISO 11172-3 §2.4.2.3 (32 kHz and above) and ISO 13818-3 §2.4.2.3.
    for (const Case& row : {
             Case{48000, 128000, 128000},
             Case{48000, 150000, 160000},
             Case{44100, 6000, 32000},
             Case{32000, 512000, 320000},
             Case{24000, 512000, 160000},
             Case{16000, 20000, 16000},
             Case{8000, 6000, 8000},
             Case{8000, 128000, 64000},
         }) {
        const EncoderSettings settings{Codec::Mp3, 1, row.rate_hz, row.wanted_bps};
        const Encoded result = encoded(settings, noise(3, 0.3), 4800);
        EXPECT_EQ(result.format.bitrate_bps, row.taken_bps) << row.rate_hz;
        std::size_t bytes = 0;
        for (const EncodedSample& sample : result.samples) bytes += sample.data.size();
        const double seconds = static_cast<double>(result.total_duration()) / row.rate_hz;
        const double bps = static_cast<double>(bytes) * 8 / seconds;
        EXPECT_NEAR(bps, row.taken_bps, 0.04 * row.taken_bps) << row.rate_hz;
    }
}

TEST(AudioEncoder, SixteenBitsAreRoundedAndClipped) {
    const std::vector<float> input = {
        0, 1, -1, 2, -2, 0.5F, 0.4F / 32768, 0.6F / 32768, -0.4F / 32768, -0.6F / 32768};
    const Encoded pcm = encoded({Codec::Pcm, 1, 48000}, input, 3);
    ASSERT_EQ(pcm.samples.size(), 1U);
    EXPECT_EQ(to_hex(pcm.samples[0].data), "0000ff7f0080ff7f00800040000001000000ffff");
    EXPECT_EQ(pcm.samples[0].duration, 10U);
    EXPECT_EQ(pcm.format.bitrate_bps, 768000U);
}

TEST(AudioEncoder, FlacHoldsTheSamplesOfPcm) {
    const std::vector<float> input = silence(0.3) + noise(0.7, 0.9) + tone(440, 1) + silence(0.01);
    for (const std::uint32_t rate : {48000U, 16000U}) {
        const Encoded pcm = encoded({Codec::Pcm, 2, rate}, input, 1000);
        const Encoded flac = encoded({Codec::Flac, 2, rate}, input, 1000);
        EXPECT_EQ(pcm.heard(), flac.heard());
    }
}

TEST(AudioEncoder, FlacsLastFrameTellsWhatTheStreamIs) {
    for (const std::size_t count : {1UL, 4608UL, 9216UL, 100003UL}) {
        const std::vector<float> input(count, 0.25F);
        const Encoded flac = encoded({Codec::Flac, 1, 48000}, input, 1000);
        ASSERT_FALSE(flac.samples.empty());
        for (std::size_t i = 0; i + 1 < flac.samples.size(); ++i) {
            EXPECT_TRUE(flac.samples[i].final_config.empty());
            EXPECT_EQ(flac.samples[i].duration, flac.samples[0].duration);
        }
        // RFC 9639 §8.2: bits 108 to 143 are the number of samples, then comes the MD5 of the PCM.
        const Bytes& info = flac.samples.back().final_config;
        ASSERT_EQ(info.size(), 34U);
        ByteReader reader(info);
        reader.skip(10);
        EXPECT_EQ(reader.u64() & 0xfffffffff, count);
        const BytesView checksum = reader.bytes(16);
        EXPECT_NE(Bytes(checksum.begin(), checksum.end()), Bytes(16, 0));
    }
}

struct BadRow {
    std::string name;
    EncoderSettings settings;
    std::string says;
    friend void PrintTo(const BadRow& row, std::ostream* out) { *out << row.name; }
};
class BadEncoders : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadEncoders, AreRefusedByName) {
    const auto encoder = AudioEncoder::create(GetParam().settings);
    ASSERT_FALSE(encoder);
    EXPECT_EQ(encoder.error().code, Errc::InvalidArgument);
    EXPECT_NE(encoder.error().context.find(GetParam().says), std::string::npos)
        << encoder.error().context;
}
INSTANTIATE_TEST_SUITE_P(
    Settings,
    BadEncoders,
    ::testing::Values(
        BadRow{"NoChannel", {Codec::Aac, 0, 48000, 48000}, "channels"},
        BadRow{"SixChannels", {Codec::Opus, 6, 48000, 48000}, "not 6"},
        BadRow{"OddRate", {Codec::Aac, 1, 11025, 48000}, "not 11025"},
        BadRow{"OpusAt44100", {Codec::Opus, 1, 44100, 48000}, "sample rate of Opus"},
        BadRow{"Mp3At96000", {Codec::Mp3, 1, 96000, 48000}, "sample rate of MP3"},
        BadRow{"PcmAt0", {Codec::Pcm, 1, 0}, "sample rate of PCM"},
        BadRow{"FlacAt7999", {Codec::Flac, 1, 7999}, "not 7999"},
        BadRow{"FlacOfSixChannels", {Codec::Flac, 6, 48000}, "channels"},
        BadRow{"Mp3WithTooManyBits", {Codec::Mp3, 1, 48000, 512001}, "bitrate"},
        BadRow{"TooFewBits", {Codec::Aac, 1, 48000, 48}, "bitrate"},
        BadRow{"TooManyBits", {Codec::Aac, 1, 48000, 1000000}, "bitrate"}
    ),
    [](const auto& param) { return param.param.name; }
);

}  // namespace
}  // namespace aircheck::media
