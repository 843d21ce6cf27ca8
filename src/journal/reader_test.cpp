#include "journal/reader.hpp"

#include "core/temp_folder_testing.hpp"
#include "journal/samples_test.hpp"
#include "journal/writer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace aircheck::journal {
namespace {

namespace fs = std::filesystem;

/// Where each of sample_segment()'s records begins, and its end.
std::vector<std::size_t> boundaries() {
    Bytes bytes;
    EXPECT_TRUE(encode(sample_header(), bytes));
    std::vector<std::size_t> at = {bytes.size()};
    for (const Record& record : sample_records()) {
        EXPECT_TRUE(encode(record, bytes));
        at.push_back(bytes.size());
    }
    return at;
}

/// The index() of every record's body.
std::vector<std::size_t> read_all(Reader& reader) {
    std::vector<std::size_t> kinds;
    while (true) {
        auto record = reader.next();
        EXPECT_TRUE(record);
        if (!record || !*record) return kinds;
        kinds.push_back((*record)->body.index());
    }
}

std::vector<std::size_t> sample_kinds() {
    std::vector<std::size_t> kinds;
    for (const Record& record : sample_records()) kinds.push_back(record.body.index());
    return kinds;
}

TEST(ReaderTest, ReadsASegment) {
    auto reader = Reader::from_bytes(sample_segment());
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->header(), sample_header());
    EXPECT_EQ(read_all(*reader), sample_kinds());
    EXPECT_TRUE(reader->is_complete());
    EXPECT_EQ(reader->counters(), (Reader::Counters{.records = 14, .segments = 1}));
}

TEST(ReaderTest, ATailTornAtAnyByteIsDroppedAndCounted) {
    const Bytes whole = sample_segment();
    const auto starts = boundaries();
    for (std::size_t size = starts.front(); size <= whole.size(); ++size) {
        auto reader =
            Reader::from_bytes(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
        ASSERT_TRUE(reader) << size;
        std::size_t sound = 0;
        while (sound + 1 < starts.size() && starts[sound + 1] <= size) ++sound;
        EXPECT_EQ(read_all(*reader).size(), sound) << size;
        EXPECT_EQ(reader->counters().torn_bytes, size - starts[sound]) << size;
        EXPECT_EQ(reader->counters().damaged_bytes, 0u) << size;
        EXPECT_EQ(reader->is_complete(), size == whole.size());
    }
}

TEST(ReaderTest, AFlippedBitCostsOneRecord) {
    const Bytes whole = sample_segment();
    const auto starts = boundaries();
    for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
        for (std::size_t bit = starts[i] * 8; bit < starts[i + 1] * 8; ++bit) {
            Bytes bytes = whole;
            bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << (bit % 8));
            auto reader = Reader::from_bytes(std::move(bytes));
            ASSERT_TRUE(reader);
            auto expected = sample_kinds();
            expected.erase(expected.begin() + static_cast<long>(i));
            ASSERT_EQ(read_all(*reader), expected) << "bit " << bit;
            const auto& counters = reader->counters();
            ASSERT_EQ(counters.damaged_bytes + counters.torn_bytes, starts[i + 1] - starts[i]);
        }
    }
}

TEST(ReaderTest, ZerosAfterACrashAreATornTail) {
    Bytes bytes = sample_segment();
    bytes.resize(bytes.size() + 4096);
    auto reader = Reader::from_bytes(std::move(bytes));
    EXPECT_EQ(read_all(*reader).size(), 14u);
    EXPECT_EQ(reader->counters().torn_bytes, 4096u);
}

TEST(ReaderTest, UnknownRecordsAreSkippedAndCounted) {
    Bytes bytes = sample_segment();
    // Type 99 with an empty body at time 0; its CRC-32C computed by another program.
    const auto unknown = from_hex(
        "ac63000000"
        "0000000000000000"
        "2e061967"
    );
    ASSERT_TRUE(unknown);
    const auto at = static_cast<long>(boundaries()[1]);
    bytes.insert(bytes.begin() + at, unknown->begin(), unknown->end());
    auto reader = Reader::from_bytes(std::move(bytes));
    EXPECT_EQ(read_all(*reader), sample_kinds());
    EXPECT_EQ(reader->counters().unknown, 1u);
    EXPECT_EQ(reader->counters().damaged_bytes, 0u);
}

