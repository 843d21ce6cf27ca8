#include "storage/object_name.hpp"

#include "core/foreign_text.hpp"

#include <vector>

namespace aircheck::storage {
namespace {

constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kMaxSegmentBytes = 255;  // NAME_MAX of the usual file systems
/// What folders leave for the name: an extension, and what with_suffix() adds ("-EG_…" of 16 bytes
/// and "-99").
constexpr std::size_t kShortestName = 40;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string printable(std::string_view segment) {
    std::string out;
    for (std::size_t at = 0; at < segment.size();) {
        const std::size_t length = utf8_length(segment, at);
        const std::string_view character = segment.substr(at, length == 0 ? 1 : length);
        if (length == 0 || is_control(character)) {
            out += '_';
        } else {
            out += character;
        }
        at += character.size();
    }
    return out;
}

/// Where the extension's dot is; the end, when there is none. "a.tar.gz" has ".gz", ".env" has
/// none.
std::size_t extension_at(std::string_view segment) {
    const std::size_t dot = segment.rfind('.');
    constexpr std::size_t kLongestExtension = 16;
    if (dot == std::string_view::npos || dot == 0 || segment.size() - dot > kLongestExtension) {
        return segment.size();
    }
    return dot;
}

/// Cuts `segment` to `limit` bytes, before its extension and between characters.
std::string shorten(std::string segment, std::size_t limit) {
    if (segment.size() <= limit) return segment;
    const std::string extension = segment.substr(extension_at(segment));
    std::size_t end = limit > extension.size() ? limit - extension.size() : 0;
    while (end > 0 && is_continuation(segment[end])) --end;
    return segment.substr(0, end) + extension;
}

std::vector<std::string> safe_segments(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view segment = path.substr(0, slash);
        path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
        if (segment.empty() || segment == "." || segment == "..") continue;
        segments.push_back(shorten(printable(segment), kMaxSegmentBytes));
    }
    return segments;
}

}  // namespace

Result<std::string> safe_object_key(std::string_view path) {
    const std::string shown = printable(path.substr(0, 200));
    if (path.empty() || path.ends_with('/')) {
        return fail(Errc::InvalidArgument, "file path \"" + shown + "\" names no file");
    }
    const std::vector<std::string> segments = safe_segments(path);
    const std::size_t slash = path.rfind('/');
    const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (segments.empty() || last == "." || last == "..") {
        return fail(Errc::InvalidArgument, "file path \"" + shown + "\" names no file");
    }
    std::string key;
    for (std::size_t i = 0; i + 1 < segments.size(); ++i) key += segments[i] + "/";
    if (key.size() + kShortestName > kMaxKeyBytes) {
        return fail(Errc::InvalidArgument, "file path \"" + shown + "…\" has over 1024 bytes");
    }
    return key + shorten(segments.back(), kMaxKeyBytes - key.size());
}

std::string with_suffix(std::string_view key, std::string_view suffix) {
    const std::size_t slash = key.rfind('/');
    const std::size_t name_at = slash == std::string_view::npos ? 0 : slash + 1;
    const std::string_view name = key.substr(name_at);
    const std::size_t dot = extension_at(name);
    const std::string extension(name.substr(dot));
    const std::string added = "-" + std::string(suffix) + extension;
    const std::size_t room =
        std::min(kMaxSegmentBytes, kMaxKeyBytes - std::min(kMaxKeyBytes, name_at));
    std::size_t end = std::min(dot, room > added.size() ? room - added.size() : 0);
    while (end > 0 && end < name.size() && is_continuation(name[end])) --end;
    return std::string(key.substr(0, name_at)) + std::string(name.substr(0, end)) + added;
}

}  // namespace aircheck::storage
