#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "storage/destination.hpp"
#include "storage/s3_error.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace aircheck::storage {

/// A part that the store has acknowledged.
struct S3Part {
    int number = 0;  ///< From 1.
    std::uint64_t size = 0;
    std::string etag;  ///< As the store gave it, without quotes.
};

struct S3ObjectInfo {
    std::uint64_t size = 0;
    std::string etag;  ///< Without quotes.
    std::string content_type;
    std::string egress_id;  ///< x-amz-meta-egress-id, when it was stored with one.
};

/// The S3 calls a recorder needs, over one HTTP client. Keys are whole (with the destination's
/// prefix).
///
/// Blocking; one thread at a time. Retries 5xx, 429, 409 and connection errors with backoff and
/// jitter, as the destination's RetryPolicy says; corrects a wrong region and a wrong clock by what
/// the store answers, and remembers both. Other errors: NotFound (NoSuchBucket, NoSuchKey,
/// NoSuchUpload), PermissionDenied (AccessDenied, SignatureDoesNotMatch, InvalidAccessKeyId,
/// ExpiredToken), AlreadyExists (412 to If-None-Match), InvalidArgument; each says in words what to
/// look at.
class S3Client {
public:
    enum class IfTaken { Overwrite, Refuse };
    struct ObjectOptions {
        std::string content_type = "application/octet-stream";
        std::string egress_id;
        IfTaken if_taken = IfTaken::Overwrite;
    };

    using Clock = std::function<WallTime()>;
    /// InvalidArgument when the bucket, the endpoint or the keys cannot be right. `clock` dates the
    /// signatures.
    [[nodiscard]] static Result<S3Client> create(
        S3Destination destination, net::HttpClient& http, Clock clock = wall_now
    );

    /// Both give the ETag, without quotes. `Refuse`: AlreadyExists when the key is taken, but not
    /// by the very bytes and egress of an earlier try whose answer was lost.
    [[nodiscard]] Result<std::string> put_object(
        const std::string& key, std::string body, const ObjectOptions& options
    );
    [[nodiscard]] Result<std::string> complete_multipart(
        const std::string& key,
        const std::string& upload_id,
        const std::vector<S3Part>& parts,
        const ObjectOptions& options
    );
    /// Gives the upload's id.
    [[nodiscard]] Result<std::string> create_multipart(
        const std::string& key, const ObjectOptions& options
    );
    /// Gives the part's ETag.
    [[nodiscard]] Result<std::string> upload_part(
        const std::string& key, const std::string& upload_id, int number, std::string body
    );
    [[nodiscard]] Result<> abort_multipart(const std::string& key, const std::string& upload_id);

    [[nodiscard]] Result<S3ObjectInfo> head_object(const std::string& key);
    /// At most `length` bytes from `offset`; NotFound when the object has none there.
    [[nodiscard]] Result<std::string> get_range(
        const std::string& key, std::uint64_t offset, std::uint64_t length
    );
    [[nodiscard]] Result<> delete_object(const std::string& key);
    /// Up to `limit` keys that start with `prefix`, in order, those after `start_after` only.
    [[nodiscard]] Result<std::vector<std::string>> list_objects(
        const std::string& prefix, int limit, const std::string& start_after = {}
    );
    /// Fine when the bucket is there and the store takes our signature, whatever the keys may do;
    /// HEAD answers could not tell a missing bucket from a missing object, nor a wrong secret from
    /// no right.
    [[nodiscard]] Result<> check_access();
    /// For tests and `storage setup`: AlreadyExists when somebody has it.
    [[nodiscard]] Result<> create_bucket();

    /// A link for `method`, "GET" or "HEAD", and no other.
    [[nodiscard]] Result<std::string> presign(
        const std::string& method,
        const std::string& key,
        std::chrono::seconds ttl,
        const std::vector<std::pair<std::string, std::string>>& response_query,
        WallTime now
    ) const;
    [[nodiscard]] std::string object_url(const std::string& key) const;
    [[nodiscard]] const S3Destination& destination() const { return destination_; }
    /// The store's word for the last request that failed for good, "AccessDenied"; empty when there
    /// was no answer.
    [[nodiscard]] const std::string& failure_code() const { return failure_code_; }

private:
    struct Call;
    S3Client(S3Destination destination, net::HttpClient& http, Clock clock)
        : destination_(std::move(destination)), http_(&http), clock_(std::move(clock)) {}

    [[nodiscard]] Result<net::HttpResponse> perform(const Call& call);
    [[nodiscard]] Result<net::HttpResponse> send_once(
        const Call& call, const std::string& payload_hash
    ) const;
    [[nodiscard]] bool learn_from(const S3Failure& failure);
    [[nodiscard]] Result<std::string> unless_stored_before(
        Error error, const std::string& key, const S3ObjectInfo& ours
    );
    void add_object_headers(net::Headers& headers, const ObjectOptions& options) const;

    S3Destination destination_;
    net::HttpClient* http_;
    Clock clock_;
    std::string failure_code_;    ///< Of the last request that failed for good: "AccessDenied".
    Nanoseconds clock_offset_{};  ///< The store's clock less ours.
};

}  // namespace aircheck::storage
