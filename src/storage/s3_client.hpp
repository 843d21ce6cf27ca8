#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "storage/object_store.hpp"
#include "storage/s3_error.hpp"

#include <functional>
#include <string>
#include <vector>

namespace aircheck::storage {

/// S3, over one HTTP client. Besides what every ObjectStore does, it tries 409 again, and corrects
/// a wrong region and a wrong clock by what the store answers, and remembers both. NotFound:
/// NoSuchBucket, NoSuchKey, NoSuchUpload; PermissionDenied: AccessDenied, SignatureDoesNotMatch,
/// InvalidAccessKeyId, ExpiredToken; AlreadyExists: 412 to If-None-Match.
class S3Client final : public ObjectStore {
public:
    using Clock = std::function<WallTime()>;
    /// InvalidArgument when the bucket, the endpoint or the keys cannot be right. `clock` dates the
    /// signatures.
    [[nodiscard]] static Result<S3Client> create(
        S3Destination destination, net::HttpClient& http, Clock clock = wall_now
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
    /// Those after `start_after` only.
    [[nodiscard]] Result<std::vector<std::string>> list_objects_after(
        const std::string& prefix, int limit, const std::string& start_after
    );
    /// HEAD answers could not tell a missing bucket from a missing object, nor a wrong secret from
    /// no right: this lists.
    [[nodiscard]] Result<> check_access() override;
    /// For tests and `storage setup`: AlreadyExists when somebody has it.
    [[nodiscard]] Result<> create_bucket();

    [[nodiscard]] Result<std::string> presign(
        LinkMethod method,
        const std::string& key,
        std::chrono::seconds ttl,
        const ResponseHeaders& headers,
        WallTime now
    ) const override;
    [[nodiscard]] std::string object_url(const std::string& key) const override;
    [[nodiscard]] bool wants_equal_parts() const override;
    [[nodiscard]] bool lacked_right() const override { return failure_code_ == "AccessDenied"; }
    [[nodiscard]] const S3Destination& destination() const { return destination_; }

private:
    struct Call;
    S3Client(S3Destination destination, net::HttpClient& http, Clock clock)
        : destination_(std::move(destination)), http_(&http), clock_(std::move(clock)) {}

    [[nodiscard]] Result<net::HttpResponse> perform(const Call& call);
    [[nodiscard]] Result<net::HttpResponse> send_once(
        const Call& call, const std::string& payload_hash
    ) const;
    [[nodiscard]] bool learn_from(const S3Failure& failure);
    void add_object_headers(net::Headers& headers, const ObjectOptions& options) const;
    void add_customer_key(net::Headers& headers) const;

    S3Destination destination_;
    net::HttpClient* http_;
    Clock clock_;
    std::string failure_code_;    ///< Of the last request that failed for good: "AccessDenied".
    Nanoseconds clock_offset_{};  ///< The store's clock less ours.
};

}  // namespace aircheck::storage
