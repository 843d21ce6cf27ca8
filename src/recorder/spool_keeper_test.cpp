#include "recorder/spool_keeper.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace aircheck::recorder {
namespace {

class SpoolKeeper : public testing::Test {
protected:
    void SetUp() override {
        root_ = testing::TempDir() + "spool-keeper-" + std::to_string(::getpid());
        std::filesystem::remove_all(root_);
        std::filesystem::create_directories(root_);
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    std::string root_;
};

TEST_F(SpoolKeeper, DeletesOnlyWhatIsDoneAndOldEnough) {
    auto spool = storage::Spool::open(root_);
    ASSERT_TRUE(spool);
    for (const char* id : {"EG_running", "EG_done"}) {
        const auto folder = spool->folder(id);
        ASSERT_TRUE(folder);
        std::ofstream(*folder + "/000001.acj") << "journal";
    }
    ASSERT_TRUE(mark_done(*spool, "EG_done"));
    const WallTime now = wall_now();
    EXPECT_EQ(sweep_spool(*spool, std::chrono::hours(24), now).value(), 0u);
    EXPECT_EQ(
        sweep_spool(*spool, std::chrono::hours(24), now + std::chrono::hours(25)).value(), 1u
    );
    EXPECT_EQ(spool->list().value(), std::vector<std::string>{"EG_running"});
}

TEST_F(SpoolKeeper, MarkingAFolderThatIsGoneIsAnError) {
    auto spool = storage::Spool::open(root_);
    ASSERT_TRUE(spool);
    EXPECT_FALSE(mark_done(*spool, "EG_gone"));
}

}  // namespace
}  // namespace aircheck::recorder
