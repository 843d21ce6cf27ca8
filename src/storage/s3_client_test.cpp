// What a store does on a bad day. That requests are right is for s3_minio_test.cpp to show.
#include "storage/s3_client.hpp"

#include "core/temp_folder_testing.hpp"
#include "storage/s3_address.hpp"
#include "storage/s3_xml.hpp"
#include "storage/scripted_store_test.hpp"
#include "storage/upload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ScriptedStore;
using Reply = ScriptedStore::Reply;

Reply answer(int status, std::string body = {}, std::string headers = {}) {
    return {status, std::move(body), std::move(headers), Reply::Delivery::Answer};
}
Reply error(int status, const std::string& code, const std::string& more = {}) {
    return answer(
        status, "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code>" + more + "</Error>"
    );
}
Reply hang_up() { return {0, {}, {}, Reply::Delivery::HangUp}; }
Reply stored() { return answer(200, {}, "ETag: \"e\"\r\n"); }

class S3ClientScript : public ::testing::Test {
protected:
    Result<std::string> put(
        ScriptedStore& store, S3Client::IfTaken if_taken = S3Client::IfTaken::Overwrite
    ) {
        auto client = S3Client::create(store.destination(), http_).value();
        return client.put_object("k", "0123456789", {"text/plain", "EG_1", if_taken});
    }
    net::HttpClient http_;
};

TEST_F(S3ClientScript, ReachesOnThisMachineWhatIsAllowed) {
    ScriptedStore store({stored()});
    S3Destination destination = store.destination();
    destination.reach = S3Destination::Reach::PublicOnly;
    for (const std::string allow : {"", "10.0.0.0/8"}) {
        destination.allow.assign(1, allow);
        auto client = S3Client::create(destination, http_).value();
        const auto refused = client.put_object("k", "x", {});
        ASSERT_FALSE(refused) << allow;
        EXPECT_EQ(refused.error().code, Errc::PermissionDenied);
        EXPECT_THAT(refused.error().to_string(), HasSubstr("127.0.0.1"));
        EXPECT_THAT(refused.error().to_string(), HasSubstr("network.allow"));
    }
    EXPECT_TRUE(store.lines().empty());
    destination.allow = {"127.0.0.0/8"};
    EXPECT_EQ(S3Client::create(destination, http_).value().put_object("k", "x", {}).value(), "e");
}

