// What Google Cloud Storage does on a bad day. That requests are right is for
// upload_contract_test.cpp to show.
#include "storage/gcs_client.hpp"

#include "tests/support/gcs_key.hpp"

#include "net/url.hpp"
#include "storage/gcs_address.hpp"
#include "storage/http_date.hpp"
#include "storage/scripted_store_test.hpp"
#include "storage/upload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace aircheck::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedStore;
using Reply = ScriptedStore::Reply;

Reply answer(int status, std::string body = {}, std::string headers = {}) {
    return {status, std::move(body), std::move(headers), Reply::Delivery::Answer};
}
Reply error(int status, const std::string& message = "m") {
    return answer(
        status,
        R"({"error":{"code":)" + std::to_string(status) + R"(,"message":")" + message + "\"}}"
    );
}
Reply hang_up() { return {0, {}, {}, Reply::Delivery::HangUp}; }
Reply token(const std::string& text = "t1") {
    return answer(200, R"({"access_token":")" + text + R"(","expires_in":3599})");
}
Reply stored() { return answer(200, R"({"etag":"CJ=","size":"10"})"); }
Reply object(int size, const std::string& egress_id) {
    return answer(
        200,
        R"({"size":")" + std::to_string(size) + R"(","etag":"CJ=","metadata":{"egress-id":")" +
            egress_id + "\"}}"
    );
}

class GcsClientScript : public ::testing::Test {
protected:
    static GcsDestination destination(const ScriptedStore& store) {
        GcsDestination gcs;
        gcs.bucket = "bucket";
        gcs.endpoint = store.endpoint();
        gcs.credentials = tests::gcs_credentials(store.endpoint() + "/token");
        gcs.retry = {2, std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
        return gcs;
    }
    Result<std::string> put(
        const ScriptedStore& store, ObjectStore::IfTaken if_taken = ObjectStore::IfTaken::Overwrite
    ) {
        auto client = GcsClient::create(destination(store), http_).value();
        return client.put_object("k", "0123456789", {"text/plain", "EG_1", if_taken});
    }
    net::HttpClient http_;
};

TEST_F(GcsClientScript, TriesAgainWhatPasses) {
    for (const Reply& reply : {error(500), error(503), error(429), answer(408), hang_up()}) {
        ScriptedStore store({token(), reply, reply, stored()});
        const auto etag = put(store);
        ASSERT_TRUE(etag) << reply.status << etag.error().to_string();
        EXPECT_EQ(*etag, "CJ=");
        EXPECT_EQ(store.lines().size(), 4u) << "one token is enough";
    }
    ScriptedStore slow_token({error(503), hang_up(), token(), stored()});
    EXPECT_TRUE(put(slow_token));
}

TEST_F(GcsClientScript, RenewsATokenThatIsNotTaken) {
    ScriptedStore store({token(), error(401), token("t2"), stored()});
    ASSERT_TRUE(put(store));
    EXPECT_THAT(store.requests()[1].headers, HasSubstr("authorization: bearer t1"));
    EXPECT_THAT(store.requests()[3].headers, HasSubstr("authorization: bearer t2"));
    ScriptedStore never({token(), error(401), token("t2"), error(401), stored()});
    const auto refused = put(never);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().to_string(), HasSubstr("(credentials)"));
}

TEST_F(GcsClientScript, LearnsGooglesClock) {
    const auto noon = [] { return parse_iso8601("2026-01-01T12:00:00Z").value(); };
    ScriptedStore store(
        {answer(
             400,
             R"({"error":"invalid_grant","error_description":"Invalid JWT: iat"})",
             "Date: Thu, 01 Jan 2026 09:00:00 GMT\r\n"
         ),
         token(),
         stored()}
    );
    auto client = GcsClient::create(destination(store), http_, noon).value();
    ASSERT_TRUE(client.put_object("k", "x", {}));
    const std::string body = store.requests()[1].body;
    const std::string claims = body.substr(body.find('.') + 1);
    const auto bytes = from_base64(claims.substr(0, claims.find('.'))).value();
    const auto said = nlohmann::json::parse(as_text(bytes));
    EXPECT_EQ(said["iat"], 1767258000) << "date -ud 2026-01-01T09:00:00Z +%s";
    EXPECT_EQ(said["exp"], 1767258000 + 3600);
    EXPECT_EQ(said["iss"], "ours@project.iam.gserviceaccount.com");
    EXPECT_EQ(said["aud"], store.endpoint() + "/token");
}

