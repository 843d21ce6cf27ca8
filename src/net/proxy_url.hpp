#pragma once

#include <string>
#include <string_view>

namespace aircheck::net {

/// A proxy's URL with its user and password in it, percent-encoded, as HttpRequest::proxy takes it;
/// `url` as it is where there is no user.
[[nodiscard]] std::string proxy_url(
    const std::string& url, std::string_view username, std::string_view password
);

/// The HTTP proxy that the environment names for a connection to `host`, or "": HTTPS_PROXY, else
/// ALL_PROXY (each in small letters too), unless NO_PROXY lists the host or a domain it is in. This
/// machine itself is never reached through one. What LiveKit's own SDKs do.
[[nodiscard]] std::string proxy_from_environment(std::string_view host);

/// The same, of given values.
[[nodiscard]] std::string proxy_for(
    std::string_view host, const std::string& proxy, std::string_view no_proxy
);

}  // namespace aircheck::net
