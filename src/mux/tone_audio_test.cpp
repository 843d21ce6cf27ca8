#include "mux/tone_audio_test.hpp"

#include "media/audio_encoder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numbers>

namespace aircheck::mux::testing {

float tone_at(double seconds, unsigned channel) {
    constexpr double kTurn = 2 * std::numbers::pi;
    const double start_hz = channel == 0 ? 300 : 200;
    const double level = channel == 0 ? 0.3 : 0.15;
    const double cycles = start_hz * seconds + 40 * std::sin(kTurn * seconds / 3);
    return static_cast<float>(level * std::sin(kTurn * cycles));
}

EncodedAudio encode_tone(const ToneFormat& format, std::int64_t length) {
    constexpr std::int64_t kPiece = 4800;
    const media::EncoderSettings settings{
        format.codec, format.channels, format.rate_hz, format.bitrate_bps};
    auto encoder = media::AudioEncoder::create(settings).value();
    EncodedAudio audio;
    audio.format = encoder->format();
    audio.length = (length * settings.sample_rate_hz + 47999) / 48000;
    std::vector<float> piece;
    for (std::int64_t at = 0; at < length; at += kPiece) {
        piece.clear();
        for (std::int64_t i = at; i < std::min(at + kPiece, length); ++i) {
            for (unsigned channel = 0; channel < settings.channels; ++channel) {
                piece.push_back(tone_at(static_cast<double>(i) / 48000, channel));
            }
        }
        EXPECT_TRUE(encoder->encode(piece, audio.samples));
    }
    EXPECT_TRUE(encoder->finish(audio.samples));
    return audio;
}

std::vector<float> decode_channel(const std::string& path, unsigned channel) {
    const std::string raw =
        run("ffmpeg -v error -i '" + path + "' -af 'pan=mono|c0=c" + std::to_string(channel) +
            "' -f f32le -c:a pcm_f32le -");
    std::vector<float> pcm(raw.size() / sizeof(float));
    if (!pcm.empty()) std::memcpy(pcm.data(), raw.data(), pcm.size() * sizeof(float));
    return pcm;
}

double off_tone(const std::vector<float>& pcm, const Part& part) {
    const std::size_t end = pcm.size() - std::min<std::size_t>(pcm.size(), part.rate_hz / 20);
    if (part.skipped >= end) return 1e9;
    double power = 0;
    double tone_power = 0;
    double common = 0;
    for (std::size_t i = part.skipped; i < end; ++i) {
        const double at = static_cast<double>(part.start + static_cast<std::int64_t>(i));
        const double tone = double{tone_at(at / part.rate_hz, part.channel)};
        power += std::pow(double{pcm[i]}, 2);
        tone_power += tone * tone;
        common += double{pcm[i]} * tone;
    }
    EXPECT_NEAR(common / tone_power, 0.975, 0.04) << "loudness";
    const double rest = power - common * common / tone_power;
    return std::sqrt(std::max(0.0, rest) / static_cast<double>(end - part.skipped));
}

std::uint64_t little_endian(BytesView bytes, std::size_t offset, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) value = value * 256 + bytes[offset + i];
    return value;
}

Tags full_tags() {
    Tags tags;
    tags.title = "support <1>";
    tags.room = "support-Zürich";
    tags.egress_id = "EG_7dKs8wXyZ3nP";
    tags.comment = "two\nlines";
    tags.created = parse_iso8601("2026-08-20T10:15:15.250Z").value();
    return tags;
}

}  // namespace aircheck::mux::testing
