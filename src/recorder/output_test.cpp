#include "recorder/output.hpp"

#include "core/temp_folder_testing.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace aircheck::recorder {
namespace {

class OutputTest : public ::testing::Test {
protected:
    void TearDown() override {
        if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
    }
    /// Makes the folder a disk of `kilobytes`; false where that is not allowed.
    bool mount_small_disk(int kilobytes) {
        const std::string size = "size=" + std::to_string(kilobytes) + "k";
        mounted_ = mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, size.c_str()) == 0;
        return mounted_;
    }

    const tests::TempFolder folder_;
    bool mounted_ = false;
};

TEST_F(OutputTest, AppendsAndLeavesOnlyTheFile) {
    {
        auto output = Output::create(folder_.path()).value();
        EXPECT_EQ(output->path(), folder_ / "output.part");
        EXPECT_TRUE(std::filesystem::exists(folder_ / "reserve"));
        ASSERT_TRUE(output->append(as_bytes("one ")));
        ASSERT_TRUE(output->append({}));
        ASSERT_TRUE(output->append(as_bytes("two")));
        EXPECT_EQ(output->size(), 7U);
        EXPECT_TRUE(output->is_whole());
    }
    EXPECT_EQ(tests::read_file(folder_ / "output.part"), "one two");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "reserve"));
}

TEST_F(OutputTest, NeedsItsFolder) {
    const auto output = Output::create(folder_ / "missing");
    ASSERT_FALSE(output);
    EXPECT_NE(output.error().context.find(folder_ / "missing"), std::string::npos);
}

TEST_F(OutputTest, NeedsRoomForItsReserve) {
    if (!mount_small_disk(64)) FAIL() << "no right to mount a small disk: run as root";
    const auto output = Output::create(folder_.path());
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, Errc::NoSpace);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "reserve"));
}

TEST_F(OutputTest, GivesUpItsReserveWhenTheDiskIsFull) {
    if (!mount_small_disk(512)) FAIL() << "no right to mount a small disk: run as root";
    auto output = Output::create(folder_.path()).value();
    const Bytes fragment(48'000, 7);
    Result<> appended;
    std::size_t given = 0;
    while (appended && given < 1'000'000) {
        appended = output->append(fragment);
        given += fragment.size();
    }
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code, Errc::NoSpace);
    // The recording has to end now, but what it gave is there.
    EXPECT_TRUE(output->is_whole());
    EXPECT_EQ(output->size(), given);
    EXPECT_EQ(std::filesystem::file_size(output->path()), given);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "reserve"));
    // And the end of the file fits as well.
    EXPECT_TRUE(output->append(as_bytes("tail")));
}

TEST_F(OutputTest, OutlivesADiskThatIsFullForAMoment) {
    if (!mount_small_disk(1024)) FAIL() << "no right to mount a small disk: run as root";
    auto output = Output::create(folder_.path()).value();
    ASSERT_TRUE(output->append(as_bytes("begin ")));
    EXPECT_FALSE(output->has_used_reserve());
    std::ofstream(folder_ / "other") << std::string(2'000'000, 'x') << std::flush;
    ASSERT_TRUE(output->append(Bytes(50'000, 1))) << "half of the reserve is for that";
    EXPECT_TRUE(output->is_whole());
    EXPECT_TRUE(output->has_used_reserve());
    EXPECT_TRUE(std::filesystem::exists(folder_ / "reserve"));
    std::filesystem::remove(folder_ / "other");
    ASSERT_TRUE(output->append(Bytes(300'000, 2)));
    EXPECT_EQ(output->size(), 350'006U);
    EXPECT_EQ(std::filesystem::file_size(output->path()), 350'006U);
}

TEST_F(OutputTest, KeepsWhatTheDiskRefusesForLater) {
    if (!mount_small_disk(512)) FAIL() << "no right to mount a small disk: run as root";
    const std::string other = folder_ / "other";
    auto output = Output::create(folder_.path()).value();
    ASSERT_TRUE(output->append(as_bytes("begin ")));
    // Another program fills the disk while this one waits, reserve included.
    std::filesystem::remove(folder_ / "reserve");
    std::ofstream(other) << std::string(600'000, 'x') << std::flush;
    for (const std::string_view text : {"middle ", "more "}) {
        Bytes bytes(5'000, 0);
        std::copy(text.begin(), text.end(), bytes.begin());
        const auto refused = output->append(bytes);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::NoSpace);
        EXPECT_FALSE(output->is_whole());
    }
    EXPECT_EQ(output->size(), 6U);
    std::filesystem::remove(other);
    ASSERT_TRUE(output->append(as_bytes("end")));
    EXPECT_TRUE(output->is_whole());
    const std::string content = tests::read_file(output->path());
    ASSERT_EQ(content.size(), 6U + 5'000 + 5'000 + 3);
    EXPECT_EQ(content.substr(0, 12), "begin middle");
    EXPECT_EQ(content.substr(5'006, 4), "more");
    EXPECT_EQ(content.substr(10'006), "end");
}

}  // namespace
}  // namespace aircheck::recorder