TEST_F(GcsClientScript, SaysInWordsWhatStaysWrong) {
    struct {
        std::vector<Reply> script;
        Errc code;
        const char* words;
    } const rows[] = {
        {{answer(400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})")},
         Errc::PermissionDenied,
         "invalid_grant Invalid JWT Signature. (HTTP 400) (credentials)"},
        {{token(), error(404, "The specified bucket does not exist.")},
         Errc::NotFound,
         "there is no such bucket (bucket)"},
        {{token(), error(403, "ours does not have storage.objects.create access")},
         Errc::PermissionDenied,
         "it takes storage.objects.create (ours does not"},
        {{token(), error(400, "Invalid argument.")}, Errc::InvalidArgument, "Invalid argument."},
        {{token(), answer(302, "<html>")}, Errc::Failed, "HTTP 302"},
    };
    for (const auto& row : rows) {
        ScriptedStore store(row.script);
        const auto etag = put(store);
        ASSERT_FALSE(etag) << row.words;
        EXPECT_EQ(etag.error().code, row.code) << etag.error().to_string();
        EXPECT_THAT(etag.error().to_string(), HasSubstr(row.words));
        EXPECT_THAT(etag.error().to_string(), HasSubstr("GCS bucket \"bucket\": "));
        EXPECT_THAT(etag.error().to_string(), Not(HasSubstr("PRIVATE KEY")));
        EXPECT_EQ(store.lines().size(), row.script.size()) << row.words;
    }
}

TEST_F(GcsClientScript, ALostAnswerIsNoTakenName) {
    using IfTaken = ObjectStore::IfTaken;
    ScriptedStore ours({token(), hang_up(), error(412), object(10, "EG_1")});
    EXPECT_TRUE(put(ours, IfTaken::Refuse));
    EXPECT_THAT(ours.lines()[1], HasSubstr("ifGenerationMatch=0"));
    ScriptedStore others({token(), error(412), object(10, "EG_2")});
    EXPECT_EQ(put(others, IfTaken::Refuse).error().code, Errc::AlreadyExists);

    const std::vector<Part> parts = {{1, 6, "a"}, {2, 4, "b"}};
    const auto complete = [&](const ScriptedStore& store) {
        auto client = GcsClient::create(destination(store), http_).value();
        return client.complete_multipart("k", "u", parts, {"", "EG_1", IfTaken::Refuse});
    };
    const Reply no_upload = answer(404, "<Error><Code>NoSuchUpload</Code></Error>");
    ScriptedStore completed({token(), error(404), hang_up(), no_upload, object(10, "EG_1")});
    EXPECT_TRUE(complete(completed));
    ScriptedStore gone({token(), error(404), no_upload, error(404)});
    EXPECT_EQ(complete(gone).error().code, Errc::NotFound);
    // Parts know no conditions: the name is looked at before they are put together.
    ScriptedStore taken({token(), object(10, "EG_2")});
    EXPECT_EQ(complete(taken).error().code, Errc::AlreadyExists);
    ScriptedStore late_error(
        {token(),
         error(403),
         answer(200, "   <Error><Code>InternalError</Code></Error>"),
         answer(200, "<R><ETag>\"e\"</ETag></R>")}
    );
    EXPECT_EQ(complete(late_error).value(), "e");
}

TEST_F(GcsClientScript, TheMachinesAccountIsAskedOfItsMetadataServer) {
    ScriptedStore store({token(), stored(), token("t2")});
    GcsDestination gcs = destination(store);
    gcs.credentials.clear();
    gcs.metadata_host = store.endpoint().substr(7);
    auto client = GcsClient::create(gcs, http_).value();
    ASSERT_TRUE(client.put_object("k", "x", {}));
    EXPECT_EQ(store.lines()[0], "GET /computeMetadata/v1/instance/service-accounts/default/token");
    EXPECT_THAT(store.requests()[0].headers, HasSubstr("metadata-flavor: google"));
    const auto link = presign_get(gcs, "k", 60s, {}, wall_now());
    ASSERT_FALSE(link);
    EXPECT_EQ(link.error().code, Errc::Unsupported);
}

