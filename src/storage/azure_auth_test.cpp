#include "storage/azure_auth.hpp"

#include <gtest/gtest.h>

namespace aircheck::storage {
namespace {

// Azurite's account, which is public. Signatures as Microsoft's azure-storage-blob 12.24 (Python)
// makes them.
AzureKey development_key() {
    return {
        "devstoreaccount1",
        from_base64("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
                    "KBHBeksoGMGw==")
            .value()};
}

WallTime expiry() { return parse_iso8601("2026-11-22T10:15:00Z").value(); }

TEST(AzureSharedKey, SignsHeadersOfThePutOfABlockList) {
    const AzureRequest request{
        "PUT",
        "/devstoreaccount1/recordings/calls/a%20b.mp4",
        {{"comp", "blocklist"}},
        {{"Content-Type", "application/xml"},
         {"x-ms-version", "2021-12-02"},
         {"If-None-Match", "*"},
         {"X-Ms-Date", "Sun, 22 Nov 2026 10:15:00 GMT"},
         {"x-ms-meta-egress_id", "EG_1"},
         {"x-ms-blob-content-type", "video/mp4"}},
        42};
    EXPECT_EQ(
        shared_key_authorization(request, development_key()),
        "SharedKey devstoreaccount1:PIwMHHlckEzG/TglFHuiKFkpjOj8f0RrEVbUTaTv/iM="
    );
}

TEST(AzureSharedKey, SignsAQueryInAnyOrder) {
    const AzureRequest request{
        "GET",
        "/recordings",
        {{"restype", "container"}, {"prefix", "a b/"}, {"Comp", "list"}},
        {{"x-ms-date", "Sun, 22 Nov 2026 10:15:00 GMT"}, {"x-ms-version", "2021-12-02"}}};
    EXPECT_EQ(
        shared_key_authorization(request, development_key()),
        "SharedKey devstoreaccount1:QAzyihULv6QKZQAPCVt7xgDeTdec1GbAhTB+VXcl2og="
    );
}

TEST(AzureSas, ReadsOneBlob) {
    const auto plain =
        blob_read_sas(development_key(), "recordings", "calls/a ü.mp4", expiry(), {});
    EXPECT_EQ(
        canonical_query(plain),
        "se=2026-11-22T10%3A15%3A00Z&sig=DZK9S6otmDt9yQN9d7FNyEQLhJg8R3YZ6HoWWRZtskA%3D&sp=r&sr=b"
        "&sv=2020-12-06"
    );
    const auto named = blob_read_sas(
        development_key(),
        "recordings",
        "calls/a ü.mp4",
        expiry(),
        {"audio/x-test", "attachment; filename=\"a b.mp4\""}
    );
    EXPECT_EQ(named.back().second, "GvZhBWZ8X5fkGi3E6KukL41nl16jkZYq37s3lHPlOog=");
}

}  // namespace
}  // namespace aircheck::storage
