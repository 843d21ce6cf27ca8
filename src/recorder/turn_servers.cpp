#include "recorder/turn_servers.hpp"

#include "core/log.hpp"

#include <algorithm>

namespace aircheck::recorder {
namespace {

constexpr std::size_t kMaxServers = 32;

}  // namespace

std::vector<transport::TurnServer> turn_servers(const std::vector<signal::IceServer>& servers) {
    std::vector<transport::TurnServer> found;
    for (const auto& server : servers) {
        for (const auto& url : server.urls) {
            auto parsed = transport::parse_turn_url(url);
            if (!parsed) {
                const auto why = parsed.error().to_string();
                if (parsed.error().code == Errc::Unsupported) {
                    log::debug("ice_server.unused", {{"why", why}});
                } else {
                    log::warn("ice_server.bad", {{"why", why}});
                }
                continue;
            }
            parsed->username = server.username;
            parsed->credential = server.credential;
            const bool is_known = std::find(found.begin(), found.end(), *parsed) != found.end();
            if (!is_known && found.size() < kMaxServers) found.push_back(*std::move(parsed));
        }
    }
    return found;
}

}  // namespace aircheck::recorder
