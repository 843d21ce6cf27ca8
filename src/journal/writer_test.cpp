#include "journal/writer.hpp"

#include "core/temp_folder_testing.hpp"
#include "journal/reader.hpp"
#include "journal/samples_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

namespace aircheck::journal {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

/// A disk in memory that fails on purpose.
struct Disk {
    std::map<std::uint32_t, Bytes> files;
    std::uint64_t capacity_bytes = 1u << 30;  ///< Of all files together.
    std::size_t most_at_once = 1u << 30;      ///< Longer writes are cut short.
    int fail_operation = -1;                  ///< The N-th operation from now fails.
    bool truncate_fails = false;
    int syncs = 0;

    [[nodiscard]] std::uint64_t used() const {
        std::uint64_t sum = 0;
        for (const auto& [segment, bytes] : files) sum += bytes.size();
        return sum;
    }
    [[nodiscard]] bool operation_fails() { return fail_operation >= 0 && fail_operation-- == 0; }
};

class DiskSink final : public Sink {
public:
    DiskSink(Disk& disk, std::uint32_t segment) : disk_(disk), segment_(segment) {}
    Result<std::size_t> write(BytesView bytes) override {
        if (disk_.operation_fails()) return fail_errno(EIO, "write");
        const std::uint64_t room =
            disk_.capacity_bytes - std::min(disk_.used(), disk_.capacity_bytes);
        const std::size_t count =
            std::min({bytes.size(), disk_.most_at_once, static_cast<std::size_t>(room)});
        if (count == 0) return fail_errno(ENOSPC, "write");
        Bytes& file = disk_.files.at(segment_);
        file.insert(file.end(), bytes.begin(), bytes.begin() + static_cast<long>(count));
        return count;
    }
    Result<> sync() override {
        if (disk_.operation_fails()) return fail_errno(EIO, "sync");
        ++disk_.syncs;
        return {};
    }
    Result<> truncate(std::uint64_t size_bytes) override {
        if (disk_.truncate_fails) return fail_errno(EIO, "truncate");
        disk_.files.at(segment_).resize(size_bytes);
        return {};
    }

private:
    Disk& disk_;
    std::uint32_t segment_;
};

class DiskStore final : public SegmentStore {
public:
    explicit DiskStore(Disk& disk) : disk_(disk) {}
    Result<std::unique_ptr<Sink>> create(std::uint32_t segment) override {
        if (disk_.operation_fails()) return fail_errno(EIO, "create");
        if (!disk_.files.emplace(segment, Bytes{}).second)
            return fail(Errc::AlreadyExists, "create");
        return std::make_unique<DiskSink>(disk_, segment);
    }
    Result<> remove(std::uint32_t segment) override {
        disk_.files.erase(segment);
        return {};
    }

private:
    Disk& disk_;
};

const Bytes kPacket(100, 0x55);
Record packet(Nanoseconds at) { return {at, RtpPacket{1, kPacket}}; }
constexpr std::size_t kPacketRecordBytes = 17 + 2 + 100;

class WriterTest : public testing::Test {
protected:
    Writer create(Writer::Limits limits) {
        auto writer =
            Writer::create(std::make_unique<DiskStore>(disk_), sample_header(), limits, {});
        EXPECT_TRUE(writer);
        return *std::move(writer);
    }
    /// All that a reader finds in a segment; nothing of it may be damaged.
    std::vector<Nanoseconds> times(std::uint32_t segment = 1) {
        auto reader = Reader::from_bytes(disk_.files.at(segment));
        EXPECT_TRUE(reader);
        std::vector<Nanoseconds> found;
        while (auto record = *reader->next()) found.push_back(record->at);
        damaged_ = reader->counters().damaged_bytes + reader->counters().torn_bytes;
        return found;
    }

