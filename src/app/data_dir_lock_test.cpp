#include "app/data_dir_lock.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace aircheck::app {
namespace {

TEST(DataDirLock, IsOneServicesUntilGivenBack) {
    const std::string folder = testing::TempDir() + "lock-" + std::to_string(::getpid());
    std::filesystem::create_directories(folder);
    auto first = DataDirLock::take(folder);
    ASSERT_TRUE(first);
    const auto second = DataDirLock::take(folder);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::AlreadyExists);
    EXPECT_NE(second.error().to_string().find(folder), std::string::npos);
    first->reset();
    EXPECT_TRUE(DataDirLock::take(folder));
    std::filesystem::remove_all(folder);
}

TEST(DataDirLock, NamesAFolderThatIsNotThere) {
    const auto lock = DataDirLock::take("/no/such/folder");
    ASSERT_FALSE(lock);
    EXPECT_NE(lock.error().to_string().find("/no/such/folder"), std::string::npos);
}

}  // namespace
}  // namespace aircheck::app
