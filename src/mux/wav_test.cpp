#include "mux/wav.hpp"

#include "mux/tone_audio_test.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace aircheck::mux {
namespace {

using namespace testing;

struct Row {
    std::string name;
    std::uint32_t rate_hz;
    std::uint16_t channels;
    std::int64_t length;  ///< At 48 kHz.
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

EncodedAudio pcm_of(const Row& row) {
    return encode_tone({media::Codec::Pcm, row.channels, row.rate_hz}, row.length);
}

Muxed mux_wav(const EncodedAudio& audio) {
    const auto muxer = make_muxer(Container::Wav, audio.format, full_tags()).value();
    Muxed muxed = mux(*muxer, audio);
    EXPECT_EQ(muxer->duration_samples(), audio.length);
    return muxed;
}

/// A RIFF chunk's place, by its type; the file's own 12 bytes are skipped.
struct Chunk {
    std::size_t offset = 0;
    std::uint64_t size = 0;
};
Chunk find_chunk(BytesView file, std::string_view type, std::size_t from = 12) {
    for (std::size_t at = from; at + 8 <= file.size();) {
        const std::uint64_t size = little_endian(file, at + 4, 4);
        if (as_text(file.subspan(at, 4)) == type) return {at + 8, size};
        at += 8 + size + size % 2;
    }
    ADD_FAILURE() << "no chunk " << type;
    return {};
}

class Wav : public ::testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(
    Formats,
    Wav,
    ::testing::Values(
        Row{"Stereo48", 48000, 2, 144'001},
        Row{"Mono48", 48000, 1, 480'000},
        Row{"Mono44", 44100, 1, 100'003},
        Row{"Mono16", 16000, 1, 100'003},
        Row{"Stereo8", 8000, 2, 96'000},
        Row{"OneSample", 48000, 1, 1}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST_P(Wav, TellsItsSizes) {
    const Row& row = GetParam();
    const EncodedAudio audio = pcm_of(row);
    const Muxed muxed = mux_wav(audio);
    EXPECT_EQ(muxed.finished.head_replacement.size(), muxed.header.size());
    const Bytes file = muxed.whole();
    EXPECT_EQ(as_text(BytesView(file).first(4)), "RIFF");
    EXPECT_EQ(little_endian(file, 4, 4), file.size() - 8);
    const Chunk format = find_chunk(file, "fmt ");
    EXPECT_EQ(format.size, 16u);
    EXPECT_EQ(little_endian(file, format.offset, 2), 1u);
    EXPECT_EQ(little_endian(file, format.offset + 2, 2), row.channels);
    EXPECT_EQ(little_endian(file, format.offset + 4, 4), row.rate_hz);
    EXPECT_EQ(little_endian(file, format.offset + 8, 4), row.rate_hz * row.channels * 2);
    EXPECT_EQ(little_endian(file, format.offset + 12, 2), row.channels * 2u);
    EXPECT_EQ(little_endian(file, format.offset + 14, 2), 16u);
    const Chunk data = find_chunk(file, "data");
    EXPECT_EQ(data.size, static_cast<std::uint64_t>(audio.length) * row.channels * 2);
    EXPECT_EQ(data.offset + data.size, file.size());
}

TEST_P(Wav, PlaysToTheSample) {
    const Row& row = GetParam();
    const EncodedAudio audio = pcm_of(row);
    const TempFile wav(mux_wav(audio).whole(), "a.wav");
    EXPECT_EQ(probe(wav.path(), "stream=codec_name"), "pcm_s16le");
    EXPECT_EQ(probe(wav.path(), "stream=duration_ts"), std::to_string(audio.length));
    for (unsigned channel = 0; channel < row.channels; ++channel) {
        const std::vector<float> pcm = decode_channel(wav.path(), channel);
        ASSERT_EQ(pcm.size(), static_cast<std::size_t>(audio.length));
        if (audio.length < row.rate_hz) continue;
        EXPECT_LT(off_tone(pcm, {row.rate_hz, channel, 0, row.rate_hz / 20}), 0.001);
    }
    EXPECT_EQ(run("soxi -s " + wav.path()), std::to_string(audio.length) + "\n");
    EXPECT_EQ(run("soxi -r " + wav.path()), std::to_string(row.rate_hz) + "\n");
    EXPECT_EQ(run("soxi -c " + wav.path()), std::to_string(row.channels) + "\n");
}

TEST(Wav, CarriesTags) {
    const TempFile wav(mux_wav(pcm_of({"", 48000, 1, 480})).whole(), "a.wav");
    EXPECT_EQ(probe(wav.path(), "format_tags=title"), "support <1>");
    EXPECT_EQ(probe(wav.path(), "format_tags=ISBJ"), "support-Zürich");
    EXPECT_EQ(probe(wav.path(), "format_tags=ISRC"), "EG_7dKs8wXyZ3nP");
    EXPECT_EQ(probe(wav.path(), "format_tags=comment"), "two lines");
    EXPECT_EQ(probe(wav.path(), "format_tags=date"), "2026-08-20T10:15:15.250Z");
    EXPECT_EQ(probe(wav.path(), "format_tags=encoder"), "aircheck");
}

TEST(Wav, PlaysWhereverItIsCutWhileItGrows) {
    const EncodedAudio audio = pcm_of({"", 48000, 2, 96'000});
    const Muxed muxed = mux_wav(audio);
    const Bytes file = muxed.growing();
    const std::size_t head = muxed.header.size();
    EXPECT_EQ(little_endian(file, 4, 4), 0xffffffffu);
    EXPECT_EQ(little_endian(file, head - 4, 4), 0xffffffffu);
    for (const std::size_t sound : {4u, 5u, 6u, 7u, 50'001u, 200'002u, 383'999u}) {
        const TempFile wav(BytesView(file).first(head + sound), "a.wav");
        const std::vector<float> pcm = decode_channel(wav.path(), 0);
        EXPECT_EQ(pcm.size(), sound / 4) << sound;
        if (pcm.size() > 10'000) {
            EXPECT_LT(off_tone(pcm, {}), 1e-4);
        }
        const std::string raw = run("sox -V1 --ignore-length " + wav.path() + " -t raw -");
        EXPECT_EQ(raw, as_text(BytesView(file).subspan(head, sound / 4 * 4))) << sound;
        EXPECT_EQ(run("sox -V1 " + wav.path() + " -t raw -"), raw) << sound;
    }
}

// EBU Tech 3306 §3: RF64, ds64 before fmt, and the 32-bit sizes all ones.
TEST(Wav, BecomesRf64BeyondFourGigabytes) {
    const media::StreamFormat format = pcm_of({"", 48000, 2, 480}).format;
    const std::uint64_t head = finished_wav_head(format, full_tags(), 0).size();
    const std::uint64_t most = 0xfffffffeull + 8 - head;
    const Bytes riff = finished_wav_head(format, full_tags(), most);
    EXPECT_EQ(as_text(BytesView(riff).first(4)), "RIFF");
    EXPECT_EQ(little_endian(riff, 4, 4), 0xfffffffeu);
    EXPECT_EQ(find_chunk(riff, "JUNK").size, 28u);

    const std::uint64_t data = 24ull * 3600 * 48000 * 4;  // a day
    for (const std::uint64_t bytes : {most + 1, data}) {
        const Bytes rf64 = finished_wav_head(format, full_tags(), bytes);
        ASSERT_EQ(rf64.size(), head);
        EXPECT_EQ(as_text(BytesView(rf64).first(4)), "RF64");
        EXPECT_EQ(little_endian(rf64, 4, 4), 0xffffffffu);
        EXPECT_EQ(as_text(BytesView(rf64).subspan(12, 4)), "ds64");
        EXPECT_EQ(little_endian(rf64, 16, 4), 28u);
        EXPECT_EQ(little_endian(rf64, 20, 8), head - 8 + bytes);
        EXPECT_EQ(little_endian(rf64, 28, 8), bytes);
        EXPECT_EQ(little_endian(rf64, 36, 8), bytes / 4);
        EXPECT_EQ(little_endian(rf64, 44, 4), 0u);
        EXPECT_EQ(little_endian(rf64, head - 4, 4), 0xffffffffu);
    }
    // A file of that size, all hole: players find its length and its end.
    const TempFile wav(finished_wav_head(format, full_tags(), data), "a.wav");
    static_cast<void>(run("truncate -s " + std::to_string(head + data) + " " + wav.path()));
    EXPECT_EQ(probe(wav.path(), "format=duration"), "86400.000000");
    EXPECT_EQ(probe(wav.path(), "format_tags=title"), "support <1>");
    const std::string late = run("ffmpeg -v error -ss 86399 -i " + wav.path() + " -f s16le -");
    EXPECT_EQ(late.size(), 48000u * 4);
}

TEST(Wav, CutsAPieceThatItsDurationCuts) {
    EncodedAudio audio = pcm_of({"", 48000, 2, 960});
    audio.samples.back().duration = 10;
    audio.length = 10;
    const Muxed muxed = mux_wav(audio);
    EXPECT_EQ(muxed.whole().size(), muxed.header.size() + 40);
}

}  // namespace
}  // namespace aircheck::mux
