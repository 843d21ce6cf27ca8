#pragma once

#include "net/http_client.hpp"
#include "storage/object_store.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace aircheck::storage {

/// What the clients of all stores share: one way to reach them, one way to wait.

/// A request to a store, ready but for its signature; the body's time is allowed for.
[[nodiscard]] net::HttpRequest request_to(
    const StoreNetwork& network, std::string method, std::string body, std::uint64_t expected_bytes
);
/// Sends it; an address that `network.reach` forbids is Errc::PermissionDenied.
[[nodiscard]] Result<net::HttpResponse> send_to_store(
    net::HttpClient& http, const net::HttpRequest& request
);

/// Sleeps before the `retry`-th further try (from 0): doubles from try to try up to the limit;
/// somewhere in its upper half, so that many do not come at once.
void wait_before_retry(const RetryPolicy& policy, int retry);

/// What the store has under `key`, if it is what an earlier try of ours put there; else `error`.
/// The ETag of `ours` may be unknown; then the egress has to be the same.
[[nodiscard]] Result<std::string> unless_stored_before(
    ObjectStore& store, Error error, const std::string& key, const ObjectInfo& ours
);

/// InvalidArgument for a link's life that no store allows.
[[nodiscard]] Result<> check_link_life(std::chrono::seconds ttl);

[[nodiscard]] std::string without_quotes(std::string_view etag);
/// 0 where `text` is no number.
[[nodiscard]] std::uint64_t number_of(std::string_view text);

/// What fits in a header's value as it stands: printable ASCII.
[[nodiscard]] bool is_header_value(std::string_view value);

/// `key` below a destination's `prefix`, which may end in a slash or not.
[[nodiscard]] std::string with_prefix(const std::string& prefix, const std::string& key);

}  // namespace aircheck::storage
