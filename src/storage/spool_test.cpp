#include "storage/spool.hpp"

#include "core/temp_folder_testing.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace aircheck::storage {
namespace {

using tests::read_file;
using tests::TempFolder;
using tests::write_file;

TEST(AppendFile, GrowsAndGoesOn) {
    const TempFolder folder;
    const std::string path = folder / "output.part";
    {
        auto file = AppendFile::open(path).value();
        ASSERT_TRUE(file.append(as_bytes("one")));
        ASSERT_TRUE(file.append(as_bytes("two")));
        EXPECT_EQ(file.size(), 6u);
        EXPECT_EQ(read_file(path), "onetwo") << "in the kernel without any flush";
        ASSERT_TRUE(file.sync());
    }
    auto file = AppendFile::open(path).value();
    EXPECT_EQ(file.size(), 6u);
    ASSERT_TRUE(file.truncate(4));
    ASSERT_TRUE(file.append(as_bytes("!")));
    EXPECT_EQ(read_file(path), "onet!");
    EXPECT_EQ(file.truncate(6).error().code, Errc::InvalidArgument);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST(AppendFile, AFullDiskIsSaid) {
    auto file = AppendFile::open("/dev/full");
    ASSERT_TRUE(file) << file.error().to_string();
    const auto written = file->append(as_bytes("x"));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::NoSpace);
    EXPECT_NE(written.error().to_string().find("/dev/full"), std::string::npos);
    EXPECT_EQ(file->size(), 0u);
}

TEST(AppendFile, FollowsNoLink) {
    const TempFolder folder;
    write_file(folder / "victim", "precious");
    std::filesystem::create_symlink(folder / "victim", folder / "output.part");
    EXPECT_FALSE(AppendFile::open(folder / "output.part"));
    EXPECT_EQ(
        AppendFile::open(folder / "none" + "/x").error().code, std::errc::no_such_file_or_directory
    );
}

TEST(Spool, HasOneFolderForEachEgress) {
    const TempFolder folder;
    const auto spool = Spool::open(folder / "data/deep");
    ASSERT_TRUE(spool) << spool.error().to_string();
    const auto b = spool->folder("EG_b").value();
    const auto a = spool->folder("EG_a").value();
    EXPECT_EQ(a, folder / "data/deep/spool/EG_a");
    EXPECT_EQ(spool->folder("EG_a").value(), a) << "once more is fine";
    write_file(Spool::output_path(a), "x");
    write_file(folder / "data/deep/spool/EG_stray", "not a folder");
    std::filesystem::create_directory(folder / "data/deep/spool/lost+found");
    EXPECT_EQ(spool->list().value(), (std::vector<std::string>{"EG_a", "EG_b"}));
    ASSERT_TRUE(spool->remove("EG_a"));
    ASSERT_TRUE(spool->remove("EG_a")) << "gone already";
    EXPECT_EQ(spool->list().value(), std::vector<std::string>{"EG_b"});
    for (const char* bad : {"", "EG_", "EG_../x", "..", "EG_a/b"}) {
        EXPECT_EQ(spool->folder(bad).error().code, Errc::InvalidArgument) << bad;
        EXPECT_EQ(spool->remove(bad).error().code, Errc::InvalidArgument) << bad;
    }
    EXPECT_EQ(Spool::output_path(b, "TR_x"), b + "/TR_x.part");
    const auto space = spool->space().value();
    EXPECT_GT(space.free_bytes, 0u);
    EXPECT_GE(space.total_bytes, space.free_bytes);
}

TEST(AssembleFile, PutsTheHeadBeforeTheBody) {
    const TempFolder folder;
    std::string body = "old head";
    for (int i = 0; i < 300'000; ++i) body += static_cast<char>('a' + i % 23);
    write_file(folder / "body", body);
    HeadAndBody parts{as_bytes("the new, longer head"), folder / "body", 8, body.size() - 8};
    ASSERT_TRUE(assemble_file(parts, folder / "whole"));
    EXPECT_EQ(read_file(folder / "whole"), "the new, longer head" + body.substr(8));
    EXPECT_EQ(assemble_file(parts, folder / "whole").error().code, Errc::AlreadyExists);

    parts.body_bytes += 1;
    EXPECT_EQ(assemble_file(parts, folder / "short").error().code, Errc::Truncated);
    EXPECT_FALSE(std::filesystem::exists(folder / "short")) << "nothing is left of a failure";
    EXPECT_EQ(sha256_of(parts).error().code, Errc::Truncated);
}

TEST(Sha256Of, IsTheWholeFiles) {
    const TempFolder folder;
    write_file(folder / "body", "xxxbc");
    // FIPS 180-4's example: SHA-256("abc").
    EXPECT_EQ(
        sha256_of({as_bytes("a"), folder / "body", 3, 2}).value(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    EXPECT_EQ(read_range(folder / "body", 3, 2).value(), "bc");
    EXPECT_EQ(read_range(folder / "body", 3, 3).error().code, Errc::Truncated);
}

}  // namespace
}  // namespace aircheck::storage
