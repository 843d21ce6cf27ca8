#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "storage/object_store.hpp"

#include <map>
#include <memory>
#include <string>

namespace aircheck::storage {

/// A finished output, where it lies.
struct StoredObject {
    std::string location;  ///< "https://bucket.endpoint/key", path style where that is used, or an
                           ///< absolute path.
    std::string key;  ///< With the destination's prefix; "-EG_…" in it when the name was taken.
    std::uint64_t size = 0;
    std::string etag;    ///< Without quotes; empty for local files.
    std::string sha256;  ///< Lower-case hexadecimal.
};

/// One output on its way. Its body is what the muxer appends to the spool file after the growing
/// file's header; its head is known at the end.
struct UploadSpec {
    std::string
        key;  ///< Expanded; made safe by safe_object_key(). Without the destination's prefix.
    std::string content_type = "application/octet-stream";  ///< "video/mp4", "audio/ogg" …
    std::string egress_id{};  ///< For the name when `key` is taken, and as x-amz-meta-egress-id.
    std::string body_path{};  ///< The spool's file.
    std::uint64_t body_offset = 0;  ///< Where the body begins in it: the size of Muxer::header().
    /// What checkpoint() gave before a restart: the upload goes on if the store still knows it and
    /// the body's bytes are the same; else it starts anew.
    std::string checkpoint{};
    /// A name that is taken: the object gets another one, or takes the other's place.
    enum class IfTaken { Rename, Replace } if_taken = IfTaken::Rename;
};

/// Brings one output to its destination, while it is being written where the store can take that.
///
/// S3, Azure, GCS: parts 2 to n are sent as the body grows, each as soon as it is whole; the first
/// part (head, and the body's first 5 MiB) is sent at the end. An object smaller than two parts is
/// one PUT. Local files appear under their name only when complete. A name that is taken gets
/// "-EG_…" before its extension, unless `if_taken` says otherwise.
///
/// All calls block, for a thread of a pool, one at a time. Requests are retried as the
/// destination's RetryPolicy says; after an error any call may be made again and goes on where it
/// stopped: retrying for as long as the disk holds is the caller's loop. Errors: Unavailable and
/// Timeout (try again), PermissionDenied, NotFound (no such bucket), InvalidArgument (a setting),
/// NoSpace; each names the destination.
class UploadSession {
public:
    /// `http` must outlive the session. Asks nothing of the remote yet; InvalidArgument when the
    /// destination's settings are impossible.
    [[nodiscard]] static Result<std::unique_ptr<UploadSession>> create(
        const Destination& destination, UploadSpec spec, net::HttpClient& http
    );
    virtual ~UploadSession() = default;

    /// The body has `body_bytes` bytes now: sends whatever parts that makes whole.
    [[nodiscard]] virtual Result<> advance(std::uint64_t body_bytes) = 0;
    /// The body is `body_bytes` long and `head` comes before it: sends the rest and completes the
    /// object.
    [[nodiscard]] virtual Result<StoredObject> complete(
        BytesView head, std::uint64_t body_bytes
    ) = 0;
    /// Takes back what was sent; the session is spent.
    [[nodiscard]] virtual Result<> abort() = 0;

    /// Bytes of the body that the destination has.
    [[nodiscard]] virtual std::uint64_t sent_bytes() const = 0;
    /// What UploadSpec::checkpoint needs after a restart; without secrets; changes with each part.
    [[nodiscard]] virtual std::string checkpoint() const = 0;
};

/// A link that opens `key` (with its prefix) for `ttl`, 1 s to 7 days; blocks where temporary keys
/// have to be asked for (ObjectStore::presign).
/// Unsupported for local folders; InvalidArgument for another ttl.
[[nodiscard]] Result<std::string> presign_get(
    const Destination& destination,
    const std::string& key,
    std::chrono::seconds ttl,
    const ResponseHeaders& headers,
    WallTime now,
    LinkMethod method = LinkMethod::Get
);

/// The location of `key` (with its prefix) as StoredObject has it.
[[nodiscard]] std::string location_of(const Destination& destination, const std::string& key);

}  // namespace aircheck::storage
