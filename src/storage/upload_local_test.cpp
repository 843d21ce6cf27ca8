#include "core/temp_folder_testing.hpp"
#include "storage/upload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::storage {
namespace {

using tests::read_file;
using tests::TempFolder;
using tests::write_file;

class LocalUploads : public ::testing::Test {
protected:
    LocalUploads() { write_file(folder_ / "output.part", "growing headBODY"); }

    Result<StoredObject> upload(const std::string& key, const std::string& head = "HEAD") {
        const UploadSpec spec{key, "video/mp4", "EG_x", folder_ / "output.part", 12, ""};
        AC_TRY(const auto session, UploadSession::create(LocalDestination{root()}, spec, http_));
        AC_CHECK_OK(session->advance(2));
        return session->complete(as_bytes(head), 4);
    }
    [[nodiscard]] std::string root() const { return folder_ / "recordings"; }

    TempFolder folder_;
    net::HttpClient http_;
};

TEST_F(LocalUploads, AppearWholeUnderTheirName) {
    const auto stored = upload("calls/2026/a.mp4");
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(stored->location, root() + "/calls/2026/a.mp4");
    EXPECT_EQ(stored->key, "calls/2026/a.mp4");
    EXPECT_EQ(stored->size, 8u);
    // printf HEADBODY | sha256sum
    EXPECT_EQ(stored->sha256, "fc2568d1a750973732b4cf6c30f7f43b5c0a8911faa50907e8b85f7fc662f910");
    EXPECT_EQ(read_file(stored->location), "HEADBODY");
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(root() + "/calls/2026")) {
        files += entry.exists() ? 1 : 0;
    }
    EXPECT_EQ(files, 1) << "no temporary is left";
}

TEST_F(LocalUploads, TakeAPathBelowTheirRootAsItIs) {
    EXPECT_EQ(upload(root() + "/calls/a.mp4")->location, root() + "/calls/a.mp4");
    EXPECT_EQ(upload(root() + "/../b.mp4")->location, root() + "/b.mp4");
    // Not below it, though it begins alike.
    EXPECT_EQ(upload(root() + "2/c.mp4")->location, root() + root() + "2/c.mp4");
    EXPECT_EQ(upload("/calls/d.mp4")->location, root() + "/calls/d.mp4");
}

TEST_F(LocalUploads, NeverReplaceAFile) {
    ASSERT_TRUE(upload("a.mp4", "one:"));
    EXPECT_EQ(upload("a.mp4", "two:")->key, "a-EG_x.mp4");
    EXPECT_EQ(upload("a.mp4", "three:")->key, "a-EG_x-2.mp4");
    EXPECT_EQ(upload("a.mp4", "two:")->key, "a-EG_x.mp4") << "the same bytes are there already";
    EXPECT_EQ(read_file(root() + "/a.mp4"), "one:BODY");
    EXPECT_EQ(read_file(root() + "/a-EG_x.mp4"), "two:BODY");
}

/// A playlist, which is written anew with each segment, and is all head.
TEST_F(LocalUploads, ReplaceAFileWhereTheyAreToldTo) {
    for (const std::string text : {"first", "second"}) {
        UploadSpec spec;
        spec.key = "hls/all.m3u8";
        spec.if_taken = UploadSpec::IfTaken::Replace;
        const auto session = UploadSession::create(LocalDestination{root()}, spec, http_).value();
        const auto stored = session->complete(as_bytes(text), 0);
        ASSERT_TRUE(stored) << stored.error().to_string();
        EXPECT_EQ(stored->key, "hls/all.m3u8");
        EXPECT_EQ(read_file(root() + "/hls/all.m3u8"), text);
    }
}

TEST_F(LocalUploads, StayInTheirRoot) {
    EXPECT_EQ(upload("../../a.mp4")->location, root() + "/a.mp4");
    std::filesystem::create_directory(folder_ / "outside");
    std::filesystem::create_symlink(folder_ / "outside", root() + "/link");
    const auto through_folder = upload("link/b.mp4");
    ASSERT_FALSE(through_folder);
    EXPECT_EQ(through_folder.error().code, Errc::PermissionDenied);
    EXPECT_THAT(through_folder.error().to_string(), ::testing::HasSubstr("link"));
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "outside"));
    // A link where the file should be is a taken name, never followed.
    std::filesystem::create_symlink(folder_ / "outside/c.mp4", root() + "/c.mp4");
    EXPECT_EQ(upload("c.mp4")->key, "c-EG_x.mp4");
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "outside"));
}

TEST_F(LocalUploads, SayWhatIsWrong) {
    write_file(root(), "a file where the root should be");
    const auto stored = upload("a.mp4");
    ASSERT_FALSE(stored);
    EXPECT_THAT(stored.error().to_string(), ::testing::HasSubstr(root()));
    const auto unset = UploadSession::create(LocalDestination{}, {.key = "a"}, http_);
    ASSERT_FALSE(unset);
    EXPECT_EQ(unset.error().code, Errc::InvalidArgument);
    const auto nameless = UploadSession::create(LocalDestination{root()}, {.key = ".."}, http_);
    ASSERT_FALSE(nameless);
    EXPECT_EQ(nameless.error().code, Errc::InvalidArgument);
    EXPECT_EQ(
        presign_get(LocalDestination{root()}, "a", 1s, {}, WallTime{}).error().code,
        Errc::Unsupported
    );
}

TEST_F(LocalUploads, CanBeCompletedAgainAfterAFailure) {
    const UploadSpec spec{"a.mp4", "video/mp4", "EG_x", folder_ / "output.part", 12, ""};
    const auto session = UploadSession::create(LocalDestination{root()}, spec, http_).value();
    EXPECT_EQ(session->complete(as_bytes("HEAD"), 5).error().code, Errc::Truncated);
    const auto stored = session->complete(as_bytes("HEAD"), 4);
    ASSERT_TRUE(stored);
    EXPECT_EQ(session->complete(as_bytes("HEAD"), 4)->key, stored->key) << "once is enough";
    EXPECT_EQ(read_file(root() + "/a.mp4"), "HEADBODY");
}

}  // namespace
}  // namespace aircheck::storage
