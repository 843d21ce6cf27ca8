#include "media/resampler.hpp"

#include "media/media_testing.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <string>

namespace aircheck::media {
namespace {

using namespace testing;

constexpr Interpolator::Position kOne = Interpolator::Position{1} << Interpolator::kFractionBits;

TEST(Interpolator, WholePositionsAreTheSamplesThemselves) {
    const std::vector<float> source = noise(0.01, 1);
    std::vector<float> out(400);
    Interpolator::read(source, 1, 20 * kOne, kOne, out);
    EXPECT_TRUE(std::equal(out.begin(), out.end(), source.begin() + 20));
}

struct ToneRow {
    double hz;
    double residue_db;  ///< Error against the ideal, relative to the tone.
};
class InterpolatorTone : public ::testing::TestWithParam<ToneRow> {};

TEST_P(InterpolatorTone, ReadsBetweenSamples) {
    const double step = 2 * std::numbers::pi * GetParam().hz / kRate;
    std::vector<float> source(10000);
    for (std::size_t i = 0; i < source.size(); ++i) {
        source[i] = static_cast<float>(std::sin(step * static_cast<double>(i)));
    }
    constexpr double kRatio = 1 + 833e-6;
    std::vector<float> out(9000);
    Interpolator::read(
        source, 1, 100 * kOne, static_cast<Interpolator::Position>(kRatio * kOne), out
    );
    double error = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double ideal = std::sin(step * (100 + kRatio * static_cast<double>(i)));
        error += (out[i] - ideal) * (out[i] - ideal);
    }
    const double residue = 10 * std::log10(2 * error / static_cast<double>(out.size()));
    EXPECT_LT(residue, GetParam().residue_db);
}
INSTANTIATE_TEST_SUITE_P(
    Tones,
    InterpolatorTone,
    ::testing::Values(
        ToneRow{100, -78},
        ToneRow{1000, -78},
        ToneRow{8000, -78},
        ToneRow{16000, -70},
        ToneRow{19000, -45}
    ),
    [](const auto& param) { return std::to_string(static_cast<int>(param.param.hz)) + "Hz"; }
);

TEST(Interpolator, ChannelsStayApart) {
    std::vector<float> source(400);
    for (std::size_t i = 0; i < source.size(); i += 2) {
        source[i] = 0.25F;
        source[i + 1] = -0.5F;
    }
    std::vector<float> out(100);
    Interpolator::read(source, 2, 20 * kOne + kOne / 3, kOne + 1000, out);
    for (std::size_t i = 0; i < out.size(); i += 2) {
        EXPECT_NEAR(out[i], 0.25, 1e-5);
        EXPECT_NEAR(out[i + 1], -0.5, 1e-5);
    }
}

class RateConverterRate : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RateConverterRate, KeepsTonesTimesAndLength) {
    const std::uint32_t rate = GetParam();
    const double hz = 440;
    const std::vector<float> input = tone(hz, 1.2345);
    RateConverter converter(rate, 1);
    std::vector<float> out;
    // Odd pieces: what comes out does not depend on how it went in.
    for (std::size_t at = 0; at < input.size();) {
        const std::size_t count = std::min<std::size_t>(777, input.size() - at);
        converter.convert(std::span(input).subspan(at, count), out);
        at += count;
    }
    converter.finish(out);
    const double exact = static_cast<double>(input.size()) * rate / kRate;
    EXPECT_EQ(out.size(), static_cast<std::size_t>(std::ceil(exact)));
    EXPECT_EQ(RateConverter::length(59256, rate), static_cast<std::int64_t>(std::ceil(exact)));

    double error = 0;
    const std::size_t edge = rate / 50;
    for (std::size_t i = edge; i + edge < out.size(); ++i) {
        const double at = static_cast<double>(i) / rate;
        const double ideal = 0.5 * std::sin(2 * std::numbers::pi * hz * at);
        error = std::max(error, std::abs(out[i] - ideal));
    }
    EXPECT_LT(error, 1e-3);
}

class RateConverterDown : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RateConverterDown, WhatTheRateCannotHoldIsGone) {
    const std::uint32_t rate = GetParam();
    const double hz = rate * 0.53;
    const std::vector<float> input = tone(hz, 0.5);
    RateConverter converter(rate, 1);
    std::vector<float> out;
    converter.convert(input, out);
    const std::span<const float> middle = std::span(out).subspan(rate / 20, rate / 4);
    EXPECT_LT(rms(middle), 0.5 * 1e-3);
}

TEST_P(RateConverterRate, StereoIsTwiceMono) {
    const std::uint32_t rate = GetParam();
    const std::vector<float> left = noise(0.1, 0.5, 1);
    const std::vector<float> right = noise(0.1, 0.5, 2);
    std::vector<float> both;
    for (std::size_t i = 0; i < left.size(); ++i) {
        both.push_back(left[i]);
        both.push_back(right[i]);
    }
    std::vector<float> out;
    std::vector<float> out_left;
    RateConverter stereo(rate, 2);
    RateConverter mono(rate, 1);
    stereo.convert(both, out);
    stereo.finish(out);
    mono.convert(left, out_left);
    mono.finish(out_left);
    ASSERT_EQ(out.size(), 2 * out_left.size());
    for (std::size_t i = 0; i < out_left.size(); ++i) ASSERT_EQ(out[2 * i], out_left[i]);
}
INSTANTIATE_TEST_SUITE_P(
    Rates,
    RateConverterRate,
    ::testing::Values(8000, 16000, 22050, 24000, 32000, 44100, 48000),
    ::testing::PrintToStringParamName()
);

INSTANTIATE_TEST_SUITE_P(
    Rates,
    RateConverterDown,
    ::testing::Values(8000, 16000, 22050, 24000, 32000, 44100),
    ::testing::PrintToStringParamName()
);

}  // namespace
}  // namespace aircheck::media
