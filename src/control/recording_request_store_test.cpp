// Where a request lets its file go: its own S3, the configured store, and who may be reached.

#include "tests/support/gcs_key.hpp"

#include "control/recording_request_testing.hpp"

#include <gmock/gmock.h>

namespace aircheck::control {
namespace {

using nlohmann::json;
using testing::accepted;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::request_of;
using testing::s3;
using testing::sent;

TEST(CheckRequest, RefusesStoresThatAreNotHere) {
    const std::pair<const char*, const char*> stores[] = {
        {"aliOSS", R"({"bucket":"b","secret":"hidden"})"},
    };
    for (const auto& [name, store] : stores) {
        json file = {{"file_type", "MP4"}, {name, json::parse(store)}};
        const auto answer =
            check_request(request_of(sent({{"file_outputs", json::array({file})}})), {});
        ASSERT_FALSE(answer);
        EXPECT_THAT(answer.error().message, HasSubstr(std::string(name) + " storage"));
    }
}

json azure(const json& store) {
    const json file = {{"file_type", "MP4"}, {"azure", store}};
    return sent({{"file_outputs", json::array({file})}});
}

TEST(CheckRequest, TakesEveryFieldOfAzure) {
    RecordingDefaults defaults;
    defaults.ca_file = "/etc/ca.pem";
    defaults.retry.max_retries = 2;
    defaults.storage_prefix = "calls/";
    const auto request = accepted(
        azure({{"account_name", "theirs"}, {"account_key", "aGlkZGVu"}, {"container_name", "con"}}),
        defaults
    );
    const auto& store = std::get<storage::AzureDestination>(request.destination);
    EXPECT_EQ(store.account, "theirs");
    EXPECT_EQ(store.account_key, "aGlkZGVu");
    EXPECT_EQ(store.container, "con");
    EXPECT_EQ(store.endpoint, "");
    EXPECT_EQ(store.prefix, "calls/");
    EXPECT_EQ(store.ca_file, "/etc/ca.pem");
    EXPECT_EQ(store.retry.max_retries, 2);
    EXPECT_THAT(request.echo, Not(HasSubstr("aGlkZGVu")));
    EXPECT_THAT(request.echo, HasSubstr("{account_key}"));
}

TEST(CheckRequest, FillsAzureFromTheConfiguredAccount) {
    RecordingDefaults defaults;
    storage::AzureDestination own;
    own.account = "ours";
    own.container = "default";
    own.endpoint = "https://ours.blob.core.chinacloudapi.cn";
    own.account_key = "b3Vycw==";
    defaults.destination = own;
    for (const std::string account : {"", "ours"}) {
        const auto request =
            accepted(azure({{"account_name", account}, {"container_name", "con"}}), defaults);
        const auto& store = std::get<storage::AzureDestination>(request.destination);
        EXPECT_EQ(store.account, "ours");
        EXPECT_EQ(store.container, "con");
        EXPECT_EQ(store.account_key, "b3Vycw==");
        EXPECT_EQ(store.endpoint, own.endpoint);
    }
    const auto request = accepted(
        azure({{"account_name", "theirs"}, {"account_key", "aGlkZGVu"}, {"container_name", "con"}}),
        defaults
    );
    const auto& store = std::get<storage::AzureDestination>(request.destination);
    EXPECT_EQ(store.account_key, "aGlkZGVu");
    EXPECT_EQ(store.endpoint, "");
}

json gcp(const json& store) {
    const json file = {{"file_type", "MP4"}, {"gcp", store}};
    return sent({{"file_outputs", json::array({file})}});
}

TEST(CheckRequest, TakesEveryFieldOfGcp) {
    RecordingDefaults defaults;
    defaults.storage_prefix = "calls/";
    defaults.network_allow = {"10.0.0.0/8"};
    const std::string key = tests::gcs_credentials("https://oauth2.example/token");
    const auto request = accepted(
        gcp(
            {{"bucket", "theirs"},
             {"credentials", key},
             {"proxy", {{"url", "http://proxy:3128"}, {"username", "u"}, {"password", "hidden"}}}}
        ),
        defaults
    );
    const auto& store = std::get<storage::GcsDestination>(request.destination);
    EXPECT_EQ(store.bucket, "theirs");
    EXPECT_EQ(store.credentials, key);
    EXPECT_EQ(store.proxy, "http://u:hidden@proxy:3128");
    EXPECT_EQ(store.prefix, "calls/");
    EXPECT_EQ(store.reach, storage::StoreNetwork::Reach::PublicOnly)
        << "token_uri is the request's";
    EXPECT_EQ(store.allow, defaults.network_allow);
    EXPECT_THAT(request.echo, Not(HasSubstr("PRIVATE KEY")));
    EXPECT_THAT(request.echo, Not(HasSubstr("hidden")));
    EXPECT_THAT(request.echo, HasSubstr("{credentials}"));
}

TEST(CheckRequest, FillsGcpFromTheConfiguration) {
    RecordingDefaults defaults;
    storage::GcsDestination own;
    own.bucket = "ours";
    own.endpoint = "https://storage.example";
    defaults.destination = own;  // The machine's own account.
    const auto request = accepted(gcp({{"bucket", "theirs"}}), defaults);
    const auto& store = std::get<storage::GcsDestination>(request.destination);
    EXPECT_EQ(store.bucket, "theirs");
    EXPECT_EQ(store.endpoint, own.endpoint);
    EXPECT_EQ(store.reach, storage::StoreNetwork::Reach::Any);
    const std::pair<json, const char*> rows[] = {
        {{{"bucket", ""}}, "gcp.bucket"},
        {{{"bucket", "theirs"}}, "gcp: no credentials"},
        {{{"bucket", "theirs"}, {"credentials", "hidden"}}, "no JSON object"},
        {{{"bucket", "../x"}, {"credentials", "hidden"}}, "no bucket's name"},
    };
    for (const auto& [given, words] : rows) {
        const auto answer = check_request(request_of(gcp(given)), {});
        ASSERT_FALSE(answer) << words;
        EXPECT_THAT(answer.error().message, HasSubstr(words));
        EXPECT_THAT(answer.error().message, Not(HasSubstr("hidden")));
    }
}

TEST(CheckRequest, NamesWhatIsWrongWithAzure) {
    const std::pair<json, const char*> rows[] = {
        {{{"account_name", "theirs"}, {"account_key", "aGlkZGVu"}}, "azure.container_name"},
        {{{"account_key", "aGlkZGVu"}, {"container_name", "con"}}, "azure.account_name"},
        {{{"account_name", "theirs"}, {"container_name", "con"}}, "no account_key"},
        {{{"account_name", "x.evil.example/"},
          {"account_key", "aGlkZGVu"},
          {"container_name", "con"}},
         "account_name"},
        {{{"account_name", "theirs"}, {"account_key", "aGlkZGVu"}, {"container_name", "../other"}},
         "container_name"},
        {{{"account_name", "theirs"}, {"account_key", "hidden!"}, {"container_name", "con"}},
         "not base64 (account_key)"},
    };
    for (const auto& [store, words] : rows) {
        const auto answer = check_request(request_of(azure(store)), {});
        ASSERT_FALSE(answer) << words;
        EXPECT_EQ(answer.error().code, "invalid_argument");
        EXPECT_THAT(answer.error().message, HasSubstr(words));
        EXPECT_THAT(answer.error().message, Not(HasSubstr("hidden!")));
    }
}

TEST(CheckRequest, PrefersTheListToTheDeprecatedField) {
    json fields = sent();
    fields["file"] = {{"file_type", "OGG"}, {"filepath", "old.ogg"}};
    RecordingDefaults defaults;
    defaults.destination = storage::LocalDestination{"/srv"};
    EXPECT_EQ(accepted(fields, defaults).filepath, "recordings/{room_name}-{time}.mp4");
    fields.erase("file_outputs");
    const auto old = accepted(fields, defaults);
    EXPECT_EQ(old.filepath, "old.ogg");
    EXPECT_EQ(old.encoding.container, recorder::Container::Ogg);
    EXPECT_EQ(std::get<storage::LocalDestination>(old.destination).root, "/srv");
}

TEST(CheckRequest, TakesEveryFieldOfS3) {
    RecordingDefaults defaults;
    defaults.ca_file = "/etc/ca.pem";
    defaults.retry.max_retries = 2;
    defaults.storage_prefix = "calls/";
    defaults.network_allow = {"minio.inside", "10.0.0.0/8"};
    const json fields = sent(
        s3({{"endpoint", "http://minio.inside:9000"},
            {"force_path_style", true},
            {"session_token", "token"},
            {"metadata", {{"team", "crm"}}},
            {"tagging", "a=1"},
            {"content_disposition", "attachment"},
            {"proxy", {{"url", "http://proxy:3128"}, {"username", "u@x"}, {"password", "p:w"}}}})
    );
    const auto request = accepted(fields, defaults);
    const auto& store = std::get<storage::S3Destination>(request.destination);
    EXPECT_EQ(store.endpoint, "http://minio.inside:9000");
    EXPECT_EQ(store.addressing, storage::S3Destination::Addressing::Path);
    EXPECT_EQ(store.session_token, "token");
    EXPECT_EQ(store.metadata.at("team"), "crm");
    EXPECT_EQ(store.tagging, "a=1");
    EXPECT_EQ(store.content_disposition, "attachment");
    EXPECT_EQ(store.proxy, "http://u%40x:p%3Aw@proxy:3128");
    EXPECT_EQ(store.ca_file, "/etc/ca.pem");
    EXPECT_EQ(store.prefix, "calls/");
    EXPECT_EQ(store.retry.max_retries, 2);
    EXPECT_EQ(store.reach, storage::S3Destination::Reach::PublicOnly);
    EXPECT_EQ(store.allow, defaults.network_allow) << "judged when connecting";
    EXPECT_THAT(request.echo, Not(HasSubstr("p:w")));

    for (const std::string endpoint :
         {"http://minio.inside:9000", "127.0.0.1:9000", "https://s3.example"}) {
        const auto other = accepted(sent(s3({{"endpoint", endpoint}})), defaults);
        const auto& judged = std::get<storage::S3Destination>(other.destination);
        EXPECT_EQ(judged.reach, storage::S3Destination::Reach::PublicOnly) << endpoint;
        EXPECT_EQ(judged.allow, defaults.network_allow) << endpoint;
    }
    // A proxy is the request's choice as much as an endpoint is.
    const auto proxied = accepted(sent(s3({{"proxy", {{"url", "http://127.0.0.1:6379"}}}})));
    EXPECT_EQ(
        std::get<storage::S3Destination>(proxied.destination).reach,
        storage::S3Destination::Reach::PublicOnly
    );
}

TEST(CheckRequest, ReachesAsFarAsWhoeverHandedItOutMay) {
    RecordingDefaults of_the_bus;
    of_the_bus.request_reach = storage::S3Destination::Reach::PublicAndPrivate;
    const auto reach_of = [&](const json& changes) {
        const auto request = accepted(sent(s3(changes)), of_the_bus);
        return std::get<storage::S3Destination>(request.destination).reach;
    };
    EXPECT_EQ(
        reach_of({{"endpoint", "http://minio:9000"}}),
        storage::S3Destination::Reach::PublicAndPrivate
    );
    EXPECT_EQ(
        reach_of({{"proxy", {{"url", "http://10.0.0.9:3128"}}}}),
        storage::S3Destination::Reach::PublicAndPrivate
    );
    EXPECT_EQ(reach_of(json::object()), storage::S3Destination::Reach::Any) << "AWS's own address";
}

TEST(CheckRequest, FillsAStoreWithoutKeysFromTheConfiguration) {
    RecordingDefaults defaults;
    storage::S3Destination own;
    own.bucket = "ours";
    own.access_key = "OWN";
    own.secret = "own";
    own.session_token = "own-token";
    defaults.destination = own;
    const json fields = sent(s3({{"access_key", ""}, {"secret", ""}}));
    const auto request = accepted(fields, defaults);
    const auto& store = std::get<storage::S3Destination>(request.destination);
    EXPECT_EQ(store.bucket, "calls");
    EXPECT_EQ(store.access_key, "OWN");
    EXPECT_EQ(store.secret, "own");
    EXPECT_EQ(store.session_token, "own-token");
    // A request's own keys are never mixed with the configuration's.
    EXPECT_EQ(
        std::get<storage::S3Destination>(accepted(sent(), defaults).destination).session_token, ""
    );
}

TEST(CheckRequest, ARoleIsAssumedWithTheRequestsOwnKeysOrTheConfiguredOnes) {
    const auto asked = accepted(sent(
        s3({{"assume_role_arn", "arn:aws:iam::1:role/w"}, {"assume_role_external_id", "hidden"}})
    ));
    const auto& store = std::get<storage::S3Destination>(asked.destination);
    EXPECT_EQ(store.assume_role_arn, "arn:aws:iam::1:role/w");
    EXPECT_EQ(store.assume_role_external_id, "hidden");
    EXPECT_THAT(asked.echo, Not(HasSubstr("hidden")));

    RecordingDefaults defaults;
    storage::S3Destination own;
    own.bucket = "ours";
    own.assume_role_arn = "arn:aws:iam::1:role/own";
    own.sts_endpoint = "https://sts.example";
    defaults.destination = own;  // With the machine's keys.
    const auto keyless = accepted(sent(s3({{"access_key", ""}, {"secret", ""}})), defaults);
    const auto& with_own = std::get<storage::S3Destination>(keyless.destination);
    EXPECT_EQ(with_own.assume_role_arn, own.assume_role_arn);
    EXPECT_EQ(with_own.sts_endpoint, own.sts_endpoint);
    EXPECT_EQ(
        std::get<storage::S3Destination>(accepted(sent(), defaults).destination).assume_role_arn, ""
    );
    const auto refused =
        check_request(request_of(sent(s3({{"assume_role_external_id", "hidden"}}))), {});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("s3.assume_role_external_id"));
}

TEST(CheckRequest, UsesTheConfiguredStoreWhereItNamesNone) {
    json fields = sent();
    fields["file_outputs"][0].erase("s3");
    RecordingDefaults defaults;
    defaults.destination = storage::LocalDestination{"/srv"};
    defaults.session_limit = 3600s;
    defaults.max_bytes = 5;
    const auto request = accepted(fields, defaults);
    EXPECT_EQ(std::get<storage::LocalDestination>(request.destination).root, "/srv");
    EXPECT_EQ(request.end.session_limit, Nanoseconds(3600s));
    EXPECT_FALSE(request.end.max_duration) << "a length of the file is the request's own";
    EXPECT_EQ(request.end.max_bytes, 5U);

    defaults.local_storage_allowed = false;
    const auto refused = check_request(request_of(fields), defaults);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("local storage is not allowed"));
}

}  // namespace
}  // namespace aircheck::control
