#include "bench/object_store.hpp"

#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "net/socket.hpp"
#include "storage/s3_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <thread>
#include <vector>

namespace aircheck::bench {
namespace {

constexpr const char* kUser = "aircheck-bench";
constexpr const char* kPassword = "aircheck-bench-secret";
constexpr const char* kBucket = "recordings";

std::string find_program() {
    std::vector<std::string> candidates;
    if (const char* named = std::getenv("AIRCHECK_MINIO")) candidates.emplace_back(named);
    if (const char* path = std::getenv("PATH")) {
        std::istringstream folders(path);
        for (std::string folder; std::getline(folders, folder, ':');) {
            candidates.push_back(folder + "/minio");
        }
    }
    candidates.emplace_back(".peers/bin/minio");
    for (const std::string& candidate : candidates) {
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

int free_port() {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    bind(descriptor, reinterpret_cast<const sockaddr*>(&address), length);
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
    close(descriptor);
    return ntohs(address.sin_port);
}

bool is_ready(net::HttpClient& http, const std::string& endpoint) {
    net::HttpRequest probe;
    probe.url = endpoint + "/minio/health/ready";
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
    const std::string program = find_program();
    if (program.empty()) return std::optional<ObjectStore>();
    const std::string address = "127.0.0.1:" + std::to_string(free_port());
    const std::string console = "127.0.0.1:" + std::to_string(free_port());
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
