#include "sim/voice.hpp"

#include "core/c_handle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opus/opus.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <numbers>

namespace aircheck::sim {
namespace {

using DecoderHandle = CHandle<OpusDecoder, opus_decoder_destroy>;
using testing::HasSubstr;

std::vector<float> decode(const Voice& voice, std::uint64_t frames) {
    const DecoderHandle decoder(opus_decoder_create(48'000, 1, nullptr));
    std::vector<float> pcm;
    std::vector<float> frame(960);
    for (std::uint64_t i = 0; i < frames; ++i) {
        const auto bytes = voice.frame(i);
        const int count = opus_decode_float(
            decoder.get(), bytes.data(), static_cast<opus_int32>(bytes.size()), frame.data(), 960, 0
        );
        EXPECT_EQ(count, 960);
        pcm.insert(pcm.end(), frame.begin(), frame.end());
    }
    return pcm;
}

/// The amplitude of `hz` in `pcm` (Goertzel's sum).
double amplitude(std::span<const float> pcm, double hz) {
    double re = 0, im = 0;
    for (std::size_t n = 0; n < pcm.size(); ++n) {
        const double phase = 2 * std::numbers::pi * hz * static_cast<double>(n) / 48'000;
        re += static_cast<double>(pcm[n]) * std::cos(phase);
        im += static_cast<double>(pcm[n]) * std::sin(phase);
    }
    return 2 * std::hypot(re, im) / static_cast<double>(pcm.size());
}

TEST(Voice, AToneGoesOnWithoutASeam) {
    const auto voice = Voice::tone(440, 0.25).value();
    EXPECT_EQ(voice->duration(), 1s);
    const auto pcm = decode(*voice, 150);
    const std::span<const float> all(pcm);
    for (std::size_t second = 0; second < 3; ++second) {
        // The first frames swing in.
        EXPECT_NEAR(amplitude(all.subspan(second * 48'000 + 4'800, 38'400), 440), 0.25, 0.03);
        EXPECT_LT(amplitude(all.subspan(second * 48'000 + 4'800, 38'400), 1000), 0.01);
    }
    // Across the seam the steepest step is the sine's own, with some room for the codec.
    const double steepest = 0.25 * 2 * std::numbers::pi * 440 / 48'000;
    for (std::size_t n = 47'000; n < 50'000; ++n) {
        EXPECT_LT(std::abs(static_cast<double>(pcm[n + 1] - pcm[n])), 1.6 * steepest) << n;
    }
}

TEST(Voice, EndsInSilence) {
    std::vector<std::int16_t> pcm(48'000 / 2 + 1, 10'000);
    const auto voice = Voice::from_pcm(pcm, {}).value();
    EXPECT_EQ(voice->duration(), 520ms);
    EXPECT_EQ(to_hex(voice->frame(26)), "f8fffe");
    EXPECT_EQ(to_hex(voice->frame(1'000'000)), "f8fffe");
}

TEST(Voice, DtxLeavesFramesOutButNotForever) {
    std::vector<std::int16_t> pcm(48'000 * 4, 0);
    Voice::Options options;
    options.dtx = true;
    const auto voice = Voice::from_pcm(pcm, options).value();
    int longest = 0, run = 0, left_out = 0;
    for (std::uint64_t i = 0; i < 200; ++i) {
        run = voice->frame(i).empty() ? run + 1 : 0;
        left_out += voice->frame(i).empty() ? 1 : 0;
        longest = std::max(longest, run);
    }
    EXPECT_GT(left_out, 100);
    EXPECT_GE(longest, 10);
    EXPECT_LE(longest, 20);
}

class WavFile : public testing::Test {
protected:
    ~WavFile() override { std::remove(path.c_str()); }
    void write(const Bytes& bytes) const {
        std::ofstream file(path, std::ios::binary);
        file.write(
            reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())
        );
    }
    /// A 16-bit mono file of `rate`, one second of 1000 Hz.
    static Bytes tone_file(std::uint32_t rate) {
        Bytes bytes;
        const auto number = [&](std::uint32_t value, int width) {
            for (int i = 0; i < width; ++i) {
                bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
            }
        };
        ByteWriter out(bytes);
        out.text("RIFF");
        number(36 + 2 * rate, 4);
        out.text("WAVEfmt ");
        number(16, 4);
        number(1, 2);
        number(1, 2);
        number(rate, 4);
        number(2 * rate, 4);
        number(2, 2);
        number(16, 2);
        out.text("data");
        number(2 * rate, 4);
        for (std::uint32_t n = 0; n < rate; ++n) {
            const double phase = 2 * std::numbers::pi * 1000.0 * n / rate;
            number(static_cast<std::uint16_t>(std::lround(8192 * std::sin(phase))), 2);
        }
        return bytes;
    }

    std::string path = testing::TempDir() + "sim_voice_" +
                       testing::UnitTest::GetInstance()->current_test_info()->name() + ".wav";
};

TEST_F(WavFile, AnyRateKeepsPitchAndLevel) {
    for (const std::uint32_t rate : {8'000u, 22'050u, 44'100u, 48'000u}) {
        write(tone_file(rate));
        const auto voice = Voice::from_wav(path, {});
        ASSERT_TRUE(voice) << voice.error().to_string();
        EXPECT_EQ((*voice)->duration(), 1s);
        const auto pcm = decode(**voice, 50);
        EXPECT_NEAR(amplitude(std::span<const float>(pcm).subspan(9'600, 28'800), 1000), 0.25, 0.04)
            << rate;
    }
}

TEST_F(WavFile, DamagedOnesAreRefusedByName) {
    const auto good = tone_file(48'000);
    const auto expect_refused = [&](Bytes bytes, const char* why) {
        write(bytes);
        const auto voice = Voice::from_wav(path, {});
        ASSERT_FALSE(voice) << why;
        EXPECT_THAT(voice.error().to_string(), HasSubstr(path));
        EXPECT_THAT(voice.error().to_string(), HasSubstr(why));
    };
    expect_refused({}, "not a WAV file");
    expect_refused(Bytes(good.begin(), good.begin() + 30), "longer than the file");
    expect_refused(Bytes(good.begin(), good.begin() + 44), "no audio");
    auto eight_bit = good;
    eight_bit[34] = 8;
    expect_refused(eight_bit, "16-bit PCM");
    auto surround = good;
    surround[22] = 6;
    expect_refused(surround, "mono nor stereo");
    EXPECT_FALSE(Voice::from_wav("/nowhere/at/all.wav", {}));
}

}  // namespace
}  // namespace aircheck::sim