TEST_F(S3ClientScript, ReachesPrivateAddressesForWhomMay) {
    ScriptedStore store({stored()});
    S3Destination destination = store.destination();
    destination.reach = S3Destination::Reach::PublicAndPrivate;
    EXPECT_EQ(S3Client::create(destination, http_).value().put_object("k", "x", {}).value(), "e");
    destination.endpoint = "http://169.254.169.254";
    const auto refused = S3Client::create(destination, http_).value().put_object("k", "x", {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::PermissionDenied);
    EXPECT_THAT(refused.error().to_string(), HasSubstr("which network.allow cannot open"));
}

TEST_F(S3ClientScript, TriesAgainWhatPasses) {
    const Reply passing[] = {
        error(500, "InternalError"),
        error(503, "SlowDown"),
        answer(503),
        answer(502),
        answer(504),
        error(429, "TooManyRequests"),
        error(409, "ConditionalRequestConflict"),
        error(400, "RequestTimeout"),
        hang_up(),
    };
    for (const Reply& reply : passing) {
        ScriptedStore store({reply, reply, stored()});
        const auto etag = put(store);
        ASSERT_TRUE(etag) << reply.status << " " << reply.body << etag.error().to_string();
        EXPECT_EQ(*etag, "e");
        EXPECT_EQ(store.lines().size(), 3u);
    }
}

TEST_F(S3ClientScript, GivesUpAfterItsRetries) {
    ScriptedStore store(
        {error(503, "SlowDown"), error(503, "SlowDown"), error(503, "SlowDown"), stored()}
    );
    const auto etag = put(store);
    ASSERT_FALSE(etag);
    EXPECT_EQ(etag.error().code, Errc::Unavailable);
    EXPECT_EQ(store.lines().size(), 3u);
}

TEST_F(S3ClientScript, DoesNotRepeatWhatStaysWrong) {
    struct {
        Reply reply;
        Errc code;
        const char* words;
    } const rows[] = {
        {error(404, "NoSuchBucket"), Errc::NotFound, "no such bucket at http://127.0.0.1"},
        {error(403, "AccessDenied"), Errc::PermissionDenied, "it takes s3:PutObject"},
        {error(403, "SignatureDoesNotMatch"), Errc::PermissionDenied, "(secret)"},
        {error(403, "InvalidAccessKeyId"), Errc::PermissionDenied, "(access_key)"},
        {error(400, "ExpiredToken"), Errc::PermissionDenied, "(session_token)"},
        {error(403, "Strange", "<Message>a &lt;reason&gt;</Message>"),
         Errc::PermissionDenied,
         "Strange (a <reason>)"},
        {error(507, "XMinioStorageFull"), Errc::NoSpace, "full"},
        {answer(403), Errc::PermissionDenied, "access denied"},
        {answer(302, "<html>"), Errc::Failed, "HTTP 302"},
    };
    for (const auto& row : rows) {
        ScriptedStore store({row.reply, stored()});
        const auto etag = put(store);
        ASSERT_FALSE(etag) << row.words;
        EXPECT_EQ(etag.error().code, row.code) << etag.error().to_string();
        EXPECT_THAT(etag.error().to_string(), HasSubstr(row.words));
        EXPECT_THAT(etag.error().to_string(), HasSubstr("S3 bucket \"bucket\": store k"));
        EXPECT_EQ(store.lines().size(), 1u) << row.words;
    }
}

TEST_F(S3ClientScript, KeysThatMayOnlyWriteHaveAccess) {
    const std::pair<Reply, std::string> rows[] = {
        {answer(200, "<ListBucketResult/>"), ""},
        {error(403, "AccessDenied"), ""},
        {error(403, "SignatureDoesNotMatch"), "(secret)"},
        {error(403, "InvalidAccessKeyId"), "(access_key)"},
        {error(404, "NoSuchBucket"), "no such bucket"},
    };
    for (const auto& [reply, refusal] : rows) {
        ScriptedStore store({reply});
        auto client = S3Client::create(store.destination(), http_).value();
        const auto access = client.check_access();
        ASSERT_EQ(access.has_value(), refusal.empty()) << reply.body;
        EXPECT_THAT(access ? "" : access.error().to_string(), HasSubstr(refusal));
    }
}

TEST_F(S3ClientScript, LearnsTheRegionOnce) {
    const Reply rows[] = {
        answer(301, {}, "x-amz-bucket-region: eu-west-3\r\n"),
        error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>"),
    };
    for (const Reply& reply : rows) {
        ScriptedStore store({reply, stored(), stored()});
        auto client = S3Client::create(store.destination(), http_).value();
        ASSERT_TRUE(client.put_object("k", "x", {}));
        ASSERT_TRUE(client.put_object("k", "x", {}));
        const auto requests = store.requests();
        ASSERT_EQ(requests.size(), 3u);
        EXPECT_THAT(requests[0].headers, HasSubstr("/us-east-1/s3/"));
        EXPECT_THAT(requests[1].headers, HasSubstr("/eu-west-3/s3/"));
        EXPECT_THAT(requests[2].headers, HasSubstr("/eu-west-3/s3/"));
        // The same answer again is no news.
        ScriptedStore stubborn({reply, reply});
        EXPECT_FALSE(put(stubborn));
        EXPECT_EQ(stubborn.lines().size(), 2u);
    }
}

TEST_F(S3ClientScript, LearnsTheStoresClock) {
    Reply skewed = error(403, "RequestTimeTooSkewed");
    skewed.headers = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    ScriptedStore store({skewed, stored()});
    const auto noon_2026 = [] { return parse_iso8601("2026-01-01T12:00:00Z").value(); };
    auto client = S3Client::create(store.destination(), http_, noon_2026).value();
    ASSERT_TRUE(client.put_object("k", "x", {}));
    EXPECT_THAT(store.requests()[0].headers, HasSubstr("x-amz-date: 20260101t120000z"));
    EXPECT_THAT(store.requests()[1].headers, HasSubstr("x-amz-date: 19941106t084937z"));
}

TEST_F(S3ClientScript, ALostAnswerIsNoTakenName) {
    // The first PUT arrives, its answer does not; the second finds the name taken, by ourselves.
    const std::string md5 = "ETag: \"781e5e245d69b566979b86e28d23f2c7\"\r\nContent-Length: 10\r\n";
    ScriptedStore same_bytes({hang_up(), error(412, "PreconditionFailed"), answer(200, {}, md5)});
    EXPECT_TRUE(put(same_bytes, S3Client::IfTaken::Refuse));
    EXPECT_THAT(same_bytes.requests()[0].headers, HasSubstr("if-none-match: *"));

    const std::string encrypted =
        "ETag: \"x\"\r\nContent-Length: 10\r\nx-amz-meta-egress-id: EG_1\r\n";
    ScriptedStore same_egress(
        {hang_up(), error(412, "PreconditionFailed"), answer(200, {}, encrypted)}
    );
    EXPECT_TRUE(put(same_egress, S3Client::IfTaken::Refuse));

    const std::string others =
        "ETag: \"x\"\r\nContent-Length: 10\r\nx-amz-meta-egress-id: EG_2\r\n";
    ScriptedStore taken({error(412, "PreconditionFailed"), answer(200, {}, others)});
    EXPECT_EQ(put(taken, S3Client::IfTaken::Refuse).error().code, Errc::AlreadyExists);
}

class S3CompleteScript : public S3ClientScript {
protected:
    Result<std::string> complete(ScriptedStore& store) {
        auto client = S3Client::create(store.destination(), http_).value();
        // MD5s of "a" and "b"; the combined ETag is md5(both digests)-2.
        const std::vector<Part> parts = {
            {1, 6, "0cc175b9c0f1b6a831c399e269772661"}, {2, 4, "92eb5ffee6ae2fec3ad71c777531578f"}};
        return client.complete_multipart("k", "id", parts, {"", "EG_1", S3Client::IfTaken::Refuse});
    }
};

TEST_F(S3CompleteScript, A200MayBeAnError) {
    ScriptedStore store(
        {answer(200, "   \n  <?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>"),
         answer(
             200,
             "<CompleteMultipartUploadResult><ETag>&#34;abc-2&#34;</ETag>"
             "</CompleteMultipartUploadResult>"
         )}
    );
    const auto etag = complete(store);
    ASSERT_TRUE(etag) << etag.error().to_string();
    EXPECT_EQ(*etag, "abc-2");
    EXPECT_THAT(
        store.requests()[1].body,
        HasSubstr("<PartNumber>2</PartNumber><ETag>&quot;92eb5ffee6ae2fec3ad71c777531578f&quot;")
    );
}

TEST_F(S3CompleteScript, ALostAnswerIsNoLostUpload) {
    // printf '\x0c\xc1…\x92\xeb…' | md5sum
    const std::string ours =
        "ETag: \"96e024ba2074fe77e8e965ba43a704be-2\"\r\nContent-Length: 10\r\n";
    ScriptedStore store({hang_up(), error(404, "NoSuchUpload"), answer(200, {}, ours), answer(204)}
    );
    const auto etag = complete(store);
    ASSERT_TRUE(etag) << etag.error().to_string();
    EXPECT_THAT(
        store.lines(),
        ElementsAre(
            "POST /bucket/k?uploadId=id",
            "POST /bucket/k?uploadId=id",
            "HEAD /bucket/k",
            "DELETE /bucket/k?uploadId=id"
        )
    );
    ScriptedStore gone({error(404, "NoSuchUpload"), answer(404)});
    EXPECT_EQ(complete(gone).error().code, Errc::NotFound);
    ScriptedStore shorter(
        {error(404, "NoSuchUpload"),
         answer(200, {}, "Content-Length: 9\r\nx-amz-meta-egress-id: EG_1\r\n")}
    );
    EXPECT_EQ(complete(shorter).error().code, Errc::NotFound);
}

TEST_F(S3ClientScript, UploadSendsTheFirstPartLast) {
    const tests::TempFolder folder;
    tests::write_file(folder / "b", std::string(12'000'000, 'b'));
    const auto listed = answer(200, "<ListBucketResult></ListBucketResult>");
    const auto created = answer(200, "<R><UploadId>u/1</UploadId></R>");
    ScriptedStore store(
        {answer(404),
         listed,
         created,
         stored(),
         stored(),
         stored(),
         answer(200, "<R><ETag>&#34;x-3&#34;</ETag></R>"),
         answer(200, {}, "Content-Length: 12000004\r\n")}
    );
    UploadSpec spec{"k", "video/mp4", "EG_1", folder / "b"};
    const auto upload = UploadSession::create(store.destination(), spec, http_).value();
    ASSERT_TRUE(upload->advance(11'000'000));
    const auto done = upload->complete(as_bytes("HEAD"), 12'000'000);
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_THAT(
        store.lines(),
        ElementsAre(
            "HEAD /bucket/k",
            "GET /bucket/?list-type=2&max-keys=1&prefix=aircheck",
            "POST /bucket/k?uploads=",
            "PUT /bucket/k?partNumber=2&uploadId=u%2F1",
            "PUT /bucket/k?partNumber=3&uploadId=u%2F1",
            "PUT /bucket/k?partNumber=1&uploadId=u%2F1",
            "POST /bucket/k?uploadId=u%2F1",
            "HEAD /bucket/k"
        )
    );
    const auto requests = store.requests();
    EXPECT_EQ(requests[3].body.size(), 5u << 20);
    EXPECT_EQ(requests[4].body.size(), 12'000'000u - (10u << 20));
    EXPECT_EQ(requests[5].body.size(), 4u + (5u << 20));
    EXPECT_TRUE(requests[5].body.starts_with("HEADbbb"));
    EXPECT_THAT(requests[6].headers, HasSubstr("if-none-match: *"));
}

TEST_F(S3ClientScript, AShortObjectIsNotCalledDone) {
    const tests::TempFolder folder;
    tests::write_file(folder / "b", "body");
    ScriptedStore store(
        {answer(404),
         error(403, "AccessDenied"),  // a key that may only write
         stored(),
         answer(200, {}, "Content-Length: 7\r\n"),
         answer(200, {}, "Content-Length: 8\r\n")}
    );
    UploadSpec spec{"k", "video/mp4", "EG_1", folder / "b"};
    const auto upload = UploadSession::create(store.destination(), spec, http_).value();
    const auto done = upload->complete(as_bytes("HEAD"), 4);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().to_string(), HasSubstr("7 bytes instead of 8"));
    EXPECT_TRUE(upload->complete(as_bytes("HEAD"), 4)) << "looked at again, not sent again";
}

