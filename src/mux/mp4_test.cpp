#include "mux/mp4.hpp"

#include "mux/encoded_audio_test.hpp"
#include "mux/mp4_boxes.hpp"
#include "mux/mp4_reader_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::mux {
namespace {

using namespace testing;

Tags some_tags() {
    Tags tags;
    tags.title = "support <1>";
    tags.room = "support-Zürich";
    tags.egress_id = "EG_7dKs8wXyZ3nP";
    tags.comment = "two\nlines";
    tags.created = parse_iso8601("2026-08-20T10:15:15Z").value();
    return tags;
}

Muxed mux_mp4(const EncodedAudio& audio) {
    const auto muxer = make_muxer(Container::Mp4, audio.format, some_tags());
    return mux(**muxer, audio);
}

std::string six_decimals(std::int64_t samples) {
    char text[40];
    std::snprintf(text, sizeof text, "%.6f", static_cast<double>(samples) / 48000.0);
    return text;
}

/// Each sample's bytes in the file must be the encoder's.
void expect_bytes(
    const Bytes& file, const std::vector<ReadSample>& read, const EncodedAudio& audio
) {
    ASSERT_EQ(read.size(), audio.samples.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
        const Bytes& data = audio.samples[i].data;
        ASSERT_EQ(read[i].size, data.size()) << i;
        ASSERT_LE(read[i].offset + read[i].size, file.size());
        ASSERT_TRUE(std::equal(
            data.begin(), data.end(), file.begin() + static_cast<std::ptrdiff_t>(read[i].offset)
        )) << "sample "
           << i;
        ASSERT_EQ(read[i].duration, audio.samples[i].duration) << i;
    }
}

struct Row {
    const char* name;
    media::Codec codec;
    std::int64_t length;
    std::uint16_t channels = 1;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class Mp4OfRealAudio : public ::testing::TestWithParam<Row> {
protected:
    static EncodedAudio encode() {
        const Row& row = GetParam();
        return row.codec == media::Codec::Aac ? encode_aac(row.length, row.channels)
                                              : encode_opus(row.length);
    }
};

INSTANTIATE_TEST_SUITE_P(
    Lengths,
    Mp4OfRealAudio,
    ::testing::Values(
        Row{"aac_10s", media::Codec::Aac, 480'000},
        Row{"aac_stereo", media::Codec::Aac, 123'457, 2},
        Row{"aac_odd", media::Codec::Aac, 144'001},
        Row{"aac_one_frame", media::Codec::Aac, 1024},
        Row{"aac_one_sample", media::Codec::Aac, 1},
        Row{"opus_10s", media::Codec::Opus, 480'000},
        Row{"opus_odd", media::Codec::Opus, 100'003},
        Row{"opus_short", media::Codec::Opus, 700}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST_P(Mp4OfRealAudio, FindsEverySampleWhileGrowingAndWhenFinished) {
    const EncodedAudio audio = encode();
    const Muxed muxed = mux_mp4(audio);

    const Bytes growing = muxed.growing();
    const ReadBox fragments = read_boxes(growing);
    ASSERT_EQ(fragments.children.size(), 2 + 2 * muxed.fragments.size());
    EXPECT_TRUE(types_of(fragments).starts_with("ftyp moov moof mdat"));
    EXPECT_TRUE(fragments.has("moov/mvex/trex"));
    expect_bytes(growing, samples_of_fragments(fragments), audio);

    const Bytes whole = muxed.whole();
    const ReadBox finished = read_boxes(whole);
    EXPECT_EQ(types_of(finished), "ftyp moov mdat");
    EXPECT_EQ(finished.children[2].header_size, 16u);
    EXPECT_EQ(finished.children[2].offset + finished.children[2].size, whole.size());
    EXPECT_FALSE(finished.has("moov/mvex"));
    expect_bytes(whole, samples_of_tables(finished), audio);
}

TEST_P(Mp4OfRealAudio, TellsItsDurationToTheSample) {
    const EncodedAudio audio = encode();
    const Muxed muxed = mux_mp4(audio);
    EXPECT_EQ(muxed.duration.count(), audio.length * 1'000'000'000 / 48000);

    const ReadBox file = read_boxes(muxed.whole());
    const auto length = static_cast<std::uint64_t>(audio.length);
    const ReadBox& edit = file.at("moov/trak/edts/elst");
    EXPECT_EQ(edit.number(4, 4), 1u);
    EXPECT_EQ(edit.number(8, 8), length);
    EXPECT_EQ(edit.number(16, 8), audio.format.priming_samples);
    EXPECT_EQ(file.at("moov/mvhd").number(20, 4), 48000u);
    EXPECT_EQ(file.at("moov/mvhd").number(24, 8), length);
    EXPECT_EQ(file.at("moov/trak/tkhd").number(28, 8), length);
    const auto& mdhd = file.at("moov/trak/mdia/mdhd");
    EXPECT_EQ(mdhd.number(24, 8), length + audio.format.priming_samples);

    const TempFile mp4(muxed.whole(), "a.mp4");
    EXPECT_EQ(probe(mp4.path(), "format=start_time"), "0.000000");
    EXPECT_EQ(probe(mp4.path(), "format=duration"), six_decimals(audio.length));
}

TEST_P(Mp4OfRealAudio, DecodesToWhatTheSamplesDecodeTo) {
    const EncodedAudio audio = encode();
    const Muxed muxed = mux_mp4(audio);
    const std::vector<float> expected = decode_directly(audio);
    ASSERT_EQ(expected.size(), static_cast<std::size_t>(audio.length));

    const TempFile finished(muxed.whole(), "a.mp4");
    const TempFile growing(muxed.growing(), "b.mp4");
    const std::vector<float> from_finished = decode_file(finished.path());
    const std::vector<float> from_growing = decode_file(growing.path());
    EXPECT_LT(difference(from_finished, expected, expected.size()), 1e-6);
    EXPECT_LT(difference(from_growing, expected, expected.size()), 1e-6);
}

TEST(Mp4, SeeksToTheSample) {
    for (const EncodedAudio& audio : {encode_aac(480'000), encode_opus(480'000)}) {
        const TempFile mp4(mux_mp4(audio).whole(), "a.mp4");
        std::vector<float> all = decode_file(mp4.path());
        std::vector<float> part = decode_file(mp4.path(), "-ss 6.25");
        // A decoder that starts in the middle needs a frame (AAC) or 80 ms (Opus) to be itself
        // again.
        constexpr std::ptrdiff_t kSettled = 3840;
        all.erase(all.begin(), all.begin() + 300'000 + kSettled);
        part.erase(part.begin(), part.begin() + kSettled);
        EXPECT_EQ(part.size(), all.size());
        EXPECT_LT(difference(all, part, 150'000), 1e-3);  // one sample off would be 0.01
    }
}

TEST(Mp4, CarriesTagsAndTimes) {
    const Muxed muxed = mux_mp4(encode_aac(48'000));
    const ReadBox file = read_boxes(muxed.whole());
    // 2026-08-20T10:15:15Z is 1787220915 in Unix time, and 1904 began 2082844800 s before 1970.
    for (const char* box : {"moov/mvhd", "moov/trak/tkhd", "moov/trak/mdia/mdhd"}) {
        EXPECT_EQ(file.at(box).number(4, 8), 1787220915u + 2082844800u) << box;
        EXPECT_EQ(file.at(box).number(12, 8), 1787220915u + 2082844800u) << box;
    }
    for (const Bytes& bytes : {muxed.whole(), muxed.growing()}) {
        const TempFile mp4(bytes, "a.mp4");
        EXPECT_EQ(probe(mp4.path(), "format_tags=title"), "support <1>");
        EXPECT_EQ(probe(mp4.path(), "format_tags=room"), "support-Zürich");
        EXPECT_EQ(probe(mp4.path(), "format_tags=egress_id"), "EG_7dKs8wXyZ3nP");
        EXPECT_EQ(probe(mp4.path(), "format_tags=comment"), "two lines");
        EXPECT_EQ(probe(mp4.path(), "format_tags=date"), "2026-08-20T10:15:15.000Z");
        EXPECT_EQ(probe(mp4.path(), "format_tags=creation_time"), "2026-08-20T10:15:15.000000Z");
    }
}

TEST(Mp4, PlaysUpToTheLastWholeFragmentWhereverItIsCut) {
    const EncodedAudio audio = encode_aac(5 * 48'000);
    const Muxed muxed = mux_mp4(audio);
    const std::vector<float> expected = decode_directly(audio);
    const Bytes file = muxed.growing();
    std::size_t whole_until = muxed.header.size();
    std::size_t fragments = 0;
    std::size_t frames = 0;
    for (const Bytes& fragment : muxed.fragments) {
        const std::size_t next = whole_until + fragment.size();
        // The structure at every 7th byte, a real player at the hard places.
        for (std::size_t cut = whole_until; cut < next; cut += 7) {
            const BytesView torn = BytesView(file).first(cut);
            ASSERT_EQ(samples_of_fragments(read_boxes(torn)).size(), frames) << cut;
        }
        for (const std::size_t cut : {whole_until, whole_until + 5, whole_until + 60, next - 1}) {
            if (fragments == 0) continue;
            const TempFile mp4(BytesView(file).first(cut), "a.mp4");
            const std::size_t heard = frames * 1024 - audio.format.priming_samples;
            const std::vector<float> pcm = decode_file(mp4.path());
            EXPECT_LT(difference(pcm, expected, heard), 1e-6) << "cut at " << cut;
        }
        whole_until = next;
        ++fragments;
        frames = samples_of_fragments(read_boxes(BytesView(file).first(next))).size();
    }
    EXPECT_GE(fragments, 5u);
}

TEST(Mp4, FragmentsHoldWhatCameSinceTheLastFlush) {
    const EncodedAudio audio = encode_aac(48'000);
    const auto muxer = make_muxer(Container::Mp4, audio.format, {}).value();
    auto sample = audio.samples.begin();
    for (const unsigned count : {3u, 1u, 20u}) {
        for (unsigned i = 0; i < count; ++i) muxer->add(*sample++);
        Bytes fragment;
        muxer->flush(fragment);
        EXPECT_EQ(read_boxes(fragment).at("moof/traf/trun").number(4, 4), count);
        const std::size_t size = fragment.size();
        muxer->flush(fragment);
        EXPECT_EQ(fragment.size(), size) << "nothing more waits";
    }
}

TEST(Mp4, WithoutSamplesIsStillAFile) {
    EncodedAudio nothing = encode_aac(0);
    nothing.samples.clear();
    const Muxed muxed = mux_mp4(nothing);
    EXPECT_EQ(muxed.duration.count(), 0);
    EXPECT_EQ(types_of(read_boxes(muxed.whole())), "ftyp moov mdat");
    const TempFile mp4(muxed.whole(), "a.mp4");
    EXPECT_EQ(probe(mp4.path(), "stream=codec_name"), "aac");
}

TEST(Mp4, DropsWhatCannotBeAndStretchesOverHoles) {
    EncodedAudio audio = encode_aac(48'000);
    const auto muxer = make_muxer(Container::Mp4, audio.format, {});
    audio.samples.resize(4);
    audio.samples[3].pts += 500;  // a hole of 500 samples
    for (const auto& sample : audio.samples) (*muxer)->add(sample);
    (*muxer)->add(audio.samples[3]);  // again
    (*muxer)->add({10'000, 1024, {}});
    (*muxer)->add({10'000, 1024, Bytes(65'001)});
    EXPECT_EQ((*muxer)->dropped_samples(), 3u);
    const Finished finished = (*muxer)->finish();
    Bytes file = finished.head_replacement;
    file.insert(file.end(), finished.tail.begin(), finished.tail.end());
    const auto samples = samples_of_tables(read_boxes(file));
    ASSERT_EQ(samples.size(), 4u);
    EXPECT_EQ(samples[2].duration, 1524u);
    EXPECT_EQ((*muxer)->duration_samples(), 3 * 1024 + 500);
}

TEST(Mp4, OffsetsBeyond4GiBHave64Bits) {
    const EncodedAudio audio = encode_aac(1024);
    constexpr std::uint64_t k4GiB = std::uint64_t{1} << 32;
    struct {
        std::uint64_t body;
        bool wide;
    } const rows[] = {
        {1'000'000, false},
        {k4GiB - 100'000, false},
        {k4GiB - 100, true},
        {k4GiB + 5, true},
        {40 * k4GiB, true}};
    for (const auto& row : rows) {
        SampleTables tables;
        tables.add_sample(100, 1024);
        tables.add_chunk(120, 1);
        tables.add_sample(200, 1024);
        tables.add_chunk(row.body - 200, 1);
        const Bytes head = finished_head(audio.format, {}, {tables, 1024, row.body});
        Bytes moov = head;
        moov.resize(head.size() - 16);  // the mdat header, whose payload is not here
        const ReadBox file = read_boxes(moov);
        EXPECT_EQ(file.has("moov/trak/mdia/minf/stbl/co64"), row.wide) << row.body;
        const auto samples = samples_of_tables(file);
        ASSERT_EQ(samples.size(), 2u);
        EXPECT_EQ(samples[0].offset, head.size() + 120);
        EXPECT_EQ(samples[1].offset, head.size() + row.body - 200);
        ByteReader mdat(BytesView(head).last(16));
        EXPECT_EQ(mdat.u32(), 1u);
        mdat.skip(4);
        EXPECT_EQ(mdat.u64(), 16 + row.body);
    }
}

TEST(Mp4, IsAPureFunctionOfItsInput) {
    const EncodedAudio audio = encode_aac(100'000);
    EXPECT_EQ(mux_mp4(audio).whole(), mux_mp4(audio).whole());
}

TEST(SampleTables, GiveBackEverySize) {
    SampleTables tables;
    const std::vector<std::uint32_t> sizes = {
        0, 1, 0, 63, 64, 65000, 1, 128, 191, 192, 65000, 0, 127};
    for (const std::uint32_t size : sizes) tables.add_sample(size, 1024);
    std::vector<std::uint32_t> read;
    tables.each_size([&](std::uint32_t size) { read.push_back(size); });
    EXPECT_EQ(read, sizes);
}

}  // namespace
}  // namespace aircheck::mux
