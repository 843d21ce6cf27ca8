#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "storage/destination.hpp"

#include <optional>
#include <string>

namespace aircheck::storage {

/// Why Azure refused, as far as its answer tells.
struct AzureFailure {
    int status = 0;
    std::string code;  ///< "ContainerNotFound" …; made from the status when the answer has none.
    std::string message;
    std::optional<WallTime> date;  ///< The store's clock.

    /// Whether the same request may work a moment later.
    [[nodiscard]] bool is_passing() const;
    /// Whether the credentials are good, but may not do this.
    [[nodiscard]] bool is_want_of_right() const;
};

/// Empty when the answer is a success.
[[nodiscard]] std::optional<AzureFailure> azure_failure_of(const net::HttpResponse& response);

/// In words that say what to look at. `action` is what was tried ("store calls/a.mp4"),
/// `permission` the right that it takes ("to write (SAS: c and w)").
[[nodiscard]] Error explain(
    const AzureFailure& failure,
    const AzureDestination& destination,
    const std::string& action,
    const std::string& permission
);

}  // namespace aircheck::storage
