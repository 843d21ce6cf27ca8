#pragma once

#include "core/result.hpp"
#include "net/http_client.hpp"

#include <string>
#include <string_view>

namespace aircheck::streams {

inline constexpr std::string_view kTwitchIngests = "https://ingest.twitch.tv/ingests";

/// The address that Twitch gives to the owner of `key`: of the first ingest server in its list at
/// `ingests_url`, by RTMPS where it has that. Blocks. Errors name the list, not the key.
[[nodiscard]] Result<std::string> twitch_url(
    net::HttpClient& http, const std::string& ingests_url, std::string_view key
);

}  // namespace aircheck::streams
