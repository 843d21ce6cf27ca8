// What Azure does on a bad day. That requests are right is for azure_azurite_test.cpp to show.
#include "storage/azure_client.hpp"

#include "core/temp_folder_testing.hpp"
#include "net/url.hpp"
#include "storage/http_date.hpp"
#include "storage/scripted_store_test.hpp"
#include "storage/upload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
Reply error(int status, const std::string& code, const std::string& headers = {}) {
    return answer(
        status,
        "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>m</Message></Error>",
        headers
    );
}
Reply hang_up() { return {0, {}, {}, Reply::Delivery::HangUp}; }
Reply stored() { return answer(201, {}, "ETag: \"0x8D\"\r\n"); }
Reply object(int size, const std::string& egress_id) {
    return answer(
        200,
        {},
        "ETag: \"0x8D\"\r\nContent-Length: " + std::to_string(size) +
            "\r\nx-ms-meta-egress_id: " + egress_id + "\r\n"
    );
}

class AzureClientScript : public ::testing::Test {
protected:
    Result<std::string> put(
        ScriptedStore& store, ObjectStore::IfTaken if_taken = ObjectStore::IfTaken::Overwrite
    ) {
        auto client = AzureClient::create(store.azure_destination(), http_).value();
        return client.put_object("k", "0123456789", {"text/plain", "EG_1", if_taken});
    }
    net::HttpClient http_;
};

TEST_F(AzureClientScript, TriesAgainWhatPasses) {
    const Reply passing[] = {
        error(500, "InternalError"),
        error(503, "ServerBusy"),
        error(500, "OperationTimedOut"),
        error(409, "ContainerBeingDeleted"),
        answer(429),
        answer(408),
        hang_up(),
    };
    for (const Reply& reply : passing) {
        ScriptedStore store({reply, reply, stored()});
        const auto etag = put(store);
        ASSERT_TRUE(etag) << reply.status << " " << reply.body << etag.error().to_string();
        EXPECT_EQ(*etag, "0x8D");
        EXPECT_EQ(store.lines().size(), 3u);
    }
    ScriptedStore never({error(503, "ServerBusy"), error(503, "ServerBusy"), answer(503), stored()}
    );
    EXPECT_EQ(put(never).error().code, Errc::Unavailable);
    EXPECT_EQ(never.lines().size(), 3u);
}

TEST_F(AzureClientScript, DoesNotRepeatWhatStaysWrong) {
    struct {
        Reply reply;
        Errc code;
        const char* words;
    } const rows[] = {
        {error(404, "ContainerNotFound"), Errc::NotFound, "no such container (container_name)"},
        {error(403, "AuthenticationFailed"), Errc::PermissionDenied, "(account_key)"},
        {error(403, "AuthorizationPermissionMismatch"), Errc::PermissionDenied, "right to write"},
        {error(403, "AccountIsDisabled"), Errc::PermissionDenied, "disabled"},
        {error(403, "KeyBasedAuthenticationNotPermitted"), Errc::PermissionDenied, "no keys"},
        {error(400, "InvalidResourceName"), Errc::InvalidArgument, "(container_name)"},
        {error(409, "BlobImmutableDueToPolicy"), Errc::PermissionDenied, "policy"},
        {error(403, "Strange"), Errc::PermissionDenied, "Strange (m)"},
        {answer(403), Errc::PermissionDenied, "access denied"},
        {answer(302, "<html>"), Errc::Failed, "HTTP 302"},
    };
    for (const auto& row : rows) {
        ScriptedStore store({row.reply, stored()});
        const auto etag = put(store);
        ASSERT_FALSE(etag) << row.words;
        EXPECT_EQ(etag.error().code, row.code) << etag.error().to_string();
        EXPECT_THAT(etag.error().to_string(), HasSubstr(row.words));
        EXPECT_THAT(
            etag.error().to_string(), HasSubstr("container \"bucket\" of \"account\": store k")
        );
        EXPECT_THAT(etag.error().to_string(), Not(HasSubstr("c2VjcmV0")));
        EXPECT_EQ(store.lines().size(), 1u) << row.words;
    }
}

TEST_F(AzureClientScript, CredentialsThatMayOnlyWriteHaveAccess) {
    const std::pair<Reply, std::string> rows[] = {
        {answer(200, "<EnumerationResults><NextMarker/></EnumerationResults>"), ""},
        {error(403, "AuthorizationPermissionMismatch"), ""},
        {error(403, "AuthenticationFailed"), "(account_key)"},
        {error(404, "ContainerNotFound"), "no such container"},
    };
    for (const auto& [reply, refusal] : rows) {
        ScriptedStore store({reply});
        auto client = AzureClient::create(store.azure_destination(), http_).value();
        const auto access = client.check_access();
        ASSERT_EQ(access.has_value(), refusal.empty()) << reply.body;
        EXPECT_THAT(access ? "" : access.error().to_string(), HasSubstr(refusal));
    }
}

