#include "recorder/journal_store.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace aircheck::recorder {
namespace {

TEST(JournalStore, WritesAtOnceAndSyncsOnThePool) {
    const std::string folder = testing::TempDir() + "journal-store-" + std::to_string(::getpid());
    std::filesystem::remove_all(folder);
    net::Pool pool("sync", 1);
    auto store = open_journal_store(folder, pool);
    ASSERT_TRUE(store);
    auto segment = (*store)->create(1);
    ASSERT_TRUE(segment);
    const std::string text = "a record";
    EXPECT_EQ((*segment)->write(as_bytes(text)).value(), text.size());
    EXPECT_TRUE((*segment)->sync());
    EXPECT_TRUE((*segment)->truncate(1));
    EXPECT_FALSE((*store)->create(1)) << "a segment is never overwritten";
    pool.finish();
    std::ifstream file(folder + "/" + journal::segment_name(1));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "a");
    std::filesystem::remove_all(folder);
}

TEST(JournalStore, NamesAFolderThatCannotBe) {
    net::Pool pool("sync", 1);
    const auto store = open_journal_store("/proc/no-such-folder", pool);
    ASSERT_FALSE(store);
    EXPECT_NE(store.error().to_string().find("/proc/no-such-folder"), std::string::npos);
}

}  // namespace
}  // namespace aircheck::recorder
