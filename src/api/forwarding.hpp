#pragma once

#include "core/result.hpp"
#include "net/http_server.hpp"

#include <string>
#include <string_view>

namespace aircheck::api {

/// True for a path of LiveKit's own API that aircheck does not serve itself: Twirp services but
/// Egress, `/rtc` and all below it (signalling), `/agent` (workers of agents). Only paths without
/// escapes, dots or empty segments are: what another server might read as another path stays here.
[[nodiscard]] bool is_livekits_own(std::string_view path);

/// What is passed on to the LiveKit server at `ws_url`, which judges the tokens itself. `ca_file`:
/// extra trust anchors (PEM), or "". Errors: `ws_url` is not a URL.
[[nodiscard]] Result<net::HttpForwarding> forwarding_to(
    const std::string& ws_url, const std::string& ca_file
);

/// The answer to a request that could not be passed on: 502, or 503 when there are too many at a
/// time; Twirp's `unavailable` under /twirp, a problem elsewhere. Says nothing of the inside.
[[nodiscard]] net::HttpServerResponse forward_failure(
    const net::HttpServerRequest& request, net::HttpForwarding::Failure why
);

/// For one of LiveKit's own paths where nothing is passed on: 404, naming the setting.
[[nodiscard]] net::HttpServerResponse not_forwarded(const net::HttpServerRequest& request);

}  // namespace aircheck::api
