#pragma once

#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace aircheck::mux {

/// A segment as a playlist names it.
struct PlaylistEntry {
    std::string name;  ///< Its file's name, relative to the playlist's folder.
    WallTime start{};
    Nanoseconds duration{};
};

/// The text of an HLS media playlist (RFC 8216), with the tags that LiveKit's recorder writes, in
/// its order.
class Playlist {
public:
    enum class Kind {
        Event,  ///< Lists every segment.
        Live,   ///< Lists the newest five.
    };
    static constexpr std::size_t kLiveSegments = 5;

    Playlist(Kind kind, Nanoseconds segment_duration);

    void append(const PlaylistEntry& entry);
    /// The recording is over: no segment follows.
    void finish() { is_finished_ = true; }

    /// The whole playlist as it stands. EXT-X-TARGETDURATION is the nominal duration, and no less
    /// than any segment's in whole seconds (§4.3.3.1).
    [[nodiscard]] std::string text() const;

private:
    Kind kind_;
    std::int64_t target_seconds_;
    std::uint64_t media_sequence_ = 0;
    std::string entries_;             ///< Of an event playlist.
    std::deque<std::string> window_;  ///< Of a live one.
    bool is_finished_ = false;
};

/// "{prefix}_00042.ts"; five digits or more.
[[nodiscard]] std::string segment_name(std::string_view prefix, std::uint32_t index);
/// "{prefix}_YYYYMMDDhhmmssmmm.ts", in UTC.
[[nodiscard]] std::string segment_name(std::string_view prefix, WallTime start);

/// A file's name as a relative reference (RFC 3986): what could mean something else in a playlist
/// or an address ("#", "?", "%", spaces, control characters, what is not ASCII, a colon in the
/// first part) is escaped, so that a room's name cannot add lines or lead elsewhere.
[[nodiscard]] std::string playlist_uri(std::string_view name);

}  // namespace aircheck::mux
