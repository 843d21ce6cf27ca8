#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>

namespace aircheck::storage {

/// Makes an expanded file path from a request or a template safe, for folders and buckets alike: no
/// leading '/', no empty, "." or ".." segments (they are dropped, as livekit/egress does), no
/// control characters and no invalid UTF-8 (each becomes '_'), at most 1024 bytes in all and 255 a
/// segment (cut before the extension, between characters). InvalidArgument when nothing is left, or
/// when the path names a folder.
[[nodiscard]] Result<std::string> safe_object_key(std::string_view path);

/// "calls/a.mp4" and "EG_x" → "calls/a-EG_x.mp4": the name for a second object that wants to be
/// `key`.
[[nodiscard]] std::string with_suffix(std::string_view key, std::string_view suffix);

}  // namespace aircheck::storage
