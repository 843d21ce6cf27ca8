#include "storage/minio_server_test.hpp"

#include "tests/support/loopback.hpp"

#include "net/http_client.hpp"
#include "storage/minio_testing.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace aircheck::storage::testing {

MinioServer::MinioServer() : port_(tests::free_port()), console_port_(tests::free_port()) {}

MinioServer::~MinioServer() { stop(); }

void MinioServer::start() {
    const std::string program = find_minio();
    ASSERT_FALSE(program.empty()) << "no minio: set AIRCHECK_MINIO, or run tools/bootstrap";
    std::vector<std::string> words = {
        program,
        "server",
        "--quiet",
        folder_ / "data",
        "--address",
        "127.0.0.1:" + std::to_string(port_),
        "--console-address",
        "127.0.0.1:" + std::to_string(console_port_)};
    std::vector<std::string> variables = {
        "MINIO_ROOT_USER=aircheck-test",
        "MINIO_ROOT_PASSWORD=aircheck-test-secret",
        "MINIO_DOMAIN=localhost",
        "MINIO_SITE_REGION=eu-north-1",
        "MINIO_BROWSER=off",
        // For SSE-S3 and SSE-KMS; the key is nobody's.
        "MINIO_KMS_SECRET_KEY=aircheck:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "HOME=" + folder_.path(),
        "PATH=/usr/bin:/bin"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::vector<char*> environment;
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const std::string output = folder_ / "log";
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        posix_spawn_file_actions_addopen(
            &actions, stream, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600
        );
    }
    const int spawned = posix_spawn(
        &process_, program.c_str(), &actions, nullptr, arguments.data(), environment.data()
    );
    posix_spawn_file_actions_destroy(&actions);
    ASSERT_EQ(spawned, 0) << program;

    net::HttpClient http;
    net::HttpRequest probe;
    probe.url = "http://127.0.0.1:" + std::to_string(port_) + kMinioReadyPath;
    for (int tries = 0; tries < 300; ++tries) {
        const auto response = http.send(probe);
        if (response && response->status == 200) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    FAIL() << "MinIO does not answer:\n" << tests::read_file(output);
}

void MinioServer::stop() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
}

S3Destination MinioServer::destination(const std::string& bucket) const {
    S3Destination destination;
    destination.bucket = bucket;
    destination.region = "eu-north-1";
    destination.endpoint = "http://127.0.0.1:" + std::to_string(port_);
    destination.access_key = "aircheck-test";
    destination.secret = "aircheck-test-secret";
    destination.retry = {2, std::chrono::milliseconds(5), std::chrono::milliseconds(20)};
    return destination;
}

}  // namespace aircheck::storage::testing
