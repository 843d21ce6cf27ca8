// Which of several stores is in force, and what makes one.
#include "app/config.hpp"
#include "core/temp_folder_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::app {
namespace {

using testing::HasSubstr;
using testing::Not;

ConfigSources yaml(std::string text) {
    ConfigSources sources;
    sources.file = NamedText{"aircheck.yaml", std::move(text)};
    return sources;
}

/// The loaded configuration, or a failure that shows why there is none.
Config must_load(const ConfigSources& sources) {
    auto config = load(sources);
    if (!config) {
        ADD_FAILURE() << config.error().to_string();
        return {};
    }
    return *std::move(config);
}

TEST(Config, AzuresOwnVariablesMakeAStore) {
    ConfigSources sources;
    sources.environment = {
        {"AZURE_STORAGE_ACCOUNT", "ours"},
        {"AZURE_STORAGE_KEY", "a2V5"},
        {"AZURE_STORAGE_CONTAINER", "calls"}};
    const auto config = must_load(sources);
    ASSERT_TRUE(config.storage.azure);
    EXPECT_EQ(config.storage.azure->account_name, "ours");
    EXPECT_EQ(config.storage.azure->account_key.reveal(), "a2V5");
    EXPECT_EQ(config.storage.azure->container_name, "calls");
    EXPECT_THAT(print_config(config), Not(HasSubstr("a2V5")));
    EXPECT_THAT(print_config(config), Not(HasSubstr("s3:\n    bucket")));

    sources.environment = {
        {"AZURE_STORAGE_CONNECTION_STRING",
         "AccountName=ours;AccountKey=a2V5;EndpointSuffix=core.windows.net"},
        {"AZURE_STORAGE_CONTAINER", "calls"}};
    const auto connected = must_load(sources);
    EXPECT_EQ(connected.storage.azure->account_name, "ours");
    EXPECT_EQ(connected.storage.azure->account_key.reveal(), "a2V5");
    EXPECT_EQ(connected.storage.azure->endpoint, "");
    // One left over in the environment gives way to what the file says.
    sources.environment["AZURE_STORAGE_CONNECTION_STRING"] = "AccountName=other;AccountKey=b3Ro";
    sources.file = NamedText{"a.yaml", "storage: {azure: {account_name: ours, sas_token: sig=x}}"};
    const auto own = must_load(sources);
    EXPECT_EQ(own.storage.azure->account_name, "ours");
    EXPECT_EQ(own.storage.azure->sas_token.reveal(), "sig=x");
    // Without a container they set up nothing.
    sources = {};
    sources.environment = {{"AZURE_STORAGE_ACCOUNT", "ours"}};
    EXPECT_FALSE(must_load(sources).storage.has_store());
}

TEST(Config, GooglesVariablesMakeAStore) {
    ConfigSources sources;
    sources.environment = {
        {"GCP_BUCKET", "calls"}, {"GCP_CREDENTIALS_JSON", R"({"type": "hunter2"})"}};
    const auto config = must_load(sources);
    ASSERT_TRUE(config.storage.gcp);
    EXPECT_EQ(config.storage.gcp->bucket, "calls");
    EXPECT_EQ(config.storage.gcp->credentials_json.reveal(), R"({"type": "hunter2"})");
    EXPECT_THAT(print_config(config), Not(HasSubstr("hunter2")));
    EXPECT_TRUE(config.warnings.empty());
    // Google's own variable names a file.
    const tests::TempFolder folder;
    tests::write_file(folder / "key.json", "{\"from\": \"file\"}\n");
    sources.environment = {
        {"GCP_BUCKET", "calls"}, {"GOOGLE_APPLICATION_CREDENTIALS", folder / "key.json"}};
    EXPECT_EQ(must_load(sources).storage.gcp->credentials_json.reveal(), "{\"from\": \"file\"}\n");
    sources.environment = {{"GOOGLE_APPLICATION_CREDENTIALS", "/nowhere"}};
    EXPECT_FALSE(must_load(sources).storage.has_store()) << "without a bucket it sets up nothing";
}

TEST(Config, TheStoreAskedForWinsOverVariablesThatProgramsShare) {
    auto sources = yaml("storage: {azure: {account_name: a, account_key: k, container_name: c}}");
    sources.environment = {{"AWS_BUCKET", "b"}};
    const auto config = must_load(sources);
    EXPECT_FALSE(config.storage.s3);
    EXPECT_TRUE(config.storage.azure);
    ASSERT_EQ(config.warnings.size(), 1U);
    EXPECT_THAT(config.warnings[0], HasSubstr("AWS_BUCKET) has no effect beside storage.azure"));
    const auto both = must_load(
        yaml("storage: {s3: {bucket: b, access_key: k, secret: s}, azure: {container_name: c}}")
    );
    EXPECT_TRUE(both.storage.s3);
    EXPECT_FALSE(both.storage.azure);
    EXPECT_EQ(both.warnings.size(), 1U);
}

TEST(Config, LaterStorageBesideAUsableOneIsOnlyWarnedOf) {
    EXPECT_EQ(
        must_load(yaml("storage: {s3: {bucket: b, access_key: k, secret: s}, alioss: {bucket: x}}"))
            .warnings.size(),
        1U
    );
    EXPECT_EQ(
        must_load(yaml("storage: {local: {directory: /r}, alioss: {bucket: x}}")).warnings.size(),
        1U
    );
}

TEST(Config, ALocalFolderBesideABucketIsWarnedOf) {
    const auto config = must_load(
        yaml("storage:\n  s3: {bucket: b, access_key: k, secret: s}\n  local: {directory: /r}")
    );
    ASSERT_EQ(config.warnings.size(), 1U);
    EXPECT_THAT(config.warnings[0], HasSubstr("aircheck.yaml:3: storage.local.directory"));
    EXPECT_TRUE(must_load(yaml("storage: {local: {directory: /r}}")).warnings.empty());
}

TEST(Config, AGuidesGoogleBucketIsAStoreOfTheDotEnvToo) {
    ConfigSources sources;
    sources.dotenv =
        NamedText{".env", "GCP_CREDENTIALS_JSON={\"type\":\"service_account\"}\nGCP_BUCKET=b\n"};
    EXPECT_EQ(must_load(sources).storage.gcp->bucket, "b");
    sources.environment = {{"AWS_BUCKET", "b"}, {"AWS_ACCESS_KEY", "k"}, {"AWS_SECRET_KEY", "s"}};
    const auto both = must_load(sources);
    EXPECT_TRUE(both.storage.s3);
    EXPECT_FALSE(both.storage.gcp);
    ASSERT_EQ(both.warnings.size(), 1U);
    EXPECT_THAT(both.warnings[0], HasSubstr("GCP_BUCKET) has no effect beside storage.s3"));
}

}  // namespace
}  // namespace aircheck::app
