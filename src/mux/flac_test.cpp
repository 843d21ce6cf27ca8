#include "mux/flac.hpp"

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

EncodedAudio flac_of(const Row& row) {
    return encode_tone({media::Codec::Flac, row.channels, row.rate_hz}, row.length);
}

Muxed mux_flac(const EncodedAudio& audio) {
    const auto muxer = make_muxer(Container::Flac, audio.format, full_tags()).value();
    Muxed muxed = mux(*muxer, audio);
    EXPECT_EQ(muxer->duration_samples(), audio.length);
    return muxed;
}

/// RFC 9639 §8.2, bit by bit.
struct StreamInfo {
    unsigned least_block = 0, most_block = 0, least_frame = 0, most_frame = 0;
    unsigned rate_hz = 0, channels = 0, bits = 0;
    std::uint64_t samples = 0;
    Bytes checksum;
};
StreamInfo read_info(BytesView file) {
    ByteReader reader(file);
    EXPECT_EQ(as_text(reader.bytes(4)), "fLaC");
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_EQ(reader.u24(), 34u);
    StreamInfo info;
    info.least_block = reader.u16();
    info.most_block = reader.u16();
    info.least_frame = reader.u24();
    info.most_frame = reader.u24();
    const std::uint64_t packed = reader.u64();
    info.rate_hz = static_cast<unsigned>(packed >> 44);
    info.channels = static_cast<unsigned>(packed >> 41 & 7) + 1;
    info.bits = static_cast<unsigned>(packed >> 36 & 31) + 1;
    info.samples = packed & 0xfffffffff;
    const BytesView checksum = reader.bytes(16);
    info.checksum.assign(checksum.begin(), checksum.end());
    return info;
}

class Flac : public ::testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(
    Formats,
    Flac,
    ::testing::Values(
        Row{"Stereo48", 48000, 2, 144'001},
        Row{"Mono48", 48000, 1, 480'000},
        Row{"WholeFrames", 48000, 1, 46'080},
        Row{"Mono44", 44100, 1, 100'003},
        Row{"Mono16", 16000, 1, 100'003},
        Row{"Stereo8", 8000, 2, 96'000},
        Row{"OneSample", 48000, 1, 1}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST_P(Flac, TellsWhatItHolds) {
    const Row& row = GetParam();
    const EncodedAudio audio = flac_of(row);
    const Muxed muxed = mux_flac(audio);
    EXPECT_EQ(muxed.finished.head_replacement.size(), muxed.header.size());

    const StreamInfo growing = read_info(muxed.growing());
    EXPECT_EQ(growing.samples, 0u) << "unknown";
    EXPECT_EQ(growing.checksum, Bytes(16, 0));
    EXPECT_EQ(growing.rate_hz, row.rate_hz);

    std::size_t least = 1'000'000;
    std::size_t most = 0;
    for (const media::EncodedSample& sample : audio.samples) {
        least = std::min(least, sample.data.size());
        most = std::max(most, sample.data.size());
    }
    const StreamInfo info = read_info(muxed.whole());
    EXPECT_EQ(info.samples, static_cast<std::uint64_t>(audio.length));
    EXPECT_EQ(info.rate_hz, row.rate_hz);
    EXPECT_EQ(info.channels, row.channels);
    EXPECT_EQ(info.bits, 16u);
    EXPECT_EQ(info.least_frame, least);
    EXPECT_EQ(info.most_frame, most);
    EXPECT_EQ(info.least_block, info.most_block);
    EXPECT_NE(info.checksum, Bytes(16, 0));
}

TEST_P(Flac, PassesTheReferenceDecodersTest) {
    const EncodedAudio audio = flac_of(GetParam());
    const Muxed muxed = mux_flac(audio);
    const TempFile flac(muxed.whole(), "a.flac");
    // Every frame's checksum, the length, and the MD5 of all samples; a warning fails it.
    EXPECT_EQ(run("flac -t -s -w " + flac.path() + " 2>&1"), "");
    EXPECT_EQ(
        run("metaflac --show-total-samples " + flac.path()), std::to_string(audio.length) + "\n"
    );
}

TEST_P(Flac, PlaysToTheSample) {
    const Row& row = GetParam();
    const EncodedAudio audio = flac_of(row);
    const TempFile flac(mux_flac(audio).whole(), "a.flac");
    EXPECT_EQ(probe(flac.path(), "stream=duration_ts"), std::to_string(audio.length));
    for (unsigned channel = 0; channel < row.channels; ++channel) {
        const std::vector<float> pcm = decode_channel(flac.path(), channel);
        ASSERT_EQ(pcm.size(), static_cast<std::size_t>(audio.length));
        if (audio.length < row.rate_hz) continue;
        EXPECT_LT(off_tone(pcm, {row.rate_hz, channel, 0, row.rate_hz / 20}), 0.001);
    }
    EXPECT_EQ(run("soxi -s " + flac.path()), std::to_string(audio.length) + "\n");
}

TEST(Flac, CarriesTags) {
    const TempFile flac(mux_flac(flac_of({"", 48000, 1, 4800})).whole(), "a.flac");
    EXPECT_EQ(probe(flac.path(), "format_tags=title"), "support <1>");
    EXPECT_EQ(probe(flac.path(), "format_tags=ROOM"), "support-Zürich");
    EXPECT_EQ(probe(flac.path(), "format_tags=EGRESS_ID"), "EG_7dKs8wXyZ3nP");
    EXPECT_EQ(probe(flac.path(), "format_tags=comment"), "two lines");
    EXPECT_EQ(probe(flac.path(), "format_tags=date"), "2026-08-20T10:15:15.250Z");
}

TEST(Flac, PlaysWhereverItIsCutWhileItGrows) {
    const EncodedAudio audio = flac_of({"", 48000, 1, 144'000});
    const Muxed muxed = mux_flac(audio);
    const Bytes file = muxed.growing();
    std::size_t end = muxed.header.size();
    std::size_t heard = 0;
    for (std::size_t i = 0; i < audio.samples.size(); ++i) {
        for (const std::size_t torn : {0u, 1u, 500u}) {
            if (i != 1 && i != 2 && i != 20) continue;
            const TempFile flac(BytesView(file).first(end + torn), "a.flac");
            const std::vector<float> pcm = decode_file(flac.path() + " 2>/dev/null");
            ASSERT_GE(pcm.size(), heard);
            EXPECT_LT(
                off_tone({pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(heard)}, {}), 1e-4
            );
        }
        end += audio.samples[i].data.size();
        heard += audio.samples[i].duration;
    }
}

TEST(Flac, Seeks) {
    const TempFile flac(mux_flac(flac_of({"", 48000, 1, 480'000})).whole(), "a.flac");
    const std::vector<float> pcm = decode_file(flac.path(), "-ss 6.25");
    EXPECT_EQ(pcm.size(), 180'000u);
    EXPECT_LT(off_tone(pcm, {.start = 300'000}), 1e-4);
}

TEST(Flac, KnowsNoChecksumWhenASampleIsMissing) {
    const EncodedAudio audio = flac_of({"", 48000, 1, 96'000});
    const auto muxer = make_muxer(Container::Flac, audio.format, {}).value();
    for (const media::EncodedSample& sample : audio.samples) muxer->add(sample);
    muxer->add({audio.length, 10, Bytes()});
    EXPECT_EQ(muxer->dropped_samples(), 1u);
    EXPECT_EQ(read_info(muxer->finish().head_replacement).checksum, Bytes(16, 0));
}

}  // namespace
}  // namespace aircheck::mux
