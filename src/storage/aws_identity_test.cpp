// Where S3's keys come from; the roles themselves are tried on a real MinIO (s3_minio_test.cpp).
#include "storage/aws_identity.hpp"

#include "core/temp_folder_testing.hpp"
#include "storage/s3_client.hpp"
#include "storage/scripted_store_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

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
Reply role_keys(const std::string& key) {
    return answer(
        200,
        "<AssumeRoleResponse><AccessKeyId>" + key +
            "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
            "<Expiration>2026-01-01T13:00:00Z</Expiration></AssumeRoleResponse>"
    );
}
Reply json_keys(const std::string& key) {
    return answer(
        200,
        R"({"AccessKeyId":")" + key +
            R"(","SecretAccessKey":"s","Token":"t","Expiration":"2026-01-01T13:00:00Z"})"
    );
}

WallTime noon() { return parse_iso8601("2026-01-01T12:00:00Z").value(); }

/// Without anything that the machine which tests may have of its own.
class AwsIdentity : public ::testing::Test {
protected:
    void SetUp() override {
        for (const char* name :
             {"AWS_ACCESS_KEY_ID",
              "AWS_SECRET_ACCESS_KEY",
              "AWS_SESSION_TOKEN",
              "AWS_ROLE_ARN",
              "AWS_ROLE_SESSION_NAME",
              "AWS_WEB_IDENTITY_TOKEN_FILE",
              "AWS_PROFILE",
              "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
              "AWS_CONTAINER_CREDENTIALS_FULL_URI",
              "AWS_CONTAINER_AUTHORIZATION_TOKEN",
              "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
              "AWS_EC2_METADATA_SERVICE_ENDPOINT",
              "AWS_ENDPOINT_URL_STS"}) {
            unsetenv(name);
        }
        set("AWS_EC2_METADATA_DISABLED", "true");
        set("AWS_SHARED_CREDENTIALS_FILE", folder_ / "credentials");
        set("AWS_CONFIG_FILE", folder_ / "config");
    }
    void TearDown() override {
        for (const std::string& name : set_) unsetenv(name.c_str());
    }
    void set(const std::string& name, const std::string& value) {
        setenv(name.c_str(), value.c_str(), 1);
        set_.push_back(name);
    }
    /// Each test's own, since keys are kept for the whole process.
    static S3Destination machine_bucket(const std::string& sts, const std::string& bucket) {
        S3Destination destination;
        destination.bucket = bucket;
        destination.region = bucket;
        destination.sts_endpoint = sts;
        destination.retry = {1, std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
        return destination;
    }
    Result<AwsCredentials> keys(const S3Destination& destination) {
        forget_aws_credentials(destination);
        return aws_credentials(destination, http_, noon());
    }

    tests::TempFolder folder_;
    net::HttpClient http_;

private:
    std::vector<std::string> set_;
};

TEST_F(AwsIdentity, GivenKeysAreTheKeys) {
    S3Destination destination;
    destination.access_key = "given";
    destination.secret = "s";
    destination.session_token = "t";
    set("AWS_ACCESS_KEY_ID", "other");
    set("AWS_SECRET_ACCESS_KEY", "other");
    const auto found = keys(destination).value();
    EXPECT_EQ(found.keys.access_key, "given");
    EXPECT_EQ(found.keys.session_token, "t");
    EXPECT_FALSE(found.expires);
    destination.access_key.clear();
    destination.secret.clear();
    EXPECT_EQ(keys(destination)->keys.access_key, "other");
}

TEST_F(AwsIdentity, ARoleIsAssumedOnceAndAnewBeforeItEnds) {
    ScriptedStore sts({role_keys("ASIA1"), role_keys("ASIA2")});
    S3Destination destination = machine_bucket(sts.endpoint(), "assumed");
    destination.access_key = "AKIA";
    destination.secret = "s";
    destination.assume_role_arn = "arn:aws:iam::1:role/writer";
    destination.assume_role_external_id = "ext&1";
    EXPECT_EQ(keys(destination)->keys.access_key, "ASIA1");
    const auto at = [&](std::string_view time) {
        return aws_credentials(destination, http_, parse_iso8601(time).value())->keys.access_key;
    };
    EXPECT_EQ(at("2026-01-01T12:54:00Z"), "ASIA1");
    EXPECT_EQ(at("2026-01-01T12:56:00Z"), "ASIA2");
    ASSERT_EQ(sts.requests().size(), 2u);
    const auto asked = sts.requests()[0];
    EXPECT_EQ(sts.lines()[0], "POST /");
    for (const char* words :
         {"Action=AssumeRole&",
          "ExternalId=ext%261",
          "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fwriter",
          "RoleSessionName=aircheck"}) {
        EXPECT_THAT(asked.body, HasSubstr(words));
    }
    EXPECT_THAT(asked.headers, HasSubstr("credential=akia/20260101/assumed/sts/aws4_request"));
}

TEST_F(AwsIdentity, ARoleThatIsRefusedSaysWhatToLookAt) {
    ScriptedStore sts(
        {answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")}
    );
    S3Destination destination = machine_bucket(sts.endpoint(), "refused");
    destination.access_key = "AKIA";
    destination.secret = "hunter2";
    destination.assume_role_arn = "arn:aws:iam::1:role/writer";
    destination.assume_role_external_id = "hunter3";
    const auto refused = keys(destination);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::PermissionDenied);
    EXPECT_THAT(refused.error().to_string(), HasSubstr("role/writer"));
    EXPECT_THAT(refused.error().to_string(), HasSubstr("assume_role_external_id"));
    EXPECT_THAT(refused.error().to_string(), Not(HasSubstr("hunter")));
}

TEST_F(AwsIdentity, OfAPodIsItsWebIdentity) {
    ScriptedStore sts({role_keys("ASIAweb")});
    tests::write_file(folder_ / "token", "eyJ.pod\n");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", folder_ / "token");
    set("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod");
    EXPECT_EQ(keys(machine_bucket(sts.endpoint(), "web"))->keys.access_key, "ASIAweb");
    const auto asked = sts.requests()[0];
    EXPECT_THAT(asked.body, HasSubstr("Action=AssumeRoleWithWebIdentity"));
    EXPECT_THAT(asked.body, HasSubstr("WebIdentityToken=eyJ.pod"));
    EXPECT_THAT(asked.headers, Not(HasSubstr("authorization:")));
    set("AWS_WEB_IDENTITY_TOKEN_FILE", folder_ / "none");
    EXPECT_THAT(
        keys(machine_bucket(sts.endpoint(), "web")).error().to_string(),
        HasSubstr("AWS_WEB_IDENTITY_TOKEN_FILE")
    );
}

TEST_F(AwsIdentity, OfAPersonAreTheSharedProfiles) {
    ScriptedStore sts({role_keys("ASIArole")});
    tests::write_file(
        folder_ / "credentials",
        "# mine\n[default]\naws_access_key_id = AKIAdefault\naws_secret_access_key=s\n"
        "[calls]\naws_access_key_id=AKIAcalls\naws_secret_access_key=s\naws_session_token=t\n"
    );
    tests::write_file(
        folder_ / "config",
        "[profile writer]\nrole_arn = arn:aws:iam::1:role/w\nsource_profile = calls\n"
        "external_id = x1\n"
    );
    const auto bucket = machine_bucket(sts.endpoint(), "profiles");
    EXPECT_EQ(keys(bucket)->keys.access_key, "AKIAdefault");
    set("AWS_PROFILE", "calls");
    EXPECT_EQ(keys(bucket)->keys.session_token, "t");
    set("AWS_PROFILE", "writer");
    EXPECT_EQ(keys(bucket)->keys.access_key, "ASIArole");
    EXPECT_THAT(sts.requests()[0].headers, HasSubstr("credential=akiacalls/"));
    EXPECT_THAT(sts.requests()[0].body, HasSubstr("ExternalId=x1"));
    set("AWS_PROFILE", "nobody");
    EXPECT_THAT(keys(bucket).error().to_string(), HasSubstr("nobody (AWS_PROFILE)"));
}

TEST_F(AwsIdentity, OfAContainerAreWhatItsAgentSays) {
    ScriptedStore agent({json_keys("ASIAtask")});
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.endpoint() + "/v1/credentials");
    tests::write_file(folder_ / "token", "pod-token\n");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", folder_ / "token");
    const auto found = keys(machine_bucket("", "container")).value();
    EXPECT_EQ(found.keys.access_key, "ASIAtask");
    EXPECT_EQ(found.keys.session_token, "t");
    EXPECT_EQ(found.expires, parse_iso8601("2026-01-01T13:00:00Z").value());
    EXPECT_THAT(agent.lines(), ElementsAre("GET /v1/credentials"));
    EXPECT_THAT(agent.requests()[0].headers, HasSubstr("authorization: pod-token"));
}