TEST(ReaderTest, OtherFilesAreRefused) {
    EXPECT_EQ(Reader::from_bytes(Bytes{}).error().code, Errc::Truncated);
    EXPECT_EQ(Reader::from_bytes(Bytes(100, 'x')).error().code, Errc::Malformed);
    Bytes other_version = sample_segment();
    other_version[9] = 9;
    EXPECT_EQ(Reader::from_bytes(std::move(other_version)).error().code, Errc::Unsupported);
    EXPECT_EQ(Reader::open("/nonexistent/x.acj").error().code, Errc::NotFound);
}

class ReaderFolderTest : public testing::Test {
protected:
    void put(std::uint32_t segment, const Bytes& bytes) {
        std::ofstream file(folder_ / segment_name(segment), std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
    }

    const tests::TempFolder folder_;
};

TEST_F(ReaderFolderTest, SegmentsAreReadInOrder) {
    for (const std::uint32_t segment : {2u, 1u, 10u, 3u}) put(segment, sample_segment(segment));
    std::ofstream(folder_ / "notes.txt") << "not a segment";
    auto reader = Reader::open(folder_.path());
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->header().segment, 1u);
    EXPECT_EQ(read_all(*reader).size(), 4 * 14u);
    EXPECT_EQ(reader->counters().segments, 4u);
    EXPECT_EQ(reader->counters().missing_segments, 6u);
}

TEST_F(ReaderFolderTest, ASegmentOfAnotherJournalIsLeftOut) {
    put(1, sample_segment(1));
    Header other = sample_header();
    other.egress_id = "EG_other";
    Bytes bytes;
    ASSERT_TRUE(encode(other, bytes));
    ASSERT_TRUE(encode(Record{0ms, Tick{}}, bytes));
    put(2, bytes);
    put(3, sample_segment(3));
    auto reader = Reader::open(folder_.path());
    EXPECT_EQ(read_all(*reader).size(), 2 * 14u);
    EXPECT_EQ(reader->counters().bad_segments, 1u);
    EXPECT_EQ(reader->counters().segments, 2u);
}

TEST_F(ReaderFolderTest, ASegmentThatWasNotBegunIsNoFault) {
    put(1, sample_segment(1));
    put(2, Bytes{});
    auto reader = Reader::open(folder_.path());
    EXPECT_EQ(read_all(*reader).size(), 14u);
    EXPECT_EQ(reader->counters().bad_segments, 0u);
}

TEST_F(ReaderFolderTest, TheFirstReadableHeaderSpeaks) {
    Bytes damaged = sample_segment(1);
    damaged[20] ^= 1;
    put(1, damaged);
    put(2, sample_segment(2));
    auto reader = Reader::open(folder_.path());
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->header().segment, 2u);
    EXPECT_EQ(reader->counters().bad_segments, 1u);
}

TEST_F(ReaderFolderTest, AnEmptyFolderIsNamed) {
    const auto reader = Reader::open(folder_.path());
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().code, Errc::NotFound);
    EXPECT_NE(reader.error().context.find(folder_.path()), std::string::npos);
}

// Larger than the reader's window, with damage larger than a record can be.
TEST_F(ReaderFolderTest, LongFilesAndLongDamage) {
    Bytes bytes;
    ASSERT_TRUE(encode(sample_header(), bytes));
    const Bytes big(900'000, 0xac);  // looks like the beginning of a record at every byte
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(encode(Record{0ms, RtpPacket{1, big}}, bytes));
    bytes.resize(bytes.size() + 3'000'000, 0xac);
    for (int i = 0; i < 5000; ++i) ASSERT_TRUE(encode(Record{i * 20ms, Tick{}}, bytes));
    put(1, bytes);
    auto reader = Reader::open(folder_ / segment_name(1));
    ASSERT_TRUE(reader);
    EXPECT_EQ(read_all(*reader).size(), 5004u);
    EXPECT_EQ(reader->counters().damaged_bytes, 3'000'000u);
    EXPECT_EQ(reader->counters().damaged_places, 1u);
    EXPECT_EQ(reader->counters().torn_bytes, 0u);
}

}  // namespace
}  // namespace aircheck::journal
