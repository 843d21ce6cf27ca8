#include "mux/ts.hpp"

#include "mux/playlist.hpp"
#include "mux/tone_audio_test.hpp"
#include "mux/ts_reader_test.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <ostream>

namespace aircheck::mux {
namespace {

using namespace testing;

constexpr std::int64_t kSecond = 48'000;

EncodedAudio aac(std::int64_t length, std::uint32_t rate_hz = 48000, std::uint16_t channels = 1) {
    return encode_tone({media::Codec::Aac, channels, rate_hz, 64000}, length);
}

Bytes stream_of(const EncodedAudio& audio) {
    TsStream stream = TsStream::create(audio.format).value();
    Bytes out;
    for (const media::EncodedSample& sample : audio.samples) stream.add(sample, out);
    stream.flush(out);
    EXPECT_EQ(stream.dropped_samples(), 0u);
    return out;
}

struct Row {
    std::string name;
    std::uint32_t rate_hz;
    std::uint16_t channels;
    unsigned frequency_index;  ///< ISO 14496-3 table 1.18
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class TsOfRates : public ::testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(
    Rates,
    TsOfRates,
    ::testing::Values(
        Row{"At48Stereo", 48000, 2, 3},
        Row{"At48Mono", 48000, 1, 3},
        Row{"At44Stereo", 44100, 2, 4},
        Row{"At32", 32000, 1, 5},
        Row{"At24", 24000, 1, 6},
        Row{"At22", 22050, 1, 7},
        Row{"At16", 16000, 1, 8},
        Row{"At8", 8000, 1, 11}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST_P(TsOfRates, HoldsEveryFrameAtItsTime) {
    const Row& row = GetParam();
    const EncodedAudio audio = aac(3 * kSecond, row.rate_hz, row.channels);
    TsReader reader;
    reader.read(stream_of(audio));
    EXPECT_EQ(reader.stream_type, 0x0f);
    std::size_t next = 0;
    for (const TsReader::Pes& pes : reader.pes) {
        // A second is where pts 0 lies; what comes before is the encoder's priming.
        const std::int64_t samples = audio.samples.at(next).pts;
        EXPECT_NEAR(
            static_cast<double>(pes.pts),
            90'000 + static_cast<double>(samples) * 90'000 / row.rate_hz,
            1
        );
        for (const AdtsFrame& frame : read_adts(pes.payload)) {
            EXPECT_EQ(frame.profile, 1u);
            EXPECT_EQ(frame.frequency_index, row.frequency_index);
            EXPECT_EQ(frame.channels, row.channels);
            EXPECT_EQ(frame.payload, audio.samples.at(next).data);
            ++next;
        }
    }
    EXPECT_EQ(next, audio.samples.size());
}

TEST_P(TsOfRates, ClocksComeInTimeAndTablesComeAgain) {
    const Row& row = GetParam();
    TsReader reader;
    reader.read(stream_of(aac(3 * kSecond, row.rate_hz, row.channels)));
    ASSERT_GT(reader.clocks.size(), 20u);
    std::size_t pes = 0;
    for (std::size_t i = 0; i < reader.clocks.size(); ++i) {
        if (i > 0) {
            const std::int64_t gap = reader.clocks[i].base - reader.clocks[i - 1].base;
            EXPECT_GT(gap, 0);
            EXPECT_LE(gap, 9000) << "§2.7.2: every 100 ms";
        }
        if (reader.clocks[i].is_alone) continue;
        const std::int64_t lead = reader.pes.at(pes++).pts - reader.clocks[i].base;
        EXPECT_GT(lead, 0) << "what is decoded has arrived";
        EXPECT_LT(lead, 18'000);
    }
    EXPECT_EQ(pes, reader.pes.size());
    EXPECT_NEAR(static_cast<double>(reader.tables.size()), 8, 1) << "every 400 ms or so";
    EXPECT_EQ(reader.tables.front(), 0u);
}

TEST_P(TsOfRates, Plays) {
    const Row& row = GetParam();
    const EncodedAudio audio = aac(3 * kSecond, row.rate_hz, row.channels);
    const TempFile ts(stream_of(audio), "a.ts");
    EXPECT_EQ(probe(ts.path(), "stream=codec_name"), "aac\naac");  // told for the program, too
    EXPECT_NE(
        probe(ts.path(), "stream=sample_rate").find(std::to_string(row.rate_hz)), std::string::npos
    );
    const double early = static_cast<double>(audio.format.priming_samples) / row.rate_hz;
    EXPECT_NEAR(std::stod(probe(ts.path(), "format=start_time")), 1 - early, 1e-4);
    const double allowed = row.rate_hz < 16000 ? 0.03 : 0.01;  // of coding; a sample is 0.06, 0.01
    for (unsigned channel = 0; channel < row.channels; ++channel) {
        const std::vector<float> pcm = decode_channel(ts.path(), channel);
        const std::int64_t priming = audio.format.priming_samples;
        EXPECT_GE(static_cast<std::int64_t>(pcm.size()), audio.length + priming);
        EXPECT_LT(static_cast<std::int64_t>(pcm.size()), audio.length + priming + 1024);
        EXPECT_LT(off_tone(pcm, {row.rate_hz, channel, -priming, row.rate_hz / 5}), allowed);
    }
}

TEST(Ts, MayBeEnteredAnywhere) {
    const Bytes whole = stream_of(aac(5 * kSecond));
    for (const std::size_t cut : {std::size_t{1}, std::size_t{1000}, whole.size() / 2}) {
        const TempFile ts(BytesView(whole).subspan(cut), "a.ts");
        const std::vector<float> pcm = decode_file(ts.path());
        const double left =
            5 * static_cast<double>(whole.size() - cut) / static_cast<double>(whole.size());
        EXPECT_GT(static_cast<double>(pcm.size()) / 48000, left - 0.6) << cut;
    }
}

TEST(Ts, ClocksWrapAfterTwentySixHours) {
    TsWriter writer = TsWriter::create(aac(1024).format).value();
    Bytes out;
    writer.write_tables(out);
    const std::int64_t wrap = std::int64_t{1} << 33;
    const std::int64_t pts = (wrap - 90'000) / 90'000 * 48'000;
    writer.add({pts, 1024, Bytes(100, 1)}, out);
    writer.add({pts + 48'000, 1024, Bytes(100, 2)}, out);
    writer.flush(out);
    TsReader reader;
    reader.read(out);
    ASSERT_EQ(reader.pes.size(), 2u);
    EXPECT_EQ(reader.pes[0].pts, (wrap - 90'000) / 90'000 * 90'000 + 90'000);
    EXPECT_EQ(reader.pes[1].pts, reader.pes[0].pts + 90'000 - wrap);
}

TEST(Ts, FramesOfEverySizeFillTheirPackets) {
    TsWriter writer = TsWriter::create(aac(1024).format).value();
    Bytes out;
    writer.write_tables(out);
    std::vector<Bytes> given;
    std::int64_t pts = 0;
    // 188-byte packets end at every place; 8184 bytes are ADTS's most.
    for (std::size_t size = 1; size <= 8184; size += size < 600 ? 1 : 379) {
        given.emplace_back(size, static_cast<std::uint8_t>(size));
        writer.add({pts, 1024, given.back()}, out);
        writer.flush(out);
        pts += 1024;
    }
    writer.add({pts, 1024, Bytes(8185)}, out);
    writer.add({pts, 1024, Bytes()}, out);
    writer.add({0, 1024, Bytes(1)}, out);
    EXPECT_EQ(writer.dropped_samples(), 3u);
    writer.flush(out);
    TsReader reader;
    reader.read(out);
    std::vector<Bytes> read;
    for (const TsReader::Pes& pes : reader.pes) {
        for (AdtsFrame& frame : read_adts(pes.payload)) read.push_back(std::move(frame.payload));
    }
    EXPECT_EQ(read, given);
}

TEST(Ts, RefusesWhatItCannotHold) {
    const media::StreamFormat good = aac(1024).format;
    const auto refused = [](const media::StreamFormat& format, const char* says) {
        const auto writer = TsWriter::create(format);
        ASSERT_FALSE(writer);
        EXPECT_EQ(writer.error().code, Errc::InvalidArgument);
        EXPECT_NE(writer.error().context.find(says), std::string::npos) << writer.error().context;
    };
    refused(encode_opus(960).format, "AAC only");
    media::StreamFormat bad = good;
    bad.codec_config.resize(1);
    refused(bad, "AudioSpecificConfig");
    bad = good;
    bad.codec_config[0] = 0x29;  // object type 5
    refused(bad, "low complexity");
    bad = good;
    bad.sample_rate_hz = 44100;
    refused(bad, "44100 Hz");
    bad = good;
    bad.channels = 2;
    refused(bad, "2 channels");
}

}  // namespace
}  // namespace aircheck::mux
