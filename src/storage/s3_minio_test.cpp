// The S3 client against a real MinIO, which checks signatures and conditions.
#include "storage/s3_client.hpp"
#include "storage/s3_on_minio_test.hpp"

#include <gmock/gmock.h>

namespace aircheck::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::S3OnMinio;

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
    EXPECT_EQ(store.list_objects_after("a b/", 9, "a b/y").value(), std::vector<std::string>{key});
    ASSERT_TRUE(store.delete_object(key));
    EXPECT_EQ(store.head_object(key).error().code, Errc::NotFound);
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
    net::HttpRequest head;
    head.method = "HEAD";
    head.url = url;
    EXPECT_EQ(http().send(head)->status, 403) << "signed for another method";
    head.url =
        presign_get(destination(), "link ü.mp4", 60s, {}, wall_now(), LinkMethod::Head).value();
    EXPECT_EQ(http().send(head)->status, 200);
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

// MinIO's STS checks the signature, and gives keys of its own; it asks for no external id.
TEST_F(S3OnMinio, ARoleWritesReadsAndSigns) {
    S3Destination to = destination();
    to.assume_role_arn = "arn:aws:iam::123456789012:role/writer";
    to.assume_role_external_id = "ours";
    const std::string body = testing::random_text(11 * testing::kMiB, 21);
    const auto stored = session(to, spec("role.mp4", body))->complete(as_bytes("H"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(content("role.mp4") == "H" + body);
    net::HttpRequest get;
    get.url = presign_get(to, "role.mp4", 60s, {}, wall_now()).value();
    EXPECT_THAT(get.url, HasSubstr("X-Amz-Security-Token="));
    EXPECT_EQ(http().send(get)->status, 200);

    S3Destination wrong = to;
    wrong.secret = "wrong";
    const auto refused = S3Client::create(wrong, http())->put_object("x", "x", {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::PermissionDenied) << refused.error().to_string();
    EXPECT_THAT(refused.error().to_string(), HasSubstr("role/writer"));
}

TEST_F(S3OnMinio, EncryptsAtRestAsAsked) {
    struct {
        const char *encryption, *key, *said;
    } const rows[] = {{"AES256", "", "AES256"}, {"aws:kms", "aircheck", "aws:kms"}};
    for (const auto& row : rows) {
        S3Destination to = destination();
        to.encryption = row.encryption;
        to.kms_key_id = row.key;
        for (const std::uint64_t size : {std::uint64_t{10}, 11 * testing::kMiB}) {
            const std::string body = testing::random_text(size, 22);
            const std::string key = std::string(row.encryption) + std::to_string(size);
            const auto stored = session(to, spec(key, body))->complete(as_bytes("H"), size);
            ASSERT_TRUE(stored) << stored.error().to_string();
            EXPECT_TRUE(content(stored->key) == "H" + body);
            net::HttpRequest get;
            get.url = presign_get(to, stored->key, 60s, {}, wall_now()).value();
            const auto answer = http().send(get).value();
            EXPECT_EQ(answer.headers.get("x-amz-server-side-encryption"), row.said) << key;
        }
    }
}

}  // namespace
}  // namespace aircheck::storage
