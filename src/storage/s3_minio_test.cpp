// The S3 client and uploads against a real MinIO, which checks signatures, part sizes and
// conditions.
#include "net/crypto.hpp"
#include "storage/minio_server_test.hpp"
#include "storage/s3_client.hpp"
#include "storage/spool.hpp"
#include "storage/upload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace aircheck::storage {
namespace {

using ::testing::HasSubstr;
using testing::MinioServer;
using testing::TempFolder;

constexpr std::uint64_t kMiB = 1024 * 1024;

std::string random_text(std::size_t bytes, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

class S3OnMinio : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        server_ = new MinioServer;
        server_->start();
        if (HasFatalFailure()) return;
        const auto made = S3Client::create(destination(), http())->create_bucket();
        ASSERT_TRUE(made) << made.error().to_string();
    }
    static void TearDownTestSuite() {
        delete server_;
        server_ = nullptr;
    }
    static net::HttpClient& http() {
        static net::HttpClient client;
        return client;
    }
    static S3Destination destination() { return server_->destination("recordings"); }
    static S3Client client() { return S3Client::create(destination(), http()).value(); }
    static std::string content(const std::string& key) {
        auto store = client();
        const auto info = store.head_object(key);
        if (!info) return info.error().to_string();
        return store.get_range(key, 0, info->size).value_or("unreadable");
    }

    /// A spool file: a growing head of 100 bytes, and a body.
    UploadSpec spec(const std::string& key, const std::string& body) {
        testing::write_file(folder_ / "output.part", std::string(100, 'h') + body);
        return {key, "video/mp4", "EG_x", folder_ / "output.part", 100, ""};
    }
    static std::unique_ptr<UploadSession> session(const S3Destination& to, const UploadSpec& spec) {
        return UploadSession::create(to, spec, http()).value();
    }

    TempFolder folder_;
    static MinioServer* server_;
};
MinioServer* S3OnMinio::server_ = nullptr;

TEST_F(S3OnMinio, KeepsObjects) {
    auto store = client();
    const std::string key = "a b/ü+%&=?#\"'<>/x.mp4";
    S3Client::ObjectOptions options{"audio/ogg", "EG_1", S3Client::IfTaken::Refuse};
    const auto etag = store.put_object(key, "0123456789", options);
    ASSERT_TRUE(etag) << etag.error().to_string();
    EXPECT_EQ(*etag, "781e5e245d69b566979b86e28d23f2c7");  // printf 0123456789 | md5sum
    const auto info = store.head_object(key);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->size, 10u);
    EXPECT_EQ(info->etag, *etag);
    EXPECT_EQ(info->content_type, "audio/ogg");
    EXPECT_EQ(info->egress_id, "EG_1");
    EXPECT_EQ(store.get_range(key, 3, 4).value(), "3456");
    EXPECT_EQ(store.get_range(key, 8, 10).value(), "89");
    EXPECT_EQ(store.get_range(key, 10, 1).error().code, Errc::NotFound);
    EXPECT_EQ(store.list_objects("a b/", 10).value(), std::vector<std::string>{key});
    ASSERT_TRUE(store.put_object("a b/y", "", {}));
    EXPECT_EQ(store.list_objects("a b/", 1).value().size(), 1u);
    EXPECT_EQ(store.list_objects("a b/", 9, "a b/y").value(), std::vector<std::string>{key});
    ASSERT_TRUE(store.delete_object(key));
    EXPECT_EQ(store.head_object(key).error().code, Errc::NotFound);
    ASSERT_TRUE(store.head_bucket());
    EXPECT_EQ(store.create_bucket().error().code, Errc::AlreadyExists);
}

TEST_F(S3OnMinio, RefusesToReplaceButKnowsItsOwn) {
    auto store = client();
    S3Client::ObjectOptions options{"video/mp4", "EG_1", S3Client::IfTaken::Refuse};
    ASSERT_TRUE(store.put_object("taken", "mine", options));
    EXPECT_TRUE(store.put_object("taken", "mine", options)) << "as after a lost answer";
    options.egress_id = "EG_2";
    const auto refused = store.put_object("taken", "others", options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::AlreadyExists);
    EXPECT_EQ(content("taken"), "mine");
}

