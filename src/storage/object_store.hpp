#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "storage/destination.hpp"

#include <memory>
#include <string>
#include <vector>

namespace aircheck::storage {

/// A part that the store has acknowledged.
struct Part {
    int number = 0;  ///< From 1.
    std::uint64_t size = 0;
    std::string etag;  ///< As the store gave it, without quotes; empty where it gives none.
};

struct ObjectInfo {
    std::uint64_t size = 0;
    std::string etag;  ///< Without quotes.
    std::string content_type;
    std::string egress_id;  ///< From its metadata, when it was stored with one.
};

/// What a signed link makes the store answer with; empty ones are left as they are stored.
struct ResponseHeaders {
    std::string content_type;
    std::string content_disposition;
};

/// The method that a signed link is good for: stores take it for no other.
enum class LinkMethod { Get, Head };

/// The calls that a recorder needs of any store that is reached over HTTP. Keys are whole (with the
/// destination's prefix).
///
/// Blocking; one thread at a time. Retries 5xx, 429 and connection errors with backoff and jitter,
/// as the destination's RetryPolicy says. Other errors: NotFound (no such bucket, key or upload),
/// PermissionDenied, AlreadyExists (the name is taken), InvalidArgument; each says in words what to
/// look at.
class ObjectStore {
public:
    enum class IfTaken { Overwrite, Refuse };
    struct ObjectOptions {
        std::string content_type = "application/octet-stream";
        std::string egress_id{};
        IfTaken if_taken = IfTaken::Overwrite;
    };

    /// The client of `destination`, which asks nothing yet; `http` must outlive it. InvalidArgument
    /// when a setting cannot be right; Unsupported for local folders.
    [[nodiscard]] static Result<std::unique_ptr<ObjectStore>> create(
        const Destination& destination, net::HttpClient& http
    );
    virtual ~ObjectStore() = default;

    /// Both give the ETag, without quotes. `Refuse`: AlreadyExists when the key is taken, but not
    /// by the very bytes or egress of an earlier try whose answer was lost.
    [[nodiscard]] virtual Result<std::string> put_object(
        const std::string& key, std::string body, const ObjectOptions& options
    ) = 0;
    /// `parts` in their order.
    [[nodiscard]] virtual Result<std::string> complete_multipart(
        const std::string& key,
        const std::string& upload_id,
        const std::vector<Part>& parts,
        const ObjectOptions& options
    ) = 0;
    /// Gives the upload's id.
    [[nodiscard]] virtual Result<std::string> create_multipart(
        const std::string& key, const ObjectOptions& options
    ) = 0;
    /// Gives the part's ETag. Parts may come in any order.
    [[nodiscard]] virtual Result<std::string> upload_part(
        const std::string& key, const std::string& upload_id, int number, std::string body
    ) = 0;
    /// Fine, too, when there is nothing (more) to take back.
    [[nodiscard]] virtual Result<> abort_multipart(
        const std::string& key, const std::string& upload_id
    ) = 0;

    [[nodiscard]] virtual Result<ObjectInfo> head_object(const std::string& key) = 0;
    /// At most `length` bytes from `offset`; NotFound when the object has none there.
    [[nodiscard]] virtual Result<std::string> get_range(
        const std::string& key, std::uint64_t offset, std::uint64_t length
    ) = 0;
    [[nodiscard]] virtual Result<> delete_object(const std::string& key) = 0;
    /// Up to `limit` keys that start with `prefix`, in order.
    [[nodiscard]] virtual Result<std::vector<std::string>> list_objects(
        const std::string& prefix, int limit
    ) = 0;
    /// Fine when the bucket is there and the store takes our credentials, whatever they may do.
    [[nodiscard]] virtual Result<> check_access() = 0;

    /// A link for `method` and no other, good for `ttl` (1 s to 7 days), or as long as temporary
    /// keys are. No request is made but for such keys, where none are known yet.
    [[nodiscard]] virtual Result<std::string> presign(
        LinkMethod method,
        const std::string& key,
        std::chrono::seconds ttl,
        const ResponseHeaders& headers,
        WallTime now
    ) const = 0;
    [[nodiscard]] virtual std::string object_url(const std::string& key) const = 0;

    /// Whether all parts of an upload but the last have to be of one size.
    [[nodiscard]] virtual bool wants_equal_parts() const { return false; }
    /// Whether the last request that failed for good did so for want of a right, not because the
    /// credentials are wrong.
    [[nodiscard]] virtual bool lacked_right() const = 0;

protected:
    ObjectStore() = default;
    ObjectStore(const ObjectStore&) = default;
    ObjectStore(ObjectStore&&) = default;
    ObjectStore& operator=(const ObjectStore&) = default;
    ObjectStore& operator=(ObjectStore&&) = default;
};

}  // namespace aircheck::storage
