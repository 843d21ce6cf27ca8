#pragma once

#include <string>
#include <string_view>

namespace aircheck::net {

/// A proxy's URL with its user and password in it, percent-encoded, as HttpRequest::proxy takes it;
/// `url` as it is where there is no user.
[[nodiscard]] std::string proxy_url(
    const std::string& url, std::string_view username, std::string_view password
);

}  // namespace aircheck::net