TEST(S3Address, Styles) {
    struct {
        const char *bucket, *region, *endpoint;
        S3Destination::Addressing addressing;
        const char* url;
    } const rows[] = {
        {"b-1", "eu-west-1", "", {}, "https://b-1.s3.eu-west-1.amazonaws.com/a%20b/c"},
        {"b-1", "", "", {}, "https://b-1.s3.us-east-1.amazonaws.com/a%20b/c"},
        {"b-1", "cn-north-1", "", {}, "https://b-1.s3.cn-north-1.amazonaws.com.cn/a%20b/c"},
        {"b.dot", "eu-west-1", "", {}, "https://s3.eu-west-1.amazonaws.com/b.dot/a%20b/c"},
        {"b-1", "", "minio.example:9000", {}, "https://minio.example:9000/b-1/a%20b/c"},
        {"b-1", "", "http://[::1]:9000/", {}, "http://[::1]:9000/b-1/a%20b/c"},
        {"b-1", "", "https://s3.amazonaws.com", {}, "https://b-1.s3.amazonaws.com/a%20b/c"},
        {"b-1", "", "https://host:443/base/", {}, "https://host/base/b-1/a%20b/c"},
        {"b-1", "", "https://host", S3Destination::Addressing::Virtual, "https://b-1.host/a%20b/c"},
        {"b-1",
         "eu-west-1",
         "",
         S3Destination::Addressing::Path,
         "https://s3.eu-west-1.amazonaws.com/b-1/a%20b/c"},
    };
    for (const auto& row : rows) {
        S3Destination destination;
        destination.bucket = row.bucket;
        destination.region = row.region;
        destination.endpoint = row.endpoint;
        destination.addressing = row.addressing;
        EXPECT_EQ(location_of(destination, "a b/c"), row.url);
    }
}

