// What is S3's own of uploads, on a real MinIO; what all stores share: upload_contract_test.cpp.
#include "net/crypto.hpp"
#include "storage/s3_on_minio_test.hpp"
#include "storage/upload.hpp"

#include <sstream>

namespace aircheck::storage {
namespace {

using testing::kMiB;
using testing::random_text;
using testing::S3OnMinio;

TEST_F(S3OnMinio, UploadsWhileTheFileGrows) {
    const std::string body = random_text(23 * kMiB + 12'345, 1);
    const auto upload = session(destination(), spec("calls/long.mp4", body));
    EXPECT_EQ(upload->sent_bytes(), 0u);
    std::uint64_t before = 0;
    for (std::uint64_t grown = 0; grown < body.size(); grown += 700'000) {
        const auto sent = upload->advance(grown);
        ASSERT_TRUE(sent) << sent.error().to_string();
        EXPECT_GE(upload->sent_bytes(), before);
        EXPECT_LE(upload->sent_bytes(), grown);
        before = upload->sent_bytes();
    }
    // 5 MiB wait for the head; of the 18 MiB behind them, three parts of 5 MiB are whole.
    EXPECT_EQ(before, 15 * kMiB);
    EXPECT_EQ(client().head_object("calls/long.mp4").error().code, Errc::NotFound);

    const std::string head = random_text(70'000, 2);
    const auto stored = upload->complete(as_bytes(head), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(stored->size, head.size() + body.size());
    EXPECT_TRUE(stored->etag.ends_with("-5")) << stored->etag;
    EXPECT_EQ(stored->sha256, to_hex(net::sha256(as_bytes(head + body))));
    EXPECT_EQ(stored->location, destination().endpoint + "/recordings/calls/long.mp4");
    EXPECT_TRUE(content("calls/long.mp4") == head + body);
    const auto info = client().head_object("calls/long.mp4").value();
    EXPECT_EQ(info.content_type, "video/mp4");
    EXPECT_EQ(info.egress_id, "EG_x");
    EXPECT_EQ(upload->complete(as_bytes(head), body.size())->etag, stored->etag)
        << "once is enough";
}

TEST_F(S3OnMinio, SmallFilesAreOnePut) {
    S3Destination to = destination();
    to.prefix = "team";
    to.metadata = {{"customer", "42"}};
    to.tagging = "kind=call&keep=yes";
    to.content_disposition = "attachment";
    const auto stored = session(to, spec("../small.ogg", "body"))->complete(as_bytes("head"), 4);
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(stored->key, "team/small.ogg");
    EXPECT_EQ(stored->etag.find('-'), std::string::npos);
    EXPECT_EQ(content("team/small.ogg"), "headbody");
    net::HttpRequest get;
    get.url = presign_get(to, stored->key, 60s, {}, wall_now()).value();
    const auto response = http().send(get).value();
    EXPECT_EQ(response.headers.get("x-amz-meta-customer"), "42");
    EXPECT_EQ(response.headers.get("x-amz-tagging-count"), "2");
    EXPECT_EQ(response.headers.get("content-disposition"), "attachment");
}

TEST_F(S3OnMinio, ATakenNameGetsTheEgressId) {
    ASSERT_TRUE(client().put_object("taken/a.mp4", "older", {}));
    ASSERT_TRUE(client().put_object("taken/a-EG_x.mp4", "older too", {}));
    const auto small =
        session(destination(), spec("taken/a.mp4", "body"))->complete(as_bytes("1"), 4);
    ASSERT_TRUE(small) << small.error().to_string();
    EXPECT_EQ(small->key, "taken/a-EG_x-2.mp4");
    EXPECT_EQ(content("taken/a.mp4"), "older");

    // Taken between the first look and the end, by a small and by a large one.
    for (const std::uint64_t size : {4 * kMiB, 11 * kMiB}) {
        const std::string key = "raced/" + std::to_string(size);
        const std::string body = random_text(size, 4);
        const auto upload = session(destination(), spec(key, body));
        ASSERT_TRUE(upload->advance(size));
        ASSERT_TRUE(client().put_object(key, "quicker", {}));
        const auto stored = upload->complete(as_bytes("H"), size);
        ASSERT_TRUE(stored) << stored.error().to_string();
        EXPECT_EQ(stored->key, key + "-EG_x");
        EXPECT_EQ(content(key), "quicker");
        EXPECT_TRUE(content(stored->key) == "H" + body);
    }
}

TEST_F(S3OnMinio, BeginsAnewWhenTheStoreForgot) {
    const std::string body = random_text(22 * kMiB, 9);
    const auto forget = [](const UploadSession& upload, const std::string& key) {
        // Title, key, upload id: the checkpoint's lines.
        std::istringstream lines(upload.checkpoint());
        std::string title, name, id;
        lines >> title >> name >> id;
        return client().abort_multipart(key, id);
    };
    const auto during = session(destination(), spec("forgotten-1.mp4", body));
    ASSERT_TRUE(during->advance(12 * kMiB));
    ASSERT_TRUE(forget(*during, "forgotten-1.mp4"));
    ASSERT_TRUE(during->advance(22 * kMiB));
    ASSERT_TRUE(during->complete(as_bytes("HEAD"), body.size()));
    EXPECT_TRUE(content("forgotten-1.mp4") == "HEAD" + body);

    const auto at_the_end = session(destination(), spec("forgotten-2.mp4", body));
    ASSERT_TRUE(at_the_end->advance(20 * kMiB));
    ASSERT_TRUE(forget(*at_the_end, "forgotten-2.mp4"));
    const auto stored = at_the_end->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(content("forgotten-2.mp4") == "HEAD" + body);
}

TEST_F(S3OnMinio, AbortTakesEverythingBack) {
    const auto upload = session(destination(), spec("aborted.mp4", random_text(12 * kMiB, 10)));
    ASSERT_TRUE(upload->advance(12 * kMiB));
    std::istringstream lines(upload->checkpoint());
    std::string title, key, id;
    lines >> title >> key >> id;
    ASSERT_TRUE(upload->abort());
    EXPECT_EQ(client().upload_part("aborted.mp4", id, 3, "x").error().code, Errc::NotFound);
    EXPECT_TRUE(upload->abort()) << "nothing is left to take back";
}

TEST_F(S3OnMinio, EqualPartsForStoresThatWantThem) {
    S3Destination to = destination();
    to.parts = S3Destination::Parts::Equal;
    const std::string body = random_text(17 * kMiB, 11);
    const auto upload = session(to, spec("equal.mp4", body));
    ASSERT_TRUE(upload->advance(body.size()));
    EXPECT_EQ(upload->sent_bytes(), 0u);
    const auto stored = upload->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(stored->etag.ends_with("-3")) << "8, 8 and 1 MiB";
    EXPECT_TRUE(content("equal.mp4") == "HEAD" + body);
}

}  // namespace
}  // namespace aircheck::storage
