#pragma once

#include "records/model.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>

namespace aircheck::api {

/// The URL of a mix that plays, as `recording_urls` says.
using UrlOf = std::function<std::string(const records::PlayableMix& mix)>;

/// A conversation as docs/contracts.md has it: times ISO 8601 UTC, durations and offsets in
/// seconds.
[[nodiscard]] nlohmann::json to_json(
    const records::ConversationDetails& details, const UrlOf& url_of
);
[[nodiscard]] nlohmann::json to_json(const records::Recording& recording);

}  // namespace aircheck::api