TEST(S3Address, ImpossibleSettingsAreNamed) {
    struct {
        void (*change)(S3Destination&);
        const char* words;
    } const rows[] = {
        {[](S3Destination& d) { d.bucket = ""; }, "(bucket)"},
        {[](S3Destination& d) { d.bucket = "a/b"; }, "(bucket)"},
        {[](S3Destination& d) { d.bucket = "host.evil@x"; }, "(bucket)"},
        {[](S3Destination& d) { d.secret = ""; }, "(access_key, secret)"},
        {[](S3Destination& d) { d.endpoint = "ftp://x"; }, "(endpoint)"},
        {[](S3Destination& d) { d.endpoint = "https://x?y=z"; }, "(endpoint)"},
        {[](S3Destination& d) { d.region = "eu/../x"; }, "(region)"},
        {[](S3Destination& d) { d.metadata["a b"] = "x"; }, "metadata \"a b\""},
        {[](S3Destination& d) { d.metadata["a"] = "x\r\ny: z"; }, "metadata \"a\""},
        {[](S3Destination& d) { d.tagging = "a=\n"; }, "(tagging)"},
        {[](S3Destination& d) { d.content_disposition = "a\n"; }, "(content_disposition)"},
    };
    net::HttpClient http;
    for (const auto& row : rows) {
        S3Destination destination;
        destination.bucket = "bucket";
        destination.access_key = "a";
        destination.secret = "very secret";
        row.change(destination);
        const auto session = UploadSession::create(destination, {.key = "k"}, http);
        ASSERT_FALSE(session) << row.words;
        EXPECT_EQ(session.error().code, Errc::InvalidArgument);
        EXPECT_THAT(session.error().to_string(), HasSubstr(row.words));
        EXPECT_THAT(session.error().to_string(), Not(HasSubstr("very secret")));
    }
}

TEST(S3Address, R2WantsEqualParts) {
    S3Destination destination;
    EXPECT_FALSE(wants_equal_parts(destination));
    destination.endpoint = "https://0123.eu.r2.cloudflarestorage.com";
    EXPECT_TRUE(wants_equal_parts(destination));
    destination.parts = S3Destination::Parts::Growing;
    EXPECT_FALSE(wants_equal_parts(destination));
}

TEST(S3Xml, FindsTextsAndEntities) {
    const std::string document =
        "<L><Key>a&amp;b&#34;&#x27;&lt;&unknown;</Key><Key/><Key></Key><Key>cut";
    EXPECT_EQ(xml_texts(document, "Key"), (std::vector<std::string>{"a&b\"'<&unknown;", ""}));
    EXPECT_EQ(xml_text(document, "None"), std::nullopt);
    EXPECT_EQ(xml_escape("<a & \"b\">'"), "&lt;a &amp; &quot;b&quot;&gt;&apos;");
}

}  // namespace
}  // namespace aircheck::storage
