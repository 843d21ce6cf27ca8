#pragma once

#include "core/time.hpp"

#include <string>
#include <string_view>

namespace aircheck::recorder {

struct NameParts {
    std::string room_name;
    std::string room_sid;
    WallTime time;  ///< Of the request, as in livekit/egress.
};

/// True when `filepath` needs the room's sid, which may be known only after joining.
[[nodiscard]] bool needs_room_sid(std::string_view filepath);

/// Expands livekit/egress's file name template (egress-survey 1.8): `{room_name}`, `{room_id}`,
/// `{time}` (2006-01-02T150405), `{utc}` (20060102150405 and milliseconds); both in UTC unless TZ
/// is set. An empty path or one that ends in "/" gets "{room_name}-{time}"; a known but wrong
/// extension is replaced, a missing one appended. `extension` is ".mp4" or ".ogg". Names of other
/// placeholders stay as they are. The result is cleaned as Go's path.Clean does and never begins
/// with "../": it stays in its root.
[[nodiscard]] std::string expand_file_name(
    std::string_view filepath, const NameParts& parts, std::string_view extension
);

/// Lexical path.Clean of Go, without leading "../" elements: "a//b/../c" → "a/c".
[[nodiscard]] std::string clean_path(std::string_view path);

}  // namespace aircheck::recorder
