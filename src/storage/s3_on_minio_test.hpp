#pragma once

#include "storage/minio_server_test.hpp"
#include "storage/s3_client.hpp"
#include "storage/upload.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

namespace aircheck::storage::testing {

inline constexpr std::uint64_t kMiB = 1024 * 1024;

inline std::string random_text(std::size_t bytes, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

class S3OnMinio : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        server_ = new MinioServer;
        server_->start();
        if (HasFatalFailure()) return;
        const auto made = S3Client::create(destination(), http())->create_bucket();
        ASSERT_TRUE(made) << made.error().to_string();
    }
    static void TearDownTestSuite() {
        delete server_;
        server_ = nullptr;
    }
    static net::HttpClient& http() {
        static net::HttpClient client;
        return client;
    }
    static S3Destination destination() { return server_->destination("recordings"); }
    static S3Client client() { return S3Client::create(destination(), http()).value(); }
    static std::string content(const std::string& key) {
        auto store = client();
        const auto info = store.head_object(key);
        if (!info) return info.error().to_string();
        return store.get_range(key, 0, info->size).value_or("unreadable");
    }

    /// A spool file: a growing head of 100 bytes, and a body.
    UploadSpec spec(const std::string& key, const std::string& body) {
        tests::write_file(folder_ / "output.part", std::string(100, 'h') + body);
        return {key, "video/mp4", "EG_x", folder_ / "output.part", 100, ""};
    }
    static std::unique_ptr<UploadSession> session(const S3Destination& to, const UploadSpec& spec) {
        return UploadSession::create(to, spec, http()).value();
    }

    tests::TempFolder folder_;
    static inline MinioServer* server_ = nullptr;
};

}  // namespace aircheck::storage::testing
