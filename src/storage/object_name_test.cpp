#include "storage/object_name.hpp"

#include <gtest/gtest.h>

namespace aircheck::storage {
namespace {

std::string repeat(const std::string& text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

TEST(ObjectName, IsMadeSafe) {
    struct {
        std::string path, key;
    } const rows[] = {
        {"calls/a.mp4", "calls/a.mp4"},
        {"/calls//a.mp4", "calls/a.mp4"},
        {"../../etc/passwd", "etc/passwd"},
        {"a/../../b.mp4", "a/b.mp4"},
        {"./a/./b.mp4", "a/b.mp4"},
        {"a/.../b", "a/.../b"},
        {std::string("a\0b\x1f\x7f.mp4", 9), "a_b__.mp4"},
        {"line\nbreak\r.mp4", "line_break_.mp4"},
        {"Z\xc3\xbcrich \xe6\x9d\xb1 \xf0\x9f\x98\x80.mp4",
         "Z\xc3\xbcrich \xe6\x9d\xb1 \xf0\x9f\x98\x80.mp4"},
        {"bad\xff utf\xc3.mp4", "bad_ utf_.mp4"},
        {"overlong\xc0\xaf", "overlong__"},
        {"surrogate\xed\xa0\x80", "surrogate___"},
        {"c1\xc2\x85.mp4", "c1_.mp4"},
        {"a\\..\\b", "a\\..\\b"},
        {repeat("x", 300) + ".mp4", repeat("x", 251) + ".mp4"},
        {repeat("\xc3\xbc", 200) + ".mp4", repeat("\xc3\xbc", 125) + ".mp4"},
    };
    for (const auto& row : rows) {
        const auto key = safe_object_key(row.path);
        ASSERT_TRUE(key) << row.path;
        EXPECT_EQ(*key, row.key);
    }
    const auto longest = safe_object_key(repeat("folder/", 140) + repeat("x", 100) + ".mp4");
    ASSERT_TRUE(longest);
    EXPECT_EQ(longest->size(), 1024u);
    EXPECT_TRUE(longest->ends_with("/" + repeat("x", 40) + ".mp4"));
    // Room is kept for what a taken name gets.
    EXPECT_EQ(with_suffix(*longest, "EG_abcdefghijkl-20").size(), 1024u);
}

TEST(ObjectName, WithoutAFileIsRefused) {
    for (const std::string& path :
         {std::string(),
          std::string("/"),
          std::string(".."),
          std::string("calls/"),
          std::string("a/.."),
          std::string("../."),
          repeat("folder/", 200) + "a.mp4",
          repeat("folder/", 141) + "a.mp4"}) {  // 987 bytes of folders leave too little

        const auto key = safe_object_key(path);
        ASSERT_FALSE(key) << path;
        EXPECT_EQ(key.error().code, Errc::InvalidArgument);
    }
}

TEST(ObjectName, SuffixGoesBeforeTheExtension) {
    EXPECT_EQ(with_suffix("calls/a.mp4", "EG_x"), "calls/a-EG_x.mp4");
    EXPECT_EQ(with_suffix("calls.v2/a", "EG_x"), "calls.v2/a-EG_x");
    EXPECT_EQ(with_suffix("a.tar.gz", "EG_x"), "a.tar-EG_x.gz");
    EXPECT_EQ(with_suffix(".env", "EG_x"), ".env-EG_x");
    const std::string full = repeat("\xc3\xbc", 125) + ".mp4";
    EXPECT_EQ(with_suffix("d/" + full, "EG_x"), "d/" + repeat("\xc3\xbc", 123) + "-EG_x.mp4");
}

}  // namespace
}  // namespace aircheck::storage