TEST_F(AzureClientScript, LearnsTheStoresClock) {
    const auto noon = [] { return parse_iso8601("2026-01-01T12:00:00Z").value(); };
    const std::string date = "Date: Thu, 01 Jan 2026 15:00:00 GMT\r\n";
    ScriptedStore store({error(403, "AuthenticationFailed", date), stored(), stored()});
    auto client = AzureClient::create(store.azure_destination(), http_, noon).value();
    ASSERT_TRUE(client.put_object("k", "x", {}));
    ASSERT_TRUE(client.put_object("k", "x", {}));
    EXPECT_THAT(store.requests()[0].headers, HasSubstr("x-ms-date: thu, 01 jan 2026 12:00:00 gmt"));
    EXPECT_THAT(store.requests()[1].headers, HasSubstr("x-ms-date: thu, 01 jan 2026 15:00:00 gmt"));
    EXPECT_THAT(store.requests()[2].headers, HasSubstr("x-ms-date: thu, 01 jan 2026 15:00:00 gmt"));
}

TEST_F(AzureClientScript, ALostAnswerIsNoTakenName) {
    ScriptedStore ours({hang_up(), error(409, "BlobAlreadyExists"), object(10, "EG_1")});
    EXPECT_TRUE(put(ours, ObjectStore::IfTaken::Refuse));
    EXPECT_THAT(ours.requests()[0].headers, HasSubstr("if-none-match: *"));
    ScriptedStore others({error(409, "BlobAlreadyExists"), object(10, "EG_2")});
    EXPECT_EQ(put(others, ObjectStore::IfTaken::Refuse).error().code, Errc::AlreadyExists);

    const std::vector<Part> parts = {{1, 6, "aWQx"}, {2, 4, "aWQy"}};
    const auto complete = [&](ScriptedStore& store) {
        auto client = AzureClient::create(store.azure_destination(), http_).value();
        return client.complete_multipart(
            "k", "u", parts, {"", "EG_1", ObjectStore::IfTaken::Refuse}
        );
    };
    ScriptedStore completed({hang_up(), error(400, "InvalidBlockList"), object(10, "EG_1")});
    EXPECT_TRUE(complete(completed));
    EXPECT_THAT(
        completed.requests()[0].body,
        HasSubstr("<BlockList><Latest>aWQx</Latest><Latest>aWQy</Latest></BlockList>")
    );
    ScriptedStore gone({error(400, "InvalidBlockList"), answer(404)});
    EXPECT_EQ(complete(gone).error().code, Errc::NotFound);
}

TEST_F(AzureClientScript, ASasIsSentAsItIsAndSignsNothing) {
    ScriptedStore store({stored(), error(403, "AuthenticationFailed")});
    AzureDestination destination = store.azure_destination();
    destination.account_key.clear();
    destination.sas_token = "?sv=2022-11-02&sp=cw&sig=a%2Bb%3D";
    auto client = AzureClient::create(destination, http_).value();
    ASSERT_TRUE(client.put_object("k", "x", {}));
    EXPECT_THAT(store.lines(), ElementsAre("PUT /bucket/k?sig=a%2Bb%3D&sp=cw&sv=2022-11-02"));
    EXPECT_THAT(store.requests()[0].headers, Not(HasSubstr("authorization:")));
    const auto refused = client.put_object("k", "x", {});
    EXPECT_THAT(refused.error().to_string(), HasSubstr("(sas_token)"));
    EXPECT_THAT(refused.error().to_string(), Not(HasSubstr("sig")));
    const auto link = presign_get(destination, "k", 60s, {}, wall_now());
    ASSERT_FALSE(link);
    EXPECT_EQ(link.error().code, Errc::Unsupported);
}

TEST_F(AzureClientScript, UploadSendsTheFirstBlockLast) {
    const tests::TempFolder folder;
    tests::write_file(folder / "b", std::string(12'000'000, 'b'));
    ScriptedStore store(
        {answer(404),
         answer(200, "<EnumerationResults/>"),
         stored(),
         stored(),
         stored(),
         stored(),
         object(12'000'004, "EG_1")}
    );
    UploadSpec spec{"k", "video/mp4", "EG_1", folder / "b"};
    const auto upload = UploadSession::create(store.azure_destination(), spec, http_).value();
    ASSERT_TRUE(upload->advance(11'000'000));
    EXPECT_THAT(upload->checkpoint(), Not(HasSubstr("c2VjcmV0")));
    const auto done = upload->complete(as_bytes("HEAD"), 12'000'000);
    ASSERT_TRUE(done) << done.error().to_string();
    const auto requests = store.requests();
    ASSERT_EQ(requests.size(), 7u);
    EXPECT_EQ(requests[2].body.size(), 5u << 20);
    EXPECT_EQ(requests[3].body.size(), 12'000'000u - (10u << 20));
    EXPECT_TRUE(requests[4].body.starts_with("HEADbbb"));
    EXPECT_EQ(store.lines()[5], "PUT /bucket/k?comp=blocklist");
    EXPECT_THAT(requests[5].headers, HasSubstr("if-none-match: *"));
    EXPECT_THAT(requests[5].headers, HasSubstr("x-ms-blob-content-type: video/mp4"));
    // Base64 of ids of one length, in the list in the object's order.
    const auto id_of = [&](std::size_t at) {
        const std::string line = store.lines()[at];
        const std::size_t begin = line.find("blockid=") + 8;
        return net::percent_decode(line.substr(begin, line.find('&', begin) - begin));
    };
    EXPECT_EQ(id_of(2).size(), id_of(4).size());
    EXPECT_THAT(
        requests[5].body,
        HasSubstr(
            "<Latest>" + id_of(4) + "</Latest><Latest>" + id_of(2) + "</Latest><Latest>" +
            id_of(3) + "</Latest>"
        )
    );
}

}  // namespace
}  // namespace aircheck::storage
