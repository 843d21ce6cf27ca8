#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "storage/destination.hpp"

#include <optional>
#include <string>

namespace aircheck::storage {

/// Why S3 refused, as far as its answer tells (HEAD answers have no body).
struct S3Failure {
    int status = 0;
    std::string code;  ///< "NoSuchBucket" …; made from the status when the answer has none.
    std::string message;
    std::string region;            ///< Where the bucket is, when the answer says so.
    std::optional<WallTime> date;  ///< The store's clock.

    /// Whether the same request may work a moment later.
    [[nodiscard]] bool is_passing() const;
};

/// Empty when the answer is a success: 2xx without an <Error> in its body (CompleteMultipartUpload
/// may answer 200 and fail).
[[nodiscard]] std::optional<S3Failure> failure_of(const net::HttpResponse& response);

/// In words that say what to look at. `action` is what was tried ("store calls/a.mp4"),
/// `permission` the right that it takes ("s3:PutObject").
[[nodiscard]] Error explain(
    const S3Failure& failure,
    const S3Destination& destination,
    const std::string& action,
    const std::string& permission
);

}  // namespace aircheck::storage
