#pragma once

#include "net/http_client.hpp"
#include "storage/destination.hpp"
#include "storage/gcs_credentials.hpp"

#include <functional>
#include <optional>
#include <string>

namespace aircheck::storage {

/// Access tokens for Google Cloud Storage: by a service account's key, or of the machine's own
/// account, from its metadata server. One is kept until five minutes before it ends.
///
/// Blocking; one thread at a time. PermissionDenied: Google refuses the key, with its words;
/// Unavailable and Timeout: nobody answers (try again).
class GcsToken {
public:
    using Clock = std::function<WallTime()>;
    /// Without a `key`: the machine's account.
    GcsToken(std::optional<GcsKey> key, Clock clock)
        : key_(std::move(key)), clock_(std::move(clock)) {}

    [[nodiscard]] Result<std::string> get(const GcsDestination& destination, net::HttpClient& http);
    /// The store did not take the last one.
    void forget() { token_.clear(); }

private:
    [[nodiscard]] Result<net::HttpResponse> ask(
        const GcsDestination& destination, net::HttpClient& http
    );
    [[nodiscard]] Result<> ask_google(const GcsDestination& destination, net::HttpClient& http);

    std::optional<GcsKey> key_;
    Clock clock_;
    std::string token_;
    WallTime good_until_{};
    Nanoseconds clock_offset_{};  ///< Google's clock less ours.
};

}  // namespace aircheck::storage
