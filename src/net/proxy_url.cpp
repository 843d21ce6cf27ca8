#include "net/proxy_url.hpp"

#include "net/url.hpp"

namespace aircheck::net {

std::string proxy_url(
    const std::string& url, std::string_view username, std::string_view password
) {
    if (username.empty()) return url;
    const auto scheme_end = url.find("://");
    const std::size_t at = scheme_end == std::string::npos ? 0 : scheme_end + 3;
    return url.substr(0, at) + percent_encode(username) + ":" + percent_encode(password) + "@" +
           url.substr(at);
}

}  // namespace aircheck::net