TEST(GcsCredentials, RefusesOthersWithoutShowingThem) {
    EXPECT_TRUE(parse_gcs_credentials(tests::gcs_credentials("")));
    EXPECT_EQ(
        parse_gcs_credentials(tests::gcs_credentials(""))->token_uri,
        "https://oauth2.googleapis.com/token"
    );
    const std::pair<std::string, const char*> rows[] = {
        {"hunter2", "no JSON object"},
        {R"({"type":"authorized_user","refresh_token":"hunter2"})", "\"authorized_user\""},
        {R"({"type":"service_account","private_key":"hunter2"})", "no client_email"},
        {R"({"type":"service_account","client_email":"a"})", "no private_key"},
        {R"({"type":"service_account","client_email":"a","private_key":"hunter2"})",
         "a private_key that is none"},
    };
    for (const auto& [text, words] : rows) {
        const auto parsed = parse_gcs_credentials(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Errc::InvalidArgument);
        EXPECT_THAT(parsed.error().to_string(), HasSubstr(words));
        EXPECT_THAT(parsed.error().to_string(), Not(HasSubstr("hunter2")));
    }
}

// Links up to their signature as googleapis/conformance-tests has them (storage/v1,
// v4_signatures.json); the signature itself is checked by the store of upload_contract_test.cpp.
TEST(GcsLink, IsGoogles) {
    GcsDestination destination;
    destination.bucket = "test-bucket";
    GcsKey key{
        "test-iam-credentials@dummy-project-id.iam.gserviceaccount.com",
        tests::rsa_private_key(),
        "",
        ""};
    const WallTime moment = parse_iso8601("2019-02-01T09:00:00Z").value();
    const std::string query =
        "?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-credentials%40dummy-project-"
        "id.iam.gserviceaccount.com%2F20190201%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date="
        "20190201T090000Z&X-Goog-Expires=10&X-Goog-SignedHeaders=host&X-Goog-Signature=";
    for (const auto& [name, path] : {
             std::pair("test-object", "test-object"),
             std::pair(
                 "path/with/slashes/under_score/amper&sand/file.ext",
                 "path/with/slashes/under_score/amper%26sand/file.ext"
             ),
         }) {
        const auto link =
            signed_gcs_link(destination, key, LinkMethod::Get, name, 10s, {}, moment).value();
        EXPECT_TRUE(link.starts_with(
            "https://storage.googleapis.com/test-bucket/" + std::string(path) + query
        )) << link;
    }
}

TEST(GcsAddress, NamesTheSettingThatCannotBe) {
    GcsDestination good;
    good.bucket = "our.calls_1";
    EXPECT_TRUE(check_destination(good));
    EXPECT_EQ(
        location_of(good, "a b/ü"), "https://storage.googleapis.com/our.calls_1/a%20b/%C3%BC"
    );
    struct {
        void (*change)(GcsDestination&);
        const char* words;
    } const rows[] = {
        {[](auto& d) { d.bucket = ""; }, "(bucket)"},
        {[](auto& d) { d.bucket = "../other"; }, "(bucket)"},
        {[](auto& d) { d.bucket = "Upper"; }, "(bucket)"},
        {[](auto& d) { d.endpoint = "ftp://x"; }, "(endpoint)"},
        {[](auto& d) { d.metadata["a b"] = "c"; }, "(metadata)"},
        {[](auto& d) { d.content_disposition = "a\nb"; }, "(content_disposition)"},
        {[](auto& d) { d.credentials = "{}"; }, "the credentials"},
    };
    for (const auto& row : rows) {
        GcsDestination destination = good;
        row.change(destination);
        const auto checked = check_destination(destination);
        ASSERT_FALSE(checked) << row.words;
        EXPECT_EQ(checked.error().code, Errc::InvalidArgument);
        EXPECT_THAT(checked.error().to_string(), HasSubstr(row.words));
    }
}

}  // namespace
}  // namespace aircheck::storage
