#include "recorder/segment_names.hpp"

#include "storage/object_name.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace aircheck::recorder {
namespace {

constexpr std::string_view kExtension = ".m3u8";
/// Bytes; with its number and extension it stays below what file systems take.
constexpr std::size_t kLongestPrefix = 220;

struct Path {
    std::string folder;  ///< "" or with "/" at its end.
    std::string name;
};

Path path_of(std::string_view text, const NameParts& parts) {
    const std::string expanded = expand_placeholders(text, parts);
    std::string path = clean_path(expanded);
    while (path.starts_with('/')) path.erase(0, 1);
    if (expanded.ends_with('/') && !path.empty()) path += '/';
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return {"", std::move(path)};
    return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

/// As the store will call them (safe_object_key): a playlist has to name what is there.
Result<> make_safe(SegmentNames& names) {
    constexpr std::string_view kNumber = "_00000.ts";
    const std::string folder = names.folder;
    const auto safe_name = [&](std::string& name) -> Result<> {
        AC_TRY(auto safe, storage::safe_object_key(folder + name));
        if (safe.size() != folder.size() + name.size()) {
            return fail(
                Errc::InvalidArgument, "playlist_name or filename_prefix is too long: " + name
            );
        }
        names.folder = safe.substr(0, folder.size());
        name = safe.substr(folder.size());
        return {};
    };
    AC_CHECK_OK(safe_name(names.playlist));
    if (!names.live_playlist.empty()) AC_CHECK_OK(safe_name(names.live_playlist));
    if (names.prefix.size() - (names.prefix.rfind('/') + 1) > kLongestPrefix) {
        return fail(Errc::InvalidArgument, "filename_prefix is too long: " + names.prefix);
    }
    std::string first = names.prefix + std::string(kNumber);
    AC_CHECK_OK(safe_name(first));
    names.prefix = first.substr(0, first.size() - kNumber.size());
    return {};
}

}  // namespace

bool can_expand(const SegmentOutput& output, const NameParts& parts) {
    return can_expand(output.prefix, parts) && can_expand(output.playlist_name, parts) &&
           can_expand(output.live_playlist_name, parts);
}

Result<SegmentNames> segment_names(const SegmentOutput& output, const NameParts& parts) {
    Path playlist = path_of(output.playlist_name, parts);
    Path live = path_of(output.live_playlist_name, parts);
    Path prefix = path_of(output.prefix, parts);
    if (!live.folder.empty() && live.folder != playlist.folder) {
        return fail(
            Errc::InvalidArgument, "live_playlist_name must be in same directory as playlist_name"
        );
    }
    playlist.name.resize(without_extension(playlist.name).size());
    live.name.resize(without_extension(live.name).size());
    if (playlist.folder.empty()) playlist.folder = prefix.folder;
    if (prefix.folder == playlist.folder) prefix.folder.clear();
    if (playlist.name.empty()) {
        playlist.name =
            prefix.name.empty() ? expand_placeholders(parts.default_name, parts) : prefix.name;
    }
    if (prefix.name.empty()) prefix.name = playlist.name;
    SegmentNames names;
    names.folder = std::move(playlist.folder);
    names.playlist = playlist.name + std::string(kExtension);
    if (!live.name.empty()) names.live_playlist = live.name + std::string(kExtension);
    names.prefix = prefix.folder + prefix.name;
    AC_CHECK_OK(make_safe(names));
    if (names.live_playlist == names.playlist) {
        return fail(
            Errc::InvalidArgument, "live_playlist_name cannot be identical to playlist_name"
        );
    }
    return names;
}

}  // namespace aircheck::recorder
