#include "control/secrets.hpp"

#include "core/temp_folder_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace aircheck::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SecretsKey : public ::testing::Test {
protected:
    [[nodiscard]] std::string path() const { return folder_ / "secrets.key"; }

    const tests::TempFolder folder_;
};

TEST_F(SecretsKey, IsMadeOnceForItsOwnerOnly) {
    const auto made = open_secrets_key(path());
    ASSERT_TRUE(made);
    EXPECT_EQ(made->size(), 32U);
    struct stat about {};
    ASSERT_EQ(stat(path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    EXPECT_EQ(open_secrets_key(path()).value(), *made);
    EXPECT_NE(open_secrets_key(folder_ / "other.key").value(), *made);
}

TEST_F(SecretsKey, NamesTheFileThatIsNone) {
    const std::string good(64, 'a');
    for (const std::string& text :
         {std::string(), good.substr(1), good + "a", std::string(64, 'g'), std::string(300, 'a')}) {
        std::ofstream(path(), std::ios::trunc) << text;
        const auto key = open_secrets_key(path());
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, Errc::InvalidArgument);
        EXPECT_THAT(key.error().context, HasSubstr(path()));
    }
    std::ofstream(path(), std::ios::trunc) << good << "\r\n";
    EXPECT_EQ(open_secrets_key(path()).value(), Bytes(32, 0xaa));
    const auto nowhere = open_secrets_key(folder_ / "none/secrets.key");
    ASSERT_FALSE(nowhere);
    EXPECT_THAT(nowhere.error().context, HasSubstr("/none/secrets.key"));
}

storage::S3Destination full_destination() {
    storage::S3Destination s3;
    s3.bucket = "calls";
    s3.region = "eu-west-1";
    s3.endpoint = "https://minio.example:9000";
    s3.access_key = "AKIAEXAMPLE";
    s3.secret = "wJalrXUtnFEMI/K7MDENG";
    s3.session_token = "FwoGZXIvYXdzE";
    s3.addressing = storage::S3Destination::Addressing::Path;
    s3.parts = storage::S3Destination::Parts::Equal;
    s3.prefix = "2026";
    s3.content_disposition = "attachment";
    s3.metadata = {{"team", "crm"}};
    s3.tagging = "a=1";
    s3.proxy = "http://user:hunter2@proxy:3128";
    s3.ca_file = "/etc/ca.pem";
    s3.reach = storage::S3Destination::Reach::PublicOnly;
    s3.assume_role_arn = "arn:aws:iam::1:role/w";
    s3.assume_role_external_id = "externalhunter";
    s3.sts_endpoint = "https://sts.example";
    s3.encryption = "aws:kms";
    s3.kms_key_id = "key";
    s3.customer_key = "customerhunter";
    s3.storage_class = "STANDARD_IA";
    s3.lock_mode = "GOVERNANCE";
    s3.lock_days = 7;
    s3.legal_hold = storage::S3Destination::LegalHold::On;
    return s3;
}

const Bytes kKey(32, 0x17);

TEST(KeptDestination, ComesBackWhole) {
    const auto s3 = full_destination();
    const auto kept = keep_destination(s3, kKey);
    const auto opened = open_destination(kept, kKey);
    ASSERT_TRUE(opened);
    const auto& back = std::get<storage::S3Destination>(*opened);
    EXPECT_EQ(back.bucket, s3.bucket);
    EXPECT_EQ(back.region, s3.region);
    EXPECT_EQ(back.endpoint, s3.endpoint);
    EXPECT_EQ(back.access_key, s3.access_key);
    EXPECT_EQ(back.secret, s3.secret);
    EXPECT_EQ(back.session_token, s3.session_token);
    EXPECT_EQ(back.addressing, s3.addressing);
    EXPECT_EQ(back.parts, s3.parts);
    EXPECT_EQ(back.prefix, s3.prefix);
    EXPECT_EQ(back.content_disposition, s3.content_disposition);
    EXPECT_EQ(back.metadata, s3.metadata);
    EXPECT_EQ(back.tagging, s3.tagging);
    EXPECT_EQ(back.proxy, s3.proxy);
    EXPECT_EQ(back.ca_file, s3.ca_file);
    EXPECT_EQ(back.reach, s3.reach);
    EXPECT_EQ(back.assume_role_arn, s3.assume_role_arn);
    EXPECT_EQ(back.assume_role_external_id, s3.assume_role_external_id);
    EXPECT_EQ(back.sts_endpoint, s3.sts_endpoint);
    EXPECT_EQ(back.encryption, s3.encryption);
    EXPECT_EQ(back.kms_key_id, s3.kms_key_id);
    EXPECT_EQ(back.customer_key, s3.customer_key);
    EXPECT_EQ(back.storage_class, s3.storage_class);
    EXPECT_EQ(back.lock_mode, s3.lock_mode);
    EXPECT_EQ(back.lock_days, s3.lock_days);
    EXPECT_EQ(back.legal_hold, s3.legal_hold);
}

TEST(KeptDestination, OfAzureComesBackWholeAndShowsNoSecret) {
    storage::AzureDestination azure;
    azure.account = "ourcalls";
    azure.container = "recordings";
    azure.endpoint = "https://ourcalls.blob.core.windows.net";
    azure.account_key = "aHVudGVyMg==";
    azure.sas_token = "sv=1&sig=hunter3";
    azure.prefix = "2026";
    azure.content_disposition = "attachment";
    azure.metadata = {{"team", "crm"}};
    azure.proxy = "http://user:hunter4@proxy:3128";
    azure.ca_file = "/etc/ca.pem";
    azure.reach = storage::StoreNetwork::Reach::PublicAndPrivate;
    const auto kept = keep_destination(azure, kKey);
    for (const char* secret : {"aHVudGVyMg", "hunter3", "hunter4"}) {
        EXPECT_THAT(kept.json + std::string(as_text(kept.sealed)), Not(HasSubstr(secret)));
    }
    const auto opened = open_destination(kept, kKey);
    ASSERT_TRUE(opened) << opened.error().to_string();
    const auto& back = std::get<storage::AzureDestination>(*opened);
    EXPECT_EQ(back.account, azure.account);
    EXPECT_EQ(back.container, azure.container);
    EXPECT_EQ(back.endpoint, azure.endpoint);
    EXPECT_EQ(back.account_key, azure.account_key);
    EXPECT_EQ(back.sas_token, azure.sas_token);
    EXPECT_EQ(back.prefix, azure.prefix);
    EXPECT_EQ(back.content_disposition, azure.content_disposition);
    EXPECT_EQ(back.metadata, azure.metadata);
    EXPECT_EQ(back.proxy, azure.proxy);
    EXPECT_EQ(back.ca_file, azure.ca_file);
    EXPECT_EQ(back.reach, azure.reach);
}

TEST(KeptDestination, OfGcsComesBackWholeAndShowsNoSecret) {
    storage::GcsDestination gcs;
    gcs.bucket = "calls";
    gcs.credentials = R"({"private_key":"hunter2"})";
    gcs.endpoint = "https://storage.example";
    gcs.metadata_host = "169.254.169.254";
    gcs.prefix = "2026";
    gcs.content_disposition = "attachment";
    gcs.metadata = {{"team", "crm"}};
    gcs.proxy = "http://user:hunter3@proxy:3128";
    const auto kept = keep_destination(gcs, kKey);
    for (const char* secret : {"hunter2", "hunter3"}) {
        EXPECT_THAT(kept.json + std::string(as_text(kept.sealed)), Not(HasSubstr(secret)));
    }
    const auto opened = open_destination(kept, kKey);
    ASSERT_TRUE(opened) << opened.error().to_string();
    const auto& back = std::get<storage::GcsDestination>(*opened);
    EXPECT_EQ(back.bucket, gcs.bucket);
    EXPECT_EQ(back.credentials, gcs.credentials);
    EXPECT_EQ(back.endpoint, gcs.endpoint);
    EXPECT_EQ(back.metadata_host, gcs.metadata_host);
    EXPECT_EQ(back.prefix, gcs.prefix);
    EXPECT_EQ(back.content_disposition, gcs.content_disposition);
    EXPECT_EQ(back.metadata, gcs.metadata);
    EXPECT_EQ(back.proxy, gcs.proxy);
}

TEST(KeptDestination, ShowsNoSecret) {
    const auto kept = keep_destination(full_destination(), kKey);
    const std::string all = kept.json + std::string(as_text(kept.sealed));
    for (const char* secret :
         {"AKIAEXAMPLE",
          "wJalrXUtnFEMI",
          "FwoGZXIvYXdzE",
          "hunter2",
          "externalhunter",
          "customerhunter"}) {
        EXPECT_THAT(all, Not(HasSubstr(secret)));
    }
    EXPECT_THAT(kept.json, HasSubstr("\"bucket\":\"calls\""));
    // Sealed anew each time: equal destinations cannot be told by their bytes.
    EXPECT_NE(keep_destination(full_destination(), kKey).sealed, kept.sealed);
}

TEST(KeptDestination, IsRefusedWhenAnythingOfItsSecretsIsAnother) {
    const auto kept = keep_destination(full_destination(), kKey);
    EXPECT_EQ(open_destination(kept, Bytes(32, 0x18)).error().code, Errc::Malformed);
    for (std::size_t i = 0; i < kept.sealed.size(); i += 7) {
        auto tampered = kept;
        tampered.sealed[i] ^= 1;
        EXPECT_EQ(open_destination(tampered, kKey).error().code, Errc::Malformed) << i;
    }
    for (const std::string& json :
         {std::string(),
          std::string("[]"),
          std::string("{}"),
          std::string(R"({"kind":"s3"})"),
          std::string(R"({"kind":"other"})"),
          std::string(R"({"kind":"local"})"),
          kept.json.substr(1)}) {
        auto damaged = kept;
        damaged.json = json;
        EXPECT_EQ(open_destination(damaged, kKey).error().code, Errc::Malformed) << json;
    }
}

TEST(KeptDestination, NeedsNoKeyForAFolder) {
    const auto kept = keep_destination(storage::LocalDestination{"/srv/calls"}, {});
    EXPECT_TRUE(kept.sealed.empty());
    const auto opened = open_destination(kept, {});
    EXPECT_EQ(std::get<storage::LocalDestination>(opened.value()).root, "/srv/calls");
    // A path is bytes, not text: kept as well as JSON can, and never thrown at.
    EXPECT_TRUE(open_destination(keep_destination(storage::LocalDestination{"/\xff"}, {}), {}));
}

std::vector<notify::Receiver> two_receivers() {
    notify::Receiver own;
    own.url = "https://hooks.example/x?token=t0psecret";
    own.signing_key = "crm";
    own.exclude_events = {"egress_updated"};
    notify::Receiver rules;
    rules.url = "https://n8n.example/flow";
    rules.format = notify::Format::Flat;
    rules.include_events = {"egress_ended"};
    rules.headers = {{"X-Key", "hunter2"}};
    rules.also_for_bus = true;
    rules.only_when_named = true;
    return {own, rules};
}

TEST(KeptReceivers, ComeBackWhole) {
    const auto receivers = two_receivers();
    const auto back = open_receivers(keep_receivers(receivers, "EG_1", kKey), "EG_1", kKey).value();
    ASSERT_EQ(back.size(), 2U);
    for (std::size_t i = 0; i < back.size(); ++i) {
        EXPECT_TRUE(notify::same_letters(back[i], receivers[i])) << i;  // URL, format, headers, key
        EXPECT_EQ(back[i].include_events, receivers[i].include_events);
        EXPECT_EQ(back[i].exclude_events, receivers[i].exclude_events);
        EXPECT_EQ(back[i].also_for_bus, receivers[i].also_for_bus);
        EXPECT_EQ(back[i].only_when_named, receivers[i].only_when_named);
    }
    EXPECT_TRUE(keep_receivers({}, "EG_1", kKey).empty());
    EXPECT_TRUE(open_receivers({}, "EG_1", kKey).value().empty());
}

TEST(KeptReceivers, ShowNothingAndOpenForTheirOwnRecordingOnly) {
    const Bytes kept = keep_receivers(two_receivers(), "EG_1", kKey);
    for (const char* secret : {"t0psecret", "hooks.example", "hunter2"}) {
        EXPECT_THAT(std::string(as_text(kept)), Not(HasSubstr(secret)));
    }
    EXPECT_EQ(open_receivers(kept, "EG_2", kKey).error().code, Errc::Malformed);
    EXPECT_EQ(open_receivers(kept, "EG_1", Bytes(32, 0x18)).error().code, Errc::Malformed);
    Bytes tampered = kept;
    tampered.back() ^= 1;
    EXPECT_EQ(open_receivers(tampered, "EG_1", kKey).error().code, Errc::Malformed);
}

}  // namespace
}  // namespace aircheck::control
