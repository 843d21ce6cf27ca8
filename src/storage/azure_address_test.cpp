#include "storage/azure_address.hpp"

#include "storage/upload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

AzureDestination good() {
    AzureDestination destination;
    destination.account = "ourcalls";
    destination.container = "recordings";
    destination.account_key = "c2VjcmV0";
    return destination;
}

TEST(AzureAddress, Styles) {
    struct {
        const char *endpoint, *key, *url;
    } const rows[] = {
        {"", "a b/ü.mp4", "https://ourcalls.blob.core.windows.net/recordings/a%20b/%C3%BC.mp4"},
        {"", "", "https://ourcalls.blob.core.windows.net/recordings"},
        {"http://127.0.0.1:10000/ourcalls/", "k", "http://127.0.0.1:10000/ourcalls/recordings/k"},
        {"ourcalls.blob.core.usgovcloudapi.net",
         "k",
         "https://ourcalls.blob.core.usgovcloudapi.net/recordings/k"},
    };
    for (const auto& row : rows) {
        AzureDestination destination = good();
        destination.endpoint = row.endpoint;
        EXPECT_TRUE(check_destination(destination));
        EXPECT_EQ(location_of(destination, row.key), row.url);
    }
    AzureDestination destination = good();
    destination.prefix = "calls";
    EXPECT_EQ(describe(destination), "azure://ourcalls/recordings/calls");
}

TEST(AzureAddress, NamesTheSettingThatCannotBe) {
    struct {
        void (*change)(AzureDestination&);
        const char* words;
    } const rows[] = {
        {[](auto& d) { d.account = ""; }, "account_name"},
        {[](auto& d) { d.account = "evil.example/"; }, "account_name"},
        {[](auto& d) { d.account = "ab"; }, "account_name"},
        {[](auto& d) { d.container = ""; }, "container_name"},
        {[](auto& d) { d.container = "ab"; }, "container_name"},
        {[](auto& d) { d.container = "Upper"; }, "container_name"},
        {[](auto& d) { d.container = "a--b"; }, "container_name"},
        {[](auto& d) { d.container = "../other"; }, "container_name"},
        {[](auto& d) { d.account_key = ""; }, "account_key, or sas_token"},
        {[](auto& d) { d.account_key = "no base64!"; }, "not base64 (account_key)"},
        {[](auto& d) { d.account_key = "", d.sas_token = "sv=1"; }, "sas_token"},
        {[](auto& d) { d.endpoint = "ftp://x"; }, "endpoint"},
        {[](auto& d) { d.endpoint = "https://x/?sig=1"; }, "endpoint"},
        {[](auto& d) { d.metadata["a-b"] = "c"; }, "metadata"},
        {[](auto& d) { d.metadata["ab"] = "ü"; }, "metadata"},
        {[](auto& d) { d.content_disposition = "a\nb"; }, "content_disposition"},
    };
    EXPECT_TRUE(check_destination(good()));
    for (const auto& row : rows) {
        AzureDestination destination = good();
        row.change(destination);
        const auto checked = check_destination(destination);
        ASSERT_FALSE(checked) << row.words;
        EXPECT_EQ(checked.error().code, Errc::InvalidArgument);
        EXPECT_THAT(checked.error().to_string(), HasSubstr(row.words));
    }
}

TEST(AzureConnectionString, SaysAccountKeyAndPlace) {
    struct {
        const char *text, *account, *key, *sas, *endpoint;
    } const rows[] = {
        {"DefaultEndpointsProtocol=https;AccountName=ourcalls;AccountKey=c2VjcmV0==;"
         "EndpointSuffix=core.windows.net",
         "ourcalls",
         "c2VjcmV0==",
         "",
         ""},
        {"AccountName=ourcalls;AccountKey=c2Vj;EndpointSuffix=core.chinacloudapi.cn;",
         "ourcalls",
         "c2Vj",
         "",
         "https://ourcalls.blob.core.chinacloudapi.cn"},
        {"BlobEndpoint=https://ourcalls.blob.core.windows.net/;"
         "QueueEndpoint=https://ourcalls.queue.core.windows.net/;"
         "SharedAccessSignature=sv=2022-11-02&sig=a%3D",
         "ourcalls",
         "",
         "sv=2022-11-02&sig=a%3D",
         "https://ourcalls.blob.core.windows.net/"},
        {"accountname=dev;accountkey=c2Vj;blobendpoint=http://127.0.0.1:10000/dev",
         "dev",
         "c2Vj",
         "",
         "http://127.0.0.1:10000/dev"},
    };
    for (const auto& row : rows) {
        AzureDestination destination;
        ASSERT_TRUE(apply_connection_string(row.text, destination)) << row.text;
        EXPECT_EQ(destination.account, row.account) << row.text;
        EXPECT_EQ(destination.account_key, row.key) << row.text;
        EXPECT_EQ(destination.sas_token, row.sas) << row.text;
        EXPECT_EQ(destination.endpoint, row.endpoint) << row.text;
    }
    AzureDestination emulator;
    ASSERT_TRUE(apply_connection_string("UseDevelopmentStorage=true", emulator));
    EXPECT_EQ(emulator.account, "devstoreaccount1");
    EXPECT_EQ(emulator.endpoint, "http://127.0.0.1:10000/devstoreaccount1");
}

TEST(AzureConnectionString, RefusesOthersWithoutShowingThem) {
    for (const char* bad : {"hunter2", "AccountKey=hunter2", "=hunter2;AccountName=a"}) {
        AzureDestination destination;
        const auto applied = apply_connection_string(bad, destination);
        ASSERT_FALSE(applied) << bad;
        EXPECT_EQ(applied.error().code, Errc::InvalidArgument);
        EXPECT_THAT(applied.error().to_string(), HasSubstr("connection_string"));
        EXPECT_THAT(applied.error().to_string(), Not(HasSubstr("hunter2")));
    }
}

}  // namespace
}  // namespace aircheck::storage
