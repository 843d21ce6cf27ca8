#include "net/proxy_url.hpp"

#include "net/address.hpp"
#include "net/url.hpp"

#include <netinet/in.h>

#include <cstdlib>

namespace aircheck::net {
namespace {

std::string variable(const char* name, const char* small) {
    for (const char* each : {name, small}) {
        const char* value = std::getenv(each);
        if (value != nullptr && *value != '\0') return value;
    }
    return {};
}

bool is_this_machine(const std::string& host) {
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    return host == "::1" || (host.starts_with("127.") && to_socket_address({host, 0}));
}

/// An entry of NO_PROXY: "*", a host, or a domain with or without its dot.
bool is_excepted(std::string_view host, std::string_view entry) {
    if (entry == "*" || entry == host) return true;
    if (entry.starts_with('.')) entry.remove_prefix(1);
    return host == entry || (host.size() > entry.size() && host.ends_with(entry) &&
                             host[host.size() - entry.size() - 1] == '.');
}

}  // namespace

std::string proxy_for(std::string_view host, const std::string& proxy, std::string_view no_proxy) {
    if (proxy.empty() || is_this_machine(std::string(host))) return {};
    while (!no_proxy.empty()) {
        const auto comma = no_proxy.find_first_of(", ");
        const auto entry = no_proxy.substr(0, comma);
        if (!entry.empty() && is_excepted(host, entry)) return {};
        if (comma == std::string_view::npos) break;
        no_proxy.remove_prefix(comma + 1);
    }
    return proxy.find("://") == std::string::npos ? "http://" + proxy : proxy;
}

std::string proxy_from_environment(std::string_view host) {
    auto proxy = variable("HTTPS_PROXY", "https_proxy");
    if (proxy.empty()) proxy = variable("ALL_PROXY", "all_proxy");
    return proxy_for(host, proxy, variable("NO_PROXY", "no_proxy"));
}

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