TEST_F(AwsIdentity, OfAnInstanceAreItsRoles) {
    ScriptedStore metadata(
        {answer(200, "imds-token"), answer(200, "ec2-role\n"), json_keys("ASIAec2")}
    );
    set("AWS_EC2_METADATA_DISABLED", "false");
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint() + "/");
    EXPECT_EQ(keys(machine_bucket("", "instance"))->keys.access_key, "ASIAec2");
    EXPECT_THAT(
        metadata.lines(),
        ElementsAre(
            "PUT /latest/api/token",
            "GET /latest/meta-data/iam/security-credentials/",
            "GET /latest/meta-data/iam/security-credentials/ec2-role"
        )
    );
    EXPECT_THAT(metadata.requests()[2].headers, HasSubstr("x-aws-ec2-metadata-token: imds-token"));
}

TEST_F(AwsIdentity, NoneAtAllIsSaid) {
    const auto none = keys(machine_bucket("", "nothing"));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::InvalidArgument);
    EXPECT_THAT(none.error().to_string(), HasSubstr("\"nothing\" has no credentials"));
}

TEST_F(AwsIdentity, KeysThatWereTakenBackAreAskedForAnew) {
    ScriptedStore sts({role_keys("ASIA1"), role_keys("ASIA2")});
    ScriptedStore store(
        {answer(400, "<Error><Code>ExpiredToken</Code></Error>"),
         answer(200, {}, "ETag: \"e\"\r\n")}
    );
    S3Destination destination = store.destination();
    destination.sts_endpoint = sts.endpoint();
    destination.assume_role_arn = "arn:aws:iam::1:role/taken-back";
    auto client = S3Client::create(destination, http_, noon).value();
    const auto stored = client.put_object("k", "x", {});
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_THAT(store.requests()[0].headers, HasSubstr("credential=asia1/"));
    EXPECT_THAT(store.requests()[1].headers, HasSubstr("credential=asia2/"));
    EXPECT_THAT(store.requests()[1].headers, HasSubstr("x-amz-security-token: t"));
}

