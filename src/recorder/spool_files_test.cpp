#include "recorder/spool_files.hpp"

#include "core/temp_folder_testing.hpp"
#include "journal/writer.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace aircheck::recorder {
namespace {

struct SpoolFilesTest : testing::Test {
    const tests::TempFolder data_dir;
    net::Pool disk{"disk", 1};
};

TEST_F(SpoolFilesTest, MakesAllThatARecordingWritesTo) {
    const auto spool = storage::Spool::open(data_dir.path()).value();
    auto files = open_spool_files(spool, "EG_one", disk).value();
    EXPECT_EQ(files.folder, spool.path() + "/EG_one");
    ASSERT_TRUE(files.first_segment->write(as_bytes("record")));
    EXPECT_EQ(std::filesystem::file_size(files.folder + "/" + journal::segment_name(1)), 6U);
    EXPECT_EQ(files.output->path(), files.folder + "/output.part");
    EXPECT_FALSE(files.journal->create(1)) << "the first segment is there already";
}

TEST_F(SpoolFilesTest, NamesWhatIsInTheWay) {
    const auto spool = storage::Spool::open(data_dir.path()).value();
    std::ofstream(spool.path() + "/EG_two") << "a file where the folder should be";
    const auto files = open_spool_files(spool, "EG_two", disk);
    ASSERT_FALSE(files);
    EXPECT_NE(files.error().to_string().find(spool.path() + "/EG_two"), std::string::npos);
}

TEST_F(SpoolFilesTest, LeavesAnotherRunsJournalAlone) {
    const auto spool = storage::Spool::open(data_dir.path()).value();
    ASSERT_TRUE(open_spool_files(spool, "EG_three", disk));
    const auto again = open_spool_files(spool, "EG_three", disk);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::AlreadyExists);
}

}  // namespace
}  // namespace aircheck::recorder
