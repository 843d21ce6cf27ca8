#include "mux/playlist.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace aircheck::mux {
namespace {

/// A segment is longer than asked by less than one frame: AAC's longest, 1024 samples at 8 kHz.
constexpr Nanoseconds kLongestFrame = 128ms;

std::int64_t to_nearest_second(Nanoseconds duration) {
    return std::chrono::floor<std::chrono::seconds>(duration + 500ms).count();
}

std::string entry_text(const PlaylistEntry& entry) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(entry.duration + 500us).count();
    char duration[40];
    std::snprintf(
        duration,
        sizeof duration,
        "%lld.%03lld",
        static_cast<long long>(ms / 1000),
        static_cast<long long>(ms % 1000)
    );
    return "#EXT-X-PROGRAM-DATE-TIME:" + to_iso8601(entry.start) + "\n#EXTINF:" + duration + ",\n" +
           playlist_uri(entry.name) + "\n";
}

bool is_plain(char c) {
    constexpr std::string_view kMarks = "-._~/!$&'()*+,;=:@";
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alphanumeric || kMarks.find(c) != std::string_view::npos;
}

}  // namespace

Playlist::Playlist(Kind kind, Nanoseconds segment_duration)
    : kind_(kind),
      target_seconds_(std::max<std::int64_t>(1, to_nearest_second(segment_duration + kLongestFrame))
      ) {}

void Playlist::append(const PlaylistEntry& entry) {
    target_seconds_ = std::max(target_seconds_, to_nearest_second(entry.duration));
    if (kind_ == Kind::Event) {
        entries_ += entry_text(entry);
        return;
    }
    window_.push_back(entry_text(entry));
    if (window_.size() <= kLiveSegments) return;
    window_.pop_front();
    ++media_sequence_;
}

std::string Playlist::text() const {
    std::string text = "#EXTM3U\n#EXT-X-VERSION:4\n";
    if (kind_ == Kind::Event) text += "#EXT-X-PLAYLIST-TYPE:EVENT\n";
    text += "#EXT-X-ALLOW-CACHE:NO\n";
    text += "#EXT-X-TARGETDURATION:" + std::to_string(target_seconds_) + "\n";
    text += "#EXT-X-MEDIA-SEQUENCE:" + std::to_string(media_sequence_) + "\n";
    text += entries_;
    for (const std::string& entry : window_) text += entry;
    if (is_finished_) text += "#EXT-X-ENDLIST\n";
    return text;
}

std::string segment_name(std::string_view prefix, std::uint32_t index) {
    char suffix[20];
    std::snprintf(suffix, sizeof suffix, "_%05u.ts", static_cast<unsigned>(index));
    return std::string(prefix) + suffix;
}

std::string segment_name(std::string_view prefix, WallTime start) {
    std::string digits;
    for (const char c : to_iso8601(start)) {
        if (c >= '0' && c <= '9') digits += c;
    }
    return std::string(prefix) + "_" + digits + ".ts";
}

std::string playlist_uri(std::string_view name) {
    constexpr char kHex[] = "0123456789ABCDEF";
    std::string uri;
    for (const char c : name) {
        if (is_plain(c)) {
            uri += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        uri += {'%', kHex[byte >> 4], kHex[byte & 0xf]};
    }
    // A leading slash would lead to the root or another host, a colon before the first slash would
    // end a scheme's name (RFC 3986 §4.2).
    if (uri.starts_with('/')) return "." + uri;
    const std::size_t colon = uri.find(':');
    if (colon != std::string::npos && colon < uri.find('/')) uri.insert(0, "./");
    return uri;
}

}  // namespace aircheck::mux
