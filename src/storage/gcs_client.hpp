#pragma once

#include "storage/gcs_credentials.hpp"
#include "storage/gcs_error.hpp"
#include "storage/gcs_token.hpp"
#include "storage/object_store.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::storage {

/// Google Cloud Storage, over one HTTP client. Objects in one piece, looks and lists go by its JSON
/// API; uploads in parts, which may come in any order, by its XML API (ADR 0011). Its parts know no
/// conditions: completing looks whether the name is free just before.
/// Source: Cloud Storage JSON API v1; XML API, "Multipart uploads" and "Signed URLs" (V4).
class GcsClient final : public ObjectStore {
public:
    using Clock = std::function<WallTime()>;
    /// InvalidArgument when bucket, endpoint or credentials cannot be right.
    [[nodiscard]] static Result<GcsClient> create(
        GcsDestination destination, net::HttpClient& http, Clock clock = wall_now
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
    [[nodiscard]] Result<std::string> create_multipart(
        const std::string& key, const ObjectOptions& options
    ) override;
    [[nodiscard]] Result<std::string> upload_part(
        const std::string& key, const std::string& upload_id, int number, std::string body
    ) override;
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

    /// Unsupported without a service account's key.
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
    GcsClient(
        GcsDestination destination, std::optional<GcsKey> key, net::HttpClient& http, Clock clock
    )
        : destination_(std::move(destination)),
          key_(key),
          http_(&http),
          token_(std::move(key), std::move(clock)) {}

    [[nodiscard]] Result<net::HttpResponse> perform(const Call& call);
    [[nodiscard]] Result<net::HttpResponse> send_once(const Call& call);
    [[nodiscard]] Result<> refuse_taken(const std::string& key, const ObjectInfo& ours);

    GcsDestination destination_;
    std::optional<GcsKey> key_;
    net::HttpClient* http_;
    GcsToken token_;
    bool lacked_right_ = false;
};

}  // namespace aircheck::storage
