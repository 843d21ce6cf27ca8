#pragma once

#include "core/result.hpp"
#include "net/http_client.hpp"
#include "storage/destination.hpp"

#include <optional>
#include <string>

namespace aircheck::storage {

/// Why Google Cloud Storage refused, in either of its APIs.
struct GcsFailure {
    int status = 0;
    std::string code;     ///< The XML API's, "NoSuchBucket"; empty in the JSON API.
    std::string message;  ///< Google's own words.

    /// Whether the same request may work a moment later.
    [[nodiscard]] bool is_passing() const;
    /// Whether the credentials are good, but may not do this.
    [[nodiscard]] bool is_want_of_right() const;
};

/// Empty when the answer is a success.
[[nodiscard]] std::optional<GcsFailure> gcs_failure_of(const net::HttpResponse& response);

/// In words that say what to look at. `action` is what was tried ("store calls/a.mp4"),
/// `permission` the right that it takes ("storage.objects.create").
[[nodiscard]] Error explain(
    const GcsFailure& failure,
    const GcsDestination& destination,
    const std::string& action,
    const std::string& permission
);

}  // namespace aircheck::storage
