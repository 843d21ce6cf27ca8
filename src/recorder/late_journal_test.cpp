#include "recorder/late_journal.hpp"

#include <gtest/gtest.h>

#include <map>

namespace aircheck::recorder {
namespace {

/// A disk in memory: what the files hold, and how much they still take.
struct Disk {
    std::map<std::uint32_t, Bytes> files;
    std::size_t room = SIZE_MAX;
    int syncs = 0;
};

class MemorySink final : public journal::Sink {
public:
    MemorySink(Disk& disk, std::uint32_t segment) : disk_(disk), segment_(segment) {
        disk_.files[segment_];
    }
    Result<std::size_t> write(BytesView bytes) override {
        const std::size_t taken = std::min(disk_.room, bytes.size());
        if (taken == 0 && !bytes.empty()) return fail(Errc::NoSpace, "memory");
        disk_.room -= taken;
        Bytes& file = disk_.files[segment_];
        file.insert(file.end(), bytes.begin(), bytes.begin() + static_cast<long>(taken));
        return taken;
    }
    Result<> sync() override {
        ++disk_.syncs;
        return {};
    }
    Result<> truncate(std::uint64_t size_bytes) override {
        disk_.files[segment_].resize(size_bytes);
        return {};
    }

private:
    Disk& disk_;
    std::uint32_t segment_;
};

class MemoryStore final : public journal::SegmentStore {
public:
    explicit MemoryStore(Disk& disk) : disk_(disk) {}
    Result<std::unique_ptr<journal::Sink>> create(std::uint32_t segment) override {
        return std::make_unique<MemorySink>(disk_, segment);
    }
    Result<> remove(std::uint32_t segment) override {
        disk_.files.erase(segment);
        return {};
    }

private:
    Disk& disk_;
};

std::string text_of(const Disk& disk, std::uint32_t segment = 1) {
    const auto file = disk.files.find(segment);
    if (file == disk.files.end()) return "no file";
    return {file->second.begin(), file->second.end()};
}

struct LateJournalTest : testing::Test {
    void attach() {
        journal.attach(std::make_unique<MemoryStore>(disk), std::make_unique<MemorySink>(disk, 1));
    }
    std::size_t write(std::string_view text) { return segment->write(as_bytes(text)).value(); }

    Disk disk;
    LateJournal journal;
    std::unique_ptr<journal::SegmentStore> store = journal.store();
    std::unique_ptr<journal::Sink> segment = store->create(1).value();
};

TEST_F(LateJournalTest, KeepsWhatIsWrittenUntilTheFileIsThere) {
    EXPECT_EQ(write("one "), 4U);
    EXPECT_TRUE(segment->sync());
    EXPECT_EQ(write("two "), 4U);
    attach();
    EXPECT_EQ(text_of(disk), "one two ");
    EXPECT_EQ(disk.syncs, 1) << "what was promised before is kept now";
    EXPECT_EQ(write("three"), 5U);
    EXPECT_EQ(text_of(disk), "one two three");
    EXPECT_TRUE(segment->sync());
    EXPECT_EQ(disk.syncs, 2);
    EXPECT_TRUE(segment->truncate(7));
    EXPECT_EQ(text_of(disk), "one two");
}

TEST_F(LateJournalTest, CutsWhatItKeeps) {
    write("whole|torn");
    EXPECT_TRUE(segment->truncate(6));
    write("next");
    attach();
    EXPECT_EQ(text_of(disk), "whole|next");
}

TEST_F(LateJournalTest, KeepsNoMoreThanItsLimit) {
    const Bytes much(LateJournal::kMaxKeptBytes - 3, 'x');
    EXPECT_EQ(segment->write(much).value(), much.size());
    EXPECT_EQ(write("12345"), 3U);
    const auto refused = segment->write(as_bytes("6"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::NoSpace);
    attach();
    EXPECT_EQ(text_of(disk).substr(much.size()), "123");
    EXPECT_EQ(write("45"), 2U) << "and goes on";
    EXPECT_EQ(text_of(disk).substr(much.size()), "12345");
}

TEST_F(LateJournalTest, GoesOnWhereAFullDiskStopped) {
    write("begun before");
    disk.room = 5;
    attach();
    EXPECT_EQ(text_of(disk), "begun");
    EXPECT_EQ(disk.syncs, 0) << "not all of it is there";
    const auto refused = segment->write(as_bytes(", and after"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::NoSpace);
    disk.room = SIZE_MAX;
    write(", and after");
    EXPECT_EQ(text_of(disk), "begun before, and after");
}

TEST_F(LateJournalTest, FurtherSegmentsNeedTheFolder) {
    EXPECT_FALSE(store->create(2));
    attach();
    ASSERT_TRUE(store->create(2));
    EXPECT_EQ(text_of(disk, 2), "");
    EXPECT_TRUE(store->remove(2));
    EXPECT_EQ(text_of(disk, 2), "no file");
}

TEST_F(LateJournalTest, OutlivesItsOwner) {
    auto owner = std::make_unique<LateJournal>();
    auto late = owner->store();
    auto sink = late->create(1).value();
    EXPECT_TRUE(sink->write(as_bytes("x")));
    owner.reset();
    EXPECT_TRUE(sink->write(as_bytes("y")));
    EXPECT_TRUE(sink->sync());
}

}  // namespace
}  // namespace aircheck::recorder