TEST_F(S3OnMinio, SaysInWordsWhatIsWrong) {
    struct {
        const char* name;
        void (*change)(S3Destination&);
        Errc code;
        const char* words;
    } const rows[] = {
        {"secret",
         [](S3Destination& d) { d.secret = "wrong"; },
         Errc::PermissionDenied,
         "(secret)"},
        {"access key",
         [](S3Destination& d) { d.access_key = "nobody"; },
         Errc::PermissionDenied,
         "(access_key)"},
        {"bucket",
         [](S3Destination& d) { d.bucket = "no-such-bucket"; },
         Errc::NotFound,
         "there is no such bucket"},
        {"host",
         [](S3Destination& d) { d.endpoint = "http://127.0.0.1:1"; },
         Errc::Unavailable,
         "127.0.0.1:1"},
        {"reach",
         [](S3Destination& d) { d.reach = S3Destination::Reach::PublicOnly; },
         Errc::PermissionDenied,
         "127.0.0.1"},
    };
    for (const auto& row : rows) {
        S3Destination wrong = destination();
        row.change(wrong);
        auto store = S3Client::create(wrong, http()).value();
        const auto stored = store.put_object("x", "x", {});
        ASSERT_FALSE(stored) << row.name;
        EXPECT_EQ(stored.error().code, row.code) << row.name;
        EXPECT_THAT(stored.error().to_string(), HasSubstr(row.words)) << row.name;
        EXPECT_THAT(stored.error().to_string(), HasSubstr("\"" + wrong.bucket + "\"")) << row.name;
        EXPECT_THAT(stored.error().to_string(), Not(HasSubstr(wrong.secret + "\""))) << row.name;
        // A session says the same at its first call, before anything is recorded in vain.
        const auto begun = session(wrong, spec("x", "x"))->advance(0);
        ASSERT_FALSE(begun) << row.name;
    }
}

TEST_F(S3OnMinio, CorrectsRegionAndClock) {
    S3Destination elsewhere = destination();
    elsewhere.region = "eu-central-1";
    auto store = S3Client::create(elsewhere, http()).value();
    const auto stored = store.put_object("region", "x", {});
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(store.destination().region, "eu-north-1");

    const auto slow_clock = [] { return wall_now() - std::chrono::hours(3); };
    auto late = S3Client::create(destination(), http(), slow_clock).value();
    const auto dated = late.put_object("clock", "x", {});
    ASSERT_TRUE(dated) << dated.error().to_string();
}

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
    testing::write_file(what.body_path, std::string(100, 'h') + body);
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

TEST_F(S3OnMinio, SignedLinksOpenAndExpire) {
    ASSERT_TRUE(client().put_object("link ü.mp4", "content", {}));
    const auto get = [](const std::string& url) {
        net::HttpRequest request;
        request.url = url;
        return http().send(request).value();
    };
    const ResponseHeaders headers{"audio/x-test", "attachment; filename=\"a b.mp4\""};
    const auto url = presign_get(destination(), "link ü.mp4", 60s, headers, wall_now()).value();
    const auto opened = get(url);
    EXPECT_EQ(opened.status, 200);
    EXPECT_EQ(opened.body, "content");
    EXPECT_EQ(opened.headers.get("content-type"), "audio/x-test");
    EXPECT_EQ(opened.headers.get("content-disposition"), "attachment; filename=\"a b.mp4\"");
    EXPECT_EQ(get(url + "0").status, 403) << "another signature";
    EXPECT_EQ(get(location_of(destination(), "link ü.mp4")).status, 403) << "without a signature";
    const auto old = presign_get(destination(), "link ü.mp4", 5s, {}, wall_now() - 60s).value();
    EXPECT_EQ(get(old).status, 403);
    for (const auto ttl : {std::chrono::seconds(0), std::chrono::seconds(604'801)}) {
        EXPECT_EQ(
            presign_get(destination(), "x", ttl, {}, wall_now()).error().code, Errc::InvalidArgument
        );
    }
}

TEST_F(S3OnMinio, VirtualHostsWorkToo) {
    S3Destination virtual_hosts = destination();
    const std::string port = virtual_hosts.endpoint.substr(virtual_hosts.endpoint.rfind(':'));
    virtual_hosts.endpoint = "http://localhost" + port;
    virtual_hosts.addressing = S3Destination::Addressing::Virtual;
    auto store = S3Client::create(virtual_hosts, http()).value();
    EXPECT_EQ(store.object_url("a b.mp4"), "http://recordings.localhost" + port + "/a%20b.mp4");
    const auto stored = store.put_object("a b.mp4", "virtual", {});
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(content("a b.mp4"), "virtual");
}

}  // namespace
}  // namespace aircheck::storage