    Disk disk_;
    std::uint64_t damaged_ = 0;
};

TEST_F(WriterTest, WhatIsAppendedIsReadBack) {
    Writer writer = create({});
    for (const Record& record : sample_records()) ASSERT_TRUE(writer.append(record));
    ASSERT_TRUE(writer.close(Instant(1s)));
    EXPECT_EQ(disk_.files.at(1), sample_segment());
    EXPECT_EQ(writer.append(packet(0s)).error().code, Errc::InvalidArgument);
    EXPECT_TRUE(writer.close(Instant(2s)));
    EXPECT_FALSE(writer.flush_due(Instant(100s)));
}

TEST_F(WriterTest, TheHeaderIsOnDiskAtOnce) {
    create({});
    EXPECT_THAT(times(), IsEmpty());
    EXPECT_EQ(disk_.syncs, 1);
}

TEST_F(WriterTest, FlushesTwiceASecondAndSyncsEveryFive) {
    Writer writer = create({});
    EXPECT_FALSE(writer.flush_due(Instant(10s)));  // nothing waits
    ASSERT_TRUE(writer.append(packet(10ms)));
    EXPECT_FALSE(writer.flush_due(Instant(499ms)));
    EXPECT_TRUE(writer.flush_due(Instant(500ms)));
    ASSERT_TRUE(writer.flush(Instant(500ms)));
    EXPECT_THAT(times(), ElementsAre(10ms));
    EXPECT_EQ(writer.counters().syncs, 0u);
    EXPECT_FALSE(writer.flush_due(Instant(4999ms)));
    EXPECT_TRUE(writer.flush_due(Instant(5s)));  // written, not yet synced
    ASSERT_TRUE(writer.flush(Instant(5s)));
    EXPECT_EQ(writer.counters().syncs, 1u);
    EXPECT_FALSE(writer.flush_due(Instant(60s)));
}

TEST_F(WriterTest, FlushesWhenMuchWaits) {
    Writer writer = create({.flush_bytes = 2 * kPacketRecordBytes});
    ASSERT_TRUE(writer.append(packet(0s)));
    EXPECT_FALSE(writer.flush_due(Instant(0s)));
    ASSERT_TRUE(writer.append(packet(0s)));
    EXPECT_TRUE(writer.flush_due(Instant(0s)));
}

TEST_F(WriterTest, ShortWritesAreContinued) {
    disk_.most_at_once = 7;
    Writer writer = create({});
    for (const Record& record : sample_records()) ASSERT_TRUE(writer.append(record));
    ASSERT_TRUE(writer.close(Instant(1s)));
    EXPECT_EQ(disk_.files.at(1), sample_segment());
}

// Whatever room the disk has, what is on it ends with a whole record, and nothing is lost once
// there is room again.
TEST_F(WriterTest, AFullDiskLeavesWholeRecords) {
    for (std::uint64_t room = 0; room <= 3 * kPacketRecordBytes; ++room) {
        disk_ = Disk{};
        Writer writer = create({});
        disk_.capacity_bytes = disk_.used() + room;
        for (int i = 0; i < 4; ++i) ASSERT_TRUE(writer.append(packet(i * 20ms)));
        const auto flushed = writer.flush(Instant(1s));
        ASSERT_FALSE(flushed);
        EXPECT_EQ(flushed.error().code, Errc::NoSpace);
        EXPECT_EQ(times().size(), room / kPacketRecordBytes);
        EXPECT_EQ(damaged_, 0u);

        disk_.capacity_bytes = 1u << 20;
        ASSERT_TRUE(writer.append(packet(80ms)));
        ASSERT_TRUE(writer.close(Instant(2s)));
        EXPECT_THAT(times(), ElementsAre(0ms, 20ms, 40ms, 60ms, 80ms));
        EXPECT_EQ(damaged_, 0u);
    }
}

TEST_F(WriterTest, WhereTheTailCannotBeCutAReaderSkipsIt) {
    Writer writer = create({});
    disk_.capacity_bytes = disk_.used() + kPacketRecordBytes + 50;
    disk_.truncate_fails = true;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(writer.append(packet(i * 20ms)));
    EXPECT_FALSE(writer.flush(Instant(500ms)));
    disk_.capacity_bytes = 1u << 20;
    ASSERT_TRUE(writer.close(Instant(2s)));
    EXPECT_THAT(times(), ElementsAre(0ms, 20ms, 40ms));
    EXPECT_EQ(damaged_, 50u);
}

TEST_F(WriterTest, AnyOperationMayFailOnceAndNothingIsLost) {
    bool failed = true;
    int operation = 0;
    for (; failed; ++operation) {
        disk_ = Disk{};
        disk_.most_at_once = 100;
        Writer writer = create({.sync_every = 0s, .segment_bytes = 600});
        disk_.fail_operation = operation;
        failed = false;
        for (int i = 0; i < 12; ++i) {
            ASSERT_TRUE(writer.append(packet(i * 20ms)));
            if (!writer.flush(Instant(i * 20ms))) failed = true;
        }
        if (!writer.close(Instant(1s))) {
            failed = true;
            ASSERT_TRUE(writer.close(Instant(2s)));
        }
        std::vector<Nanoseconds> found;
        for (const auto& [segment, bytes] : disk_.files) {
            const auto part = times(segment);
            EXPECT_EQ(damaged_, 0u) << operation;
            found.insert(found.end(), part.begin(), part.end());
        }
        ASSERT_EQ(found.size(), 12u) << operation;
        for (int i = 0; i < 12; ++i) EXPECT_EQ(found[static_cast<std::size_t>(i)], i * 20ms);
        EXPECT_EQ(writer.counters().failures, failed ? 1u : 0u);
    }
    EXPECT_GT(operation, 30);
}

TEST_F(WriterTest, WhileTheDiskRefusesFlushingWaitsItsTime) {
    Writer writer = create({.flush_bytes = 1});
    disk_.capacity_bytes = 0;
    ASSERT_TRUE(writer.append(packet(0s)));
    EXPECT_TRUE(writer.flush_due(Instant(0s)));
    EXPECT_FALSE(writer.flush(Instant(0s)));
    EXPECT_FALSE(writer.flush_due(Instant(499ms)));
    EXPECT_TRUE(writer.flush_due(Instant(500ms)));
}

TEST_F(WriterTest, AFullBufferDropsPacketsKeepsEventsAndSaysSo) {
    Writer writer = create({.max_buffer_bytes = 2 * kPacketRecordBytes});
    disk_.capacity_bytes = 0;
    ASSERT_TRUE(writer.append(packet(0s)));
    ASSERT_TRUE(writer.append(packet(1s)));
    EXPECT_EQ(writer.append(packet(2s)).error().code, Errc::NoSpace);
    EXPECT_TRUE(writer.append({3s, TrackEnd{1, "unpublished"}}));
    EXPECT_FALSE(writer.append(packet(4s)));
    EXPECT_FALSE(writer.flush(Instant(4s)));
    EXPECT_EQ(writer.counters().dropped, 2u);

    disk_.capacity_bytes = 1u << 20;
    ASSERT_TRUE(writer.flush(Instant(5s)));
    ASSERT_TRUE(writer.append(packet(6s)));
    ASSERT_TRUE(writer.close(Instant(6s)));
    auto reader = Reader::from_bytes(disk_.files.at(1));
    std::optional<Gap> gap;
    while (auto record = *reader->next()) {
        if (const auto* found = std::get_if<Gap>(&record->body)) gap = *found;
    }
    EXPECT_EQ(gap, (Gap{2s, 4s, GapReason::Disk}));
    EXPECT_THAT(times(), ElementsAre(0s, 1s, 3s, 4s, 6s));
}

TEST_F(WriterTest, SegmentsEndByTime) {
    Writer writer = create({.segment_every = 30s});
    ASSERT_TRUE(writer.append(packet(1s)));
    ASSERT_TRUE(writer.flush(Instant(29s)));
    ASSERT_TRUE(writer.append(packet(29500ms)));
    ASSERT_TRUE(writer.flush(Instant(30s)));
    EXPECT_EQ(writer.segment(), 2u);
    EXPECT_FALSE(writer.flush_due(Instant(90s)));  // an empty segment does not end
    ASSERT_TRUE(writer.append(packet(31s)));
    ASSERT_TRUE(writer.close(Instant(32s)));
    EXPECT_THAT(times(1), ElementsAre(1s, 29500ms));
    EXPECT_THAT(times(2), ElementsAre(31s));
    auto second = Reader::from_bytes(disk_.files.at(2));
    EXPECT_EQ(second->header().segment, 2u);
    EXPECT_EQ(second->header().egress_id, sample_header().egress_id);
}

TEST_F(WriterTest, AnExistingSegmentIsNotOverwritten) {
    disk_.files[1] = {1, 2, 3};
    const auto writer =
        Writer::create(std::make_unique<DiskStore>(disk_), sample_header(), {}, Instant{});
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().code, Errc::AlreadyExists);
    EXPECT_EQ(disk_.files[1], (Bytes{1, 2, 3}));
}