TEST_F(AwsIdentity, WhatObjectsAreStoredWithGoesWithThem) {
    ScriptedStore store(
        {answer(200, {}, "ETag: \"e\"\r\n"),
         answer(200, "<R><UploadId>u</UploadId></R>"),
         answer(200, {}, "ETag: \"e\"\r\n"),
         answer(200, {}, "ETag: \"e\"\r\n")}
    );
    S3Destination destination = store.destination();
    destination.storage_class = "STANDARD_IA";
    destination.encryption = "aws:kms";
    destination.kms_key_id = "arn:aws:kms:x:1:key/k";
    destination.lock_mode = "COMPLIANCE";
    destination.lock_days = 30;
    destination.legal_hold = S3Destination::LegalHold::On;
    auto client = S3Client::create(destination, http_, noon).value();
    ASSERT_TRUE(client.put_object("k", "x", {}));
    ASSERT_TRUE(client.create_multipart("k", {}));
    for (const std::size_t at : {std::size_t{0}, std::size_t{1}}) {
        for (const char* header :
             {"x-amz-storage-class: standard_ia",
              "x-amz-server-side-encryption: aws:kms",
              "x-amz-server-side-encryption-aws-kms-key-id: arn:aws:kms:x:1:key/k",
              "x-amz-object-lock-mode: compliance",
              "x-amz-object-lock-retain-until-date: 2026-01-31t12:00:00z",
              "x-amz-object-lock-legal-hold: on"}) {
            EXPECT_THAT(store.requests()[at].headers, HasSubstr(header));
        }
    }
    EXPECT_THAT(store.requests()[0].headers, HasSubstr("content-md5: "));

    S3Destination own_key = store.destination();
    own_key.customer_key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    auto with_key = S3Client::create(own_key, http_, noon).value();
    ASSERT_TRUE(with_key.put_object("k", "x", {}));
    ASSERT_TRUE(with_key.upload_part("k", "u", 2, "x"));
    for (const std::size_t at : {std::size_t{2}, std::size_t{3}}) {
        const std::string headers = store.requests()[at].headers;
        EXPECT_THAT(headers, HasSubstr("-customer-algorithm: aes256"));
        // printf 01234567890123456789012345678901 | openssl md5 -binary | base64
        EXPECT_THAT(headers, HasSubstr("-customer-key-md5: kyvwgxoffj42a2u2gdwhwq=="));
    }
    const auto link = with_key.presign(LinkMethod::Get, "k", 60s, {}, noon());
    ASSERT_FALSE(link);
    EXPECT_EQ(link.error().code, Errc::Unsupported);
}

TEST_F(AwsIdentity, OptionsThatCannotBeAreNamed) {
    S3Destination good;
    good.bucket = "bucket";
    struct {
        void (*change)(S3Destination&);
        const char* words;
    } const rows[] = {
        {[](auto& d) { d.access_key = "k"; }, "belong together"},
        {[](auto& d) { d.assume_role_arn = "writer"; }, "assume_role_arn"},
        {[](auto& d) { d.assume_role_external_id = "x"; }, "without a role"},
        {[](auto& d) { d.encryption = "rot13"; }, "encryption"},
        {[](auto& d) { d.kms_key_id = "k"; }, "kms_key_id"},
        {[](auto& d) { d.customer_key = "c2hvcnQ="; }, "customer_key"},
        {[](auto& d) { d.lock_mode = "FOREVER", d.lock_days = 1; }, "object_lock.mode"},
        {[](auto& d) { d.lock_mode = "GOVERNANCE"; }, "object_lock.days"},
        {[](auto& d) { d.storage_class = "a\nb"; }, "storage_class"},
    };
    EXPECT_TRUE(S3Client::create(good, http_));
    for (const auto& row : rows) {
        S3Destination destination = good;
        row.change(destination);
        const auto client = S3Client::create(destination, http_);
        ASSERT_FALSE(client) << row.words;
        EXPECT_THAT(client.error().to_string(), HasSubstr(row.words));
    }
}

}  // namespace
}  // namespace aircheck::storage
