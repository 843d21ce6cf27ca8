#pragma once

#include "storage/azure_error.hpp"
#include "storage/object_store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace aircheck::storage {

/// Azure Blob Storage, over one HTTP client: block blobs, signed with the account's key (Shared
/// Key) or opened by a SAS. An upload's parts are blocks, which nobody sees until the block list
/// names them. Besides what every ObjectStore does, it corrects a wrong clock by what the store
/// answers. Source: Azure Blob Storage REST API, version 2021-12-02.
class AzureClient final : public ObjectStore {
public:
    using Clock = std::function<WallTime()>;
    /// InvalidArgument when account, container, endpoint or credentials cannot be right. `clock`
    /// dates the signatures.
    [[nodiscard]] static Result<AzureClient> create(
        AzureDestination destination, net::HttpClient& http, Clock clock = wall_now
    );

    [[nodiscard]] Result<std::string> put_object(
        const std::string& key, std::string body, const ObjectOptions& options
    ) override;
    [[nodiscard]] Result<std::string> complete_multipart(
        const std::string& key,
        const std::string& upload_id,
        const std::vector<Part>& parts,
        const ObjectOptions& options
    ) override;
    /// Asks nothing of the store: an upload begins with its first block.
    [[nodiscard]] Result<std::string> create_multipart(
        const std::string& key, const ObjectOptions& options
    ) override;
    /// Gives the block's id, which the block list names.
    [[nodiscard]] Result<std::string> upload_part(
        const std::string& key, const std::string& upload_id, int number, std::string body
    ) override;
    /// There is no such call: blocks that no list names are dropped by the store after a week.
    [[nodiscard]] Result<> abort_multipart(const std::string& key, const std::string& upload_id)
        override;

    [[nodiscard]] Result<ObjectInfo> head_object(const std::string& key) override;
    [[nodiscard]] Result<std::string> get_range(
        const std::string& key, std::uint64_t offset, std::uint64_t length
    ) override;
    [[nodiscard]] Result<> delete_object(const std::string& key) override;
    [[nodiscard]] Result<std::vector<std::string>> list_objects(
        const std::string& prefix, int limit
    ) override;
    [[nodiscard]] Result<> check_access() override;
    /// For tests: AlreadyExists when it is there.
    [[nodiscard]] Result<> create_container();

    /// Good for GET and HEAD both. Unsupported without the account's key.
    [[nodiscard]] Result<std::string> presign(
        LinkMethod method,
        const std::string& key,
        std::chrono::seconds ttl,
        const ResponseHeaders& headers,
        WallTime now
    ) const override;
    [[nodiscard]] std::string object_url(const std::string& key) const override;
    [[nodiscard]] bool lacked_right() const override { return lacked_right_; }

private:
    struct Call;
    AzureClient(AzureDestination destination, net::HttpClient& http, Clock clock)
        : destination_(std::move(destination)), http_(&http), clock_(std::move(clock)) {}

    [[nodiscard]] Result<net::HttpResponse> perform(const Call& call);
    [[nodiscard]] Result<net::HttpResponse> send_once(const Call& call) const;
    [[nodiscard]] bool learn_from(const AzureFailure& failure);
    void add_object_headers(net::Headers& headers, const ObjectOptions& options) const;

    AzureDestination destination_;
    net::HttpClient* http_;
    Clock clock_;
    bool lacked_right_ = false;
    Nanoseconds clock_offset_{};  ///< The store's clock less ours.
};

}  // namespace aircheck::storage
