#pragma once

#include "core/time.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace aircheck::recorder {

struct NameParts {
    std::string room_name;
    std::string room_sid;
    WallTime time;  ///< Of the request, as in livekit/egress.
    /// Empty: not known yet; none: the job is not about one, and its placeholder stays as it is.
    std::optional<std::string> publisher_identity{};
    std::optional<std::string> track_sid{};
    std::optional<std::string> track_source{};  ///< "microphone" …
    std::string_view default_name = "{room_name}-{time}";
};

/// True when `name` ends in `extension` (".mp4"), in capitals, too: `CALL.MP4` is one.
[[nodiscard]] bool has_extension(std::string_view name, std::string_view extension);
/// `name` without the extension that it has, where that is one of livekit/egress's or ours.
[[nodiscard]] std::string_view without_extension(std::string_view name);

/// False while `filepath` needs what is not known yet: the room's sid, the publisher's identity.
[[nodiscard]] bool can_expand(std::string_view filepath, const NameParts& parts);

/// `text` with its placeholders replaced, and nothing else done to it.
[[nodiscard]] std::string expand_placeholders(std::string_view text, const NameParts& parts);

/// Expands livekit/egress's file name template (egress-survey 1.8): `{room_name}`, `{room_id}`,
/// `{time}` (2006-01-02T150405), `{utc}` (20060102150405 and milliseconds), both in UTC unless TZ
/// is set; `{publisher_identity}`, `{track_id}`, `{track_source}` and `{track_type}` (always
/// "audio"). An empty path or one that ends in "/" gets the default name; a known but wrong
/// extension is replaced, a missing one appended. `extension` is ".mp4" … Names of other
/// placeholders stay as they are. The result is cleaned as Go's path.Clean does and never begins
/// with "../": it stays in its root.
[[nodiscard]] std::string expand_file_name(
    std::string_view filepath, const NameParts& parts, std::string_view extension
);

/// Lexical path.Clean of Go, without leading "../" elements: "a//b/../c" → "a/c".
[[nodiscard]] std::string clean_path(std::string_view path);

}  // namespace aircheck::recorder
