#include "storage/store_peer_test.hpp"

#include "storage/azure_client.hpp"
#include "storage/azurite_server_test.hpp"
#include "storage/gcs_server_test.hpp"
#include "storage/minio_server_test.hpp"
#include "storage/s3_client.hpp"

#include <gtest/gtest.h>

namespace aircheck::storage::testing {
namespace {

constexpr const char* kBucket = "contract";
constexpr const char* kOtherBucket = "no-such-bucket";

class MinioPeer final : public StorePeer {
public:
    void start() override {
        server_.start();
        net::HttpClient http;
        const auto made = S3Client::create(server_.destination(kBucket), http)->create_bucket();
        ASSERT_TRUE(made || made.error().code == Errc::AlreadyExists) << made.error().to_string();
    }
    void stop() override { server_.stop(); }
    [[nodiscard]] Destination destination() const override { return server_.destination(kBucket); }
    [[nodiscard]] Destination with_wrong_secret() const override {
        auto wrong = server_.destination(kBucket);
        wrong.secret = "wrong";
        return wrong;
    }
    [[nodiscard]] Destination with_wrong_bucket() const override {
        return server_.destination(kOtherBucket);
    }

private:
    MinioServer server_;
};

class AzuritePeer final : public StorePeer {
public:
    void start() override {
        server_.start();
        net::HttpClient http;
        const auto made =
            AzureClient::create(server_.destination(kBucket), http)->create_container();
        ASSERT_TRUE(made || made.error().code == Errc::AlreadyExists) << made.error().to_string();
    }
    void stop() override { server_.stop(); }
    [[nodiscard]] Destination destination() const override { return server_.destination(kBucket); }
    [[nodiscard]] Destination with_wrong_secret() const override {
        auto wrong = server_.destination(kBucket);
        wrong.account_key = "d3Jvbmc=";
        return wrong;
    }
    [[nodiscard]] Destination with_wrong_bucket() const override {
        return server_.destination(kOtherBucket);
    }

private:
    AzuriteServer server_;
};

class GcsPeer final : public StorePeer {
public:
    void start() override { server_.start(); }
    void stop() override { server_.stop(); }
    [[nodiscard]] Destination destination() const override { return server_.destination(kBucket); }
    [[nodiscard]] Destination with_wrong_secret() const override {
        return server_.destination(kBucket, "other-credentials.json");
    }
    [[nodiscard]] Destination with_wrong_bucket() const override {
        return server_.destination(kOtherBucket);
    }

private:
    GcsServer server_{kBucket};
};

template <typename Peer>
std::unique_ptr<StorePeer> make() {
    return std::make_unique<Peer>();
}

}  // namespace

std::vector<PeerKind> all_peer_kinds() {
    return {{"MinIO", make<MinioPeer>}, {"Azurite", make<AzuritePeer>}, {"Gcs", make<GcsPeer>}};
}

}  // namespace aircheck::storage::testing