TEST(FolderStoreTest, WritesFilesThatOnlyTheirOwnerReads) {
    const tests::TempFolder parent;
    const fs::path folder = parent / "spool/EG_1";
    auto store = open_folder(folder);
    ASSERT_TRUE(store);
    auto writer =
        Writer::create(*std::move(store), sample_header(), {.segment_bytes = 1}, Instant{});
    ASSERT_TRUE(writer);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(writer->append(packet(i * 20ms)));
        ASSERT_TRUE(writer->flush(Instant(i * 20ms)));
    }
    ASSERT_TRUE(writer->append({1s, End{"done"}}));
    ASSERT_TRUE(writer->close(Instant(1s)));

    struct stat status {};
    ASSERT_EQ(::stat((folder / "000001.acj").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    auto reader = Reader::open(folder);
    ASSERT_TRUE(reader);
    int records = 0;
    while (*reader->next()) ++records;
    EXPECT_EQ(records, 4);
    EXPECT_TRUE(reader->is_complete());
    EXPECT_EQ(reader->counters().segments, 4u);

    auto again = Writer::create(*open_folder(folder), sample_header(), {}, Instant{});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::AlreadyExists);
}

TEST(FolderStoreTest, AFolderThatCannotBeMadeIsNamed) {
    const auto store = open_folder("/dev/null/spool");
    ASSERT_FALSE(store);
    EXPECT_NE(store.error().context.find("/dev/null/spool"), std::string::npos);
}

}  // namespace
}  // namespace aircheck::journal
