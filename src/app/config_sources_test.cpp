#include "app/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace aircheck::app {
namespace {

/// A working directory of the test's own, and variables that are taken back.
class GatherSources : public testing::Test {
protected:
    void SetUp() override {
        before_ = std::filesystem::current_path();
        folder_ = std::filesystem::path(testing::TempDir()) /
                  ("gather-" + std::to_string(::getpid()) + "-" +
                   testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::create_directories(folder_);
        std::filesystem::current_path(folder_);
        for (const auto* name : {"EGRESS_CONFIG_FILE", "EGRESS_CONFIG_BODY"}) ::unsetenv(name);
    }
    void TearDown() override {
        for (const auto* name : {"EGRESS_CONFIG_FILE", "EGRESS_CONFIG_BODY"}) ::unsetenv(name);
        std::filesystem::current_path(before_);
        std::filesystem::remove_all(folder_);
    }
    static void write(const char* name, const char* text) { std::ofstream(name) << text; }
    static std::string file_of(SourceFlags flags) {
        const auto sources = gather_sources(std::move(flags));
        if (!sources) return "error: " + sources.error().to_string();
        return sources->file ? sources->file->name + ": " + sources->file->text : "none";
    }

private:
    std::filesystem::path before_;
    std::filesystem::path folder_;
};

TEST_F(GatherSources, TheFirstGivenYamlIsTaken) {
    write("a.yaml", "a");
    write("b.yaml", "b");
    EXPECT_EQ(file_of({}), "none");
    ::setenv("EGRESS_CONFIG_FILE", "a.yaml", 1);
    EXPECT_EQ(file_of({}), "a.yaml: a");
    ::setenv("EGRESS_CONFIG_BODY", "body", 1);
    EXPECT_EQ(file_of({}), "EGRESS_CONFIG_BODY: body");
    EXPECT_EQ(file_of({.config_file = "b.yaml", .config_body = {}, .values = {}}), "b.yaml: b");
    EXPECT_EQ(
        file_of({.config_file = "b.yaml", .config_body = "inline", .values = {}}),
        "--config-body: inline"
    );
}

TEST_F(GatherSources, AFileThatWasNamedMustBeThere) {
    EXPECT_THAT(
        file_of({.config_file = "missing.yaml", .config_body = {}, .values = {}}),
        testing::AllOf(testing::HasSubstr("error: "), testing::HasSubstr("missing.yaml"))
    );
}

TEST_F(GatherSources, DotEnvIsReadWhereItIsAFile) {
    auto sources = gather_sources({});
    ASSERT_TRUE(sources);
    EXPECT_FALSE(sources->dotenv);
    std::filesystem::create_directory(".env");
    sources = gather_sources({});
    ASSERT_TRUE(sources) << sources.error().to_string();
    EXPECT_FALSE(sources->dotenv);
    std::filesystem::remove(".env");
    write(".env", "A=1\n");
    sources = gather_sources({});
    ASSERT_TRUE(sources && sources->dotenv);
    EXPECT_EQ(sources->dotenv->text, "A=1\n");
}

TEST_F(GatherSources, AHugeFileIsRefused) {
    std::filesystem::resize_file((write("big.yaml", "x"), "big.yaml"), 5 * 1024 * 1024);
    EXPECT_THAT(
        file_of({.config_file = "big.yaml", .config_body = {}, .values = {}}),
        testing::HasSubstr("larger than 4 MiB")
    );
}

}  // namespace
}  // namespace aircheck::app
