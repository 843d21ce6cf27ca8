// Uploads to a real MinIO, which checks part sizes and conditions, forgets, and comes back.
#include "net/crypto.hpp"
#include "storage/s3_on_minio_test.hpp"
#include "storage/upload.hpp"

#include <gmock/gmock.h>

#include <sstream>

namespace aircheck::storage {
namespace {

using ::testing::HasSubstr;
using testing::kMiB;
using ::testing::Not;
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

TEST_F(S3OnMinio, PartsAtTheirLimits) {
    // The body ends exactly where a part does, and one byte to either side.
    for (const std::uint64_t size : {10 * kMiB - 1, 10 * kMiB, 10 * kMiB + 1, 15 * kMiB}) {
        const std::string body = random_text(size, 3);
        const std::string key = "limits/" + std::to_string(size);
        const auto upload = session(destination(), spec(key, body));
        ASSERT_TRUE(upload->advance(size));
        const auto stored = upload->complete(as_bytes("H"), size);
        ASSERT_TRUE(stored) << stored.error().to_string();
        EXPECT_TRUE(content(key) == "H" + body) << size;
    }
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

TEST_F(S3OnMinio, GoesOnWhenTheStoreComesBack) {
    const std::string body = random_text(22 * kMiB, 5);
    const auto upload = session(destination(), spec("outage.mp4", body));
    ASSERT_TRUE(upload->advance(12 * kMiB));
    EXPECT_EQ(upload->sent_bytes(), 5 * kMiB);
    server_->stop();
    const auto sent = upload->advance(16 * kMiB);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Errc::Unavailable) << sent.error().to_string();
    const auto early = upload->complete(as_bytes("HEAD"), body.size());
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, Errc::Unavailable);
    EXPECT_EQ(upload->sent_bytes(), 5 * kMiB) << "what was sent stays sent";
    server_->start();
    ASSERT_TRUE(upload->advance(16 * kMiB));
    const auto stored = upload->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(content("outage.mp4") == "HEAD" + body);
}

TEST_F(S3OnMinio, GoesOnAfterARestartOfOurs) {
    const std::string body = random_text(21 * kMiB, 6);
    UploadSpec what = spec("restart.mp4", body);
    {
        const auto first = session(destination(), what);
        ASSERT_TRUE(first->advance(16 * kMiB));
        what.checkpoint = first->checkpoint();
    }
    ASSERT_FALSE(what.checkpoint.empty());
    EXPECT_THAT(what.checkpoint, Not(HasSubstr("secret")));
    const auto second = session(destination(), what);
    ASSERT_TRUE(second->advance(16 * kMiB));
    EXPECT_EQ(second->checkpoint(), what.checkpoint) << "nothing was sent twice";
    const auto stored = second->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(content("restart.mp4") == "HEAD" + body);

    // Once more, though all was done: the restart came before it could be written down.
    const auto third = session(destination(), what);
    const auto again = third->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->key, "restart.mp4");
}

TEST_F(S3OnMinio, BeginsAnewWhenTheBodyIsAnother) {
    UploadSpec what = spec("changed.mp4", random_text(21 * kMiB, 7));
    {
        const auto first = session(destination(), what);
        ASSERT_TRUE(first->advance(16 * kMiB));
        what.checkpoint = first->checkpoint();
    }
    const std::string body = random_text(21 * kMiB, 8);
    tests::write_file(what.body_path, std::string(100, 'h') + body);
    const auto stored = session(destination(), what)->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(content("changed.mp4") == "HEAD" + body);
    // A checkpoint of no sense is none.
    what.checkpoint = "aircheck-upload-1\nx\ny\n7 5 5 5\n";
    what.key = "senseless.mp4";
    EXPECT_TRUE(session(destination(), what)->complete(as_bytes("HEAD"), body.size()));
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
