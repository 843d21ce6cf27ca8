#include "storage/upload_state.hpp"

#include <gtest/gtest.h>

namespace aircheck::storage {
namespace {

const std::string kHead = "aircheck-upload-1\ncalls%2Fa%0Ab.mp4\nid%3D\n";

TEST(UploadState, IsReadAsItWasWritten) {
    UploadState state;
    state.key = "calls/a\nb.mp4";
    state.upload_id = "id=";
    state.parts = {{{2, 5'242'880, "e1"}, 7}, {{3, 1, "e 2"}, 4'294'967'295}};
    EXPECT_EQ(state.to_text(), kHead + "2 5242880 7 e1\n3 1 4294967295 e%202\n");
    const auto read = UploadState::from_text(state.to_text());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->key, state.key);
    EXPECT_EQ(read->upload_id, state.upload_id);
    ASSERT_EQ(read->parts.size(), 2u);
    EXPECT_EQ(read->parts[1].part.etag, "e 2");
    EXPECT_EQ(read->parts[1].crc32c, 4'294'967'295u);
}

TEST(UploadState, OfNoSenseIsNone) {
    for (const std::string& text :
         {std::string(),
          std::string("aircheck-upload-2\na\nb\n"),
          std::string("aircheck-upload-1\na"),
          kHead + "3 5 5 e\n",
          kHead + "2 5 5 e\n2 5 5 e\n",
          kHead + "2 0 5 e\n",
          kHead + "2 5368709121 5 e\n",
          kHead + "2 -1 5 e\n",
          kHead + "2 18446744073709551616 5 e\n",
          kHead + "2 five 5 e\n"}) {
        EXPECT_FALSE(UploadState::from_text(text)) << text;
    }
    EXPECT_TRUE(UploadState::from_text(kHead + "2 5368709120 5 e\n"));
}

}  // namespace
}  // namespace aircheck::storage
