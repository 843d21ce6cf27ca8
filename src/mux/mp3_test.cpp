#include "mux/mp3.hpp"

#include "mux/mp3_frame.hpp"
#include "mux/tone_audio_test.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

namespace aircheck::mux {
namespace {

using namespace testing;

struct Row {
    std::string name;
    std::uint32_t rate_hz;
    std::uint16_t channels;
    std::uint32_t bitrate_bps;
    std::int64_t length;  ///< At 48 kHz.
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
const Row kPlain{"", 48000, 1, 64000, 240'000};

EncodedAudio mp3_of(const Row& row) {
    return encode_tone({media::Codec::Mp3, row.channels, row.rate_hz, row.bitrate_bps}, row.length);
}

Muxed mux_mp3(const EncodedAudio& audio) {
    const auto muxer = make_muxer(Container::Mp3, audio.format, full_tags()).value();
    Muxed muxed = mux(*muxer, audio);
    EXPECT_EQ(muxer->duration_samples(), audio.length);
    return muxed;
}

/// A layer III frame as its header tells (ISO 11172-3 §2.4.1.3 and 2.4.2.3, ISO 13818-3 §2.4.2.3).
struct Frame {
    std::uint32_t rate_hz = 0;
    std::uint32_t bitrate_bps = 0;
    unsigned channels = 0;
    unsigned samples = 0;
    std::size_t side_bytes = 0;
    BytesView bytes;
};

std::optional<Frame> read_frame(BytesView file) {
    if (file.size() < 4 || file[0] != 0xff || (file[1] & 0xe0) != 0xe0) return {};
    constexpr unsigned kRates[] = {44100, 48000, 32000};
    constexpr unsigned kKbps1[] = {
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
    constexpr unsigned kKbps2[] = {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};
    const unsigned version = file[1] >> 3 & 3;
    EXPECT_EQ(file[1] >> 1 & 3, 1) << "layer III";
    const unsigned bitrate = file[2] >> 4;
    const unsigned rate = file[2] >> 2 & 3;
    if (version == 1 || bitrate == 0 || bitrate == 15 || rate == 3) return {};
    Frame frame;
    frame.rate_hz = kRates[rate] / (version == 3 ? 1 : version == 2 ? 2 : 4);
    frame.bitrate_bps = (version == 3 ? kKbps1 : kKbps2)[bitrate] * 1000;
    frame.channels = file[3] >> 6 == 3 ? 1 : 2;
    frame.samples = version == 3 ? 1152 : 576;
    frame.side_bytes =
        version == 3 ? (frame.channels == 1 ? 17 : 32) : (frame.channels == 1 ? 9 : 17);
    const std::size_t padding = file[2] >> 1 & 1;
    const std::size_t size = frame.samples / 8 * frame.bitrate_bps / frame.rate_hz + padding;
    if (size > file.size()) return {};
    frame.bytes = file.first(size);
    return frame;
}

/// The size of the ID3v2 tag at a file's beginning (id3v2.4.0-structure §3.1).
std::size_t id3_bytes(BytesView file) {
    EXPECT_EQ(as_text(file.first(3)), "ID3");
    EXPECT_EQ(file[3], 4);
    std::size_t size = 0;
    for (std::size_t i = 6; i < 10; ++i) {
        EXPECT_LT(file[i], 0x80);
        size = size << 7 | file[i];
    }
    return 10 + size;
}

std::vector<Frame> read_frames(BytesView file) {
    file = file.subspan(id3_bytes(file));
    std::vector<Frame> frames;
    while (const auto frame = read_frame(file)) {
        frames.push_back(*frame);
        file = file.subspan(frame->bytes.size());
    }
    EXPECT_TRUE(file.empty()) << file.size() << " bytes are no frame";
    return frames;
}

/// Bit by bit, as CRC-16/ARC is defined.
std::uint16_t slow_crc(BytesView bytes, std::uint16_t crc = 0) {
    for (const std::uint8_t byte : bytes) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            const bool flip = ((crc ^ static_cast<unsigned>(byte) >> bit) & 1u) != 0;
            crc = static_cast<std::uint16_t>(crc >> 1 ^ (flip ? 0xa001 : 0));
        }
    }
    return crc;
}

TEST(Mp3, Crc) {
    EXPECT_EQ(mp3_crc(as_bytes("123456789")), 0xbb3d);  // the algorithm's published check value
    EXPECT_EQ(mp3_crc(as_bytes("6789"), mp3_crc(as_bytes("12345"))), 0xbb3d);
}

class Mp3 : public ::testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(
    Formats,
    Mp3,
    ::testing::Values(
        Row{"Stereo48", 48000, 2, 128000, 144'001},
        Row{"Mono48At320", 48000, 1, 320000, 144'001},
        Row{"Mono48At32", 48000, 1, 32000, 480'000},
        Row{"Stereo44", 44100, 2, 128000, 240'000},
        Row{"Mono32", 32000, 1, 48000, 100'003},
        Row{"Mono24", 24000, 1, 48000, 100'003},
        Row{"Mono22", 22050, 1, 32000, 100'003},
        Row{"Mono16", 16000, 1, 32000, 100'003},
        Row{"Stereo16At8", 16000, 2, 8000, 100'003},
        Row{"Mono12", 12000, 1, 24000, 100'003},
        Row{"Mono11", 11025, 1, 24000, 100'003},
        Row{"Stereo8", 8000, 2, 32000, 96'000},
        Row{"Short", 48000, 1, 64000, 2401}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST_P(Mp3, InfoFrameTellsWhatFollows) {
    const Row& row = GetParam();
    const EncodedAudio audio = mp3_of(row);
    const Muxed muxed = mux_mp3(audio);
    EXPECT_EQ(muxed.finished.head_replacement.size(), muxed.header.size());
    const Bytes file = muxed.whole();
    const std::vector<Frame> frames = read_frames(file);
    ASSERT_EQ(frames.size(), audio.samples.size() + 1);
    std::size_t bytes = 0;
    std::uint16_t crc = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        EXPECT_EQ(frames[i].rate_hz, row.rate_hz);
        EXPECT_EQ(frames[i].channels, row.channels);
        if (i == 0) continue;
        EXPECT_EQ(frames[i].bitrate_bps, row.bitrate_bps) << "constant";
        bytes += frames[i].bytes.size();
        crc = slow_crc(frames[i].bytes, crc);
    }

    // Xing's fields, then LAME's (gabriel.mp3-tech.org/mp3infotag.html).
    const Frame& info = frames[0];
    ByteReader reader(info.bytes);
    reader.skip(4);
    for (const std::uint8_t side : reader.bytes(info.side_bytes)) EXPECT_EQ(side, 0) << "silent";
    EXPECT_EQ(as_text(reader.bytes(4)), "Info");
    EXPECT_EQ(reader.u32(), 0xfu);
    EXPECT_EQ(reader.u32(), frames.size() - 1);
    EXPECT_EQ(reader.u32(), bytes + info.bytes.size());
    const BytesView toc = reader.bytes(100);
    reader.u32();
    EXPECT_EQ(as_text(reader.bytes(9)), "LAME3.100");
    EXPECT_EQ(reader.u8(), 1) << "constant bit rate";
    reader.skip(10);
    EXPECT_EQ(reader.u8(), std::min(255u, row.bitrate_bps / 1000));
    const std::uint32_t delays = reader.u24();
    // A decoder's own 529 samples count to neither.
    EXPECT_EQ(delays >> 12, audio.format.priming_samples - 529);
    const std::size_t coded = (frames.size() - 1) * info.samples;
    EXPECT_EQ(coded - (delays >> 12) - (delays & 0xfff), static_cast<std::size_t>(audio.length));
    reader.skip(4);
    EXPECT_EQ(reader.u32(), bytes + info.bytes.size());
    EXPECT_EQ(reader.u16(), crc);
    const std::size_t covered = info.bytes.size() - reader.remaining();
    EXPECT_EQ(reader.u16(), slow_crc(info.bytes.first(covered)));
    EXPECT_TRUE(reader.ok());

    // Entry i: where i % of the time is, in 256ths of all bytes.
    for (std::size_t i = 0; i < 100; ++i) {
        std::size_t at = info.bytes.size();
        for (std::size_t n = 0; n < (frames.size() - 1) * i / 100; ++n) {
            at += frames[n + 1].bytes.size();
        }
        const double part =
            256 * static_cast<double>(at) / static_cast<double>(bytes + info.bytes.size());
        const double frame = 256.0 / static_cast<double>(frames.size());
        EXPECT_NEAR(toc[i], part, 1 + frame) << i;
    }
}

TEST_P(Mp3, PlaysWithoutGapToTheSample) {
    const Row& row = GetParam();
    const EncodedAudio audio = mp3_of(row);
    const TempFile mp3(mux_mp3(audio).whole(), "a.mp3");
    EXPECT_EQ(probe(mp3.path(), "stream=codec_name"), "mp3");
    const double frame = (row.rate_hz >= 32000 ? 1152.0 : 576.0) / row.rate_hz;
    const double seconds = static_cast<double>(audio.length) / row.rate_hz;
    EXPECT_GE(std::stod(probe(mp3.path(), "format=duration")), seconds);
    // libavformat 5.1 counts the encoder's delay and padding in; they are less than three frames.
    EXPECT_LT(std::stod(probe(mp3.path(), "format=duration")), seconds + 3 * frame);
    for (unsigned channel = 0; channel < row.channels; ++channel) {
        const std::vector<float> pcm = decode_channel(mp3.path(), channel);
        ASSERT_EQ(pcm.size(), static_cast<std::size_t>(audio.length));
        if (seconds < 1 || row.bitrate_bps < 16000) continue;
        const double allowed = row.rate_hz < 16000 ? 0.03 : 0.01;
        EXPECT_LT(off_tone(pcm, {row.rate_hz, channel, 0, row.rate_hz / 10}), allowed);
    }
}

TEST(Mp3, CarriesTags) {
    const TempFile mp3(mux_mp3(mp3_of(kPlain)).whole(), "a.mp3");
    EXPECT_EQ(probe(mp3.path(), "format_tags=title"), "support <1>");
    EXPECT_EQ(probe(mp3.path(), "format_tags=room"), "support-Zürich");
    EXPECT_EQ(probe(mp3.path(), "format_tags=egress_id"), "EG_7dKs8wXyZ3nP");
    EXPECT_EQ(probe(mp3.path(), "format_tags=comment"), "two lines");
    EXPECT_EQ(probe(mp3.path(), "format_tags=date"), "2026-08-20T10:15:15");
}

TEST(Mp3, PlaysWhereverItIsCutWhileItGrows) {
    const EncodedAudio audio = mp3_of(kPlain);
    const Muxed muxed = mux_mp3(audio);
    const Bytes file = muxed.growing();
    std::size_t end = muxed.header.size();
    std::size_t frames = 0;
    for (const media::EncodedSample& sample : audio.samples) {
        end += sample.data.size();
        if (++frames % 80 != 3) continue;
        for (const std::size_t torn : {0u, 3u, 100u}) {
            const TempFile mp3(BytesView(file).first(end + torn), "a.mp3");
            // The delay is cut, the Info frame is not heard: the tone is where it belongs.
            const std::vector<float> pcm = decode_file(mp3.path() + " 2>/dev/null");
            const std::size_t heard = frames * 1152 - audio.format.priming_samples;
            EXPECT_GE(pcm.size(), heard) << frames;
            EXPECT_LE(pcm.size(), heard + 1152) << frames;
            if (frames > 20) {
                EXPECT_LT(off_tone(pcm, {.skipped = 4800}), 0.01);
            }
            const double seconds = std::stod(probe(mp3.path() + " 2>/dev/null", "format=duration"));
            EXPECT_NEAR(seconds, static_cast<double>(frames) * 0.024, 0.1) << frames;
        }
    }
}

TEST(Mp3, Seeks) {
    const TempFile mp3(mux_mp3(mp3_of({"", 48000, 1, 64000, 480'000})).whole(), "a.mp3");
    const std::vector<float> pcm = decode_file(mp3.path(), "-ss 6.25");
    EXPECT_NEAR(static_cast<double>(pcm.size()), 180'000, 1152);
}

}  // namespace
}  // namespace aircheck::mux
