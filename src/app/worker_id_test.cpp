#include "app/worker_id.hpp"

#include "core/temp_folder_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace aircheck::app {
namespace {

class WorkerId : public testing::Test {
protected:
    const tests::TempFolder folder_;
};

TEST_F(WorkerId, IsMadeOnceAndKeptByItsOwnerAlone) {
    const std::string id = open_worker_id(folder_.path()).value();
    EXPECT_THAT(id, testing::MatchesRegex("WK_[A-Za-z0-9]+"));
    EXPECT_EQ(open_worker_id(folder_.path()).value(), id);
    struct stat about {};
    ASSERT_EQ(::stat((folder_ / "worker").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);

    // The volume is mounted elsewhere, on another host.
    const std::string elsewhere = folder_.path() + "-moved";
    std::filesystem::rename(folder_.path(), elsewhere);
    EXPECT_EQ(open_worker_id(elsewhere).value(), id);
    std::filesystem::rename(elsewhere, folder_.path());

    std::filesystem::remove(folder_ / "worker");
    std::ofstream(folder_ / "worker.new") << "cut sh";  // A kill while it was made.
    EXPECT_NE(open_worker_id(folder_.path()).value(), id);
}

TEST_F(WorkerId, RefusesWhatIsNone) {
    for (const char* text : {"", "WK_", "worker 1", "WK_a b", "../x"}) {
        std::ofstream(folder_ / "worker", std::ios::trunc) << text << '\n';
        const auto opened = open_worker_id(folder_.path());
        ASSERT_FALSE(opened) << text;
        EXPECT_EQ(opened.error().code, Errc::Malformed) << text;
        EXPECT_THAT(opened.error().to_string(), testing::HasSubstr(folder_ / "worker"));
    }
    EXPECT_FALSE(open_worker_id(folder_ / "missing"));
}

}  // namespace
}  // namespace aircheck::app
