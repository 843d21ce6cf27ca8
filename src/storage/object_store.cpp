#include "storage/object_store.hpp"

#include "storage/azure_client.hpp"
#include "storage/gcs_client.hpp"
#include "storage/s3_client.hpp"

namespace aircheck::storage {
namespace {

struct Opener {
    net::HttpClient& http;

    Result<std::unique_ptr<ObjectStore>> operator()(const LocalDestination& local) const {
        return fail(Errc::Unsupported, local.root + " is a folder, and no store");
    }
    Result<std::unique_ptr<ObjectStore>> operator()(const S3Destination& s3) const {
        AC_TRY(auto client, S3Client::create(s3, http));
        return std::make_unique<S3Client>(std::move(client));
    }
    Result<std::unique_ptr<ObjectStore>> operator()(const AzureDestination& azure) const {
        AC_TRY(auto client, AzureClient::create(azure, http));
        return std::make_unique<AzureClient>(std::move(client));
    }
    Result<std::unique_ptr<ObjectStore>> operator()(const GcsDestination& gcs) const {
        AC_TRY(auto client, GcsClient::create(gcs, http));
        return std::make_unique<GcsClient>(std::move(client));
    }
};

std::string with_folder(std::string where, const std::string& prefix) {
    return prefix.empty() ? where : where + "/" + prefix;
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> ObjectStore::create(
    const Destination& destination, net::HttpClient& http
) {
    return std::visit(Opener{http}, destination);
}

StoreNetwork* network_of(Destination& destination) {
    if (auto* s3 = std::get_if<S3Destination>(&destination)) return s3;
    if (auto* azure = std::get_if<AzureDestination>(&destination)) return azure;
    return std::get_if<GcsDestination>(&destination);
}

std::string prefix_of(const Destination& destination) {
    if (const auto* s3 = std::get_if<S3Destination>(&destination)) return s3->prefix;
    if (const auto* azure = std::get_if<AzureDestination>(&destination)) return azure->prefix;
    if (const auto* gcs = std::get_if<GcsDestination>(&destination)) return gcs->prefix;
    return {};
}

std::string describe(const Destination& destination) {
    if (const auto* s3 = std::get_if<S3Destination>(&destination)) {
        return with_folder("s3://" + s3->bucket, s3->prefix);
    }
    if (const auto* azure = std::get_if<AzureDestination>(&destination)) {
        return with_folder("azure://" + azure->account + "/" + azure->container, azure->prefix);
    }
    if (const auto* gcs = std::get_if<GcsDestination>(&destination)) {
        return with_folder("gs://" + gcs->bucket, gcs->prefix);
    }
    return std::get<LocalDestination>(destination).root;
}

}  // namespace aircheck::storage
