#include "bench/object_store.hpp"

#include "tests/support/loopback.hpp"

#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "net/socket.hpp"
#include "storage/minio_testing.hpp"
#include "storage/s3_client.hpp"

#include <cstdlib>
#include <thread>

namespace aircheck::bench {
namespace {

constexpr const char* kUser = "aircheck-bench";
constexpr const char* kPassword = "aircheck-bench-secret";
constexpr const char* kBucket = "recordings";

bool is_ready(net::HttpClient& http, const std::string& endpoint) {
    net::HttpRequest probe;
    probe.url = endpoint + storage::testing::kMinioReadyPath;
    for (int tries = 0; tries < 300; ++tries) {
        const auto response = http.send(probe);
        if (response && response->status == 200) return true;
        std::this_thread::sleep_for(100ms);
    }
    return false;
}

}  // namespace

storage::S3Destination ObjectStore::destination(const std::string& endpoint) {
    storage::S3Destination destination;
    destination.bucket = kBucket;
    destination.region = "us-east-1";
    destination.endpoint = endpoint;
    destination.access_key = kUser;
    destination.secret = kPassword;
    return destination;
}

Result<std::optional<ObjectStore>> ObjectStore::start(const std::string& folder) {
    const std::string program = storage::testing::find_minio();
    if (program.empty()) return std::optional<ObjectStore>();
    const std::string address = "127.0.0.1:" + std::to_string(tests::free_port());
    const std::string console = "127.0.0.1:" + std::to_string(tests::free_port());
    setenv("MINIO_ROOT_USER", kUser, 1);
    setenv("MINIO_ROOT_PASSWORD", kPassword, 1);
    setenv("MINIO_BROWSER", "off", 1);
    AC_TRY(
        auto process,
        Child::start(
            {program,
             "server",
             "--quiet",
             folder + "/minio",
             "--address",
             address,
             "--console-address",
             console}
        )
    );
    ObjectStore store(std::move(process), "http://" + address);
    net::HttpClient http;
    if (!is_ready(http, store.endpoint_)) return fail(Errc::Timeout, "MinIO does not answer");
    AC_TRY(auto client, storage::S3Client::create(destination(store.endpoint_), http));
    AC_CHECK_OK(client.create_bucket());
    return std::optional<ObjectStore>(std::move(store));
}

}  // namespace aircheck::bench
