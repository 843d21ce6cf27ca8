#include "recorder/track_names.hpp"

#include "storage/object_name.hpp"

namespace aircheck::recorder {
namespace {

constexpr std::string_view kExtension = ".ogg";
constexpr std::size_t kLongestIdentity = 100;  ///< Bytes: the track's id has to fit in beside it.

/// As one element of a path.
std::string safe_identity(std::string_view identity) {
    std::string safe(identity.substr(0, kLongestIdentity));
    // Not in the middle of a character of UTF-8.
    while (safe.size() < identity.size() && !safe.empty() &&
           (static_cast<unsigned char>(identity[safe.size()]) & 0xC0U) == 0x80U) {
        safe.pop_back();
    }
    for (char& c : safe) {
        if (c == '/' || c == '\\') c = '_';
    }
    return safe.empty() || safe == "." || safe == ".." ? "_" : safe;
}

}  // namespace

std::string track_file_name(
    const TrackFiles& files,
    std::string_view mix_name,
    const NameParts& parts,
    const NamedTrack& track
) {
    NameParts all = parts;
    all.publisher_identity = safe_identity(track.participant_identity);
    all.track_sid = std::string(track.track_sid);
    all.track_source = std::string(track.source);
    all.default_name = "{publisher_identity}-{track_id}";
    std::string name;
    if (files.filepath.empty()) {
        // The mix's name is no template any more.
        name =
            std::string(without_extension(mix_name)) + "/" + expand_file_name("", all, kExtension);
    } else {
        name = expand_file_name(files.filepath, all, kExtension);
    }
    if (track.before == 0) return name;
    return storage::with_suffix(name, std::to_string(track.before + 1));
}

Result<> check_track_filepath(std::string_view filepath) {
    const bool is_folder = filepath.empty() || filepath.ends_with('/');
    if (is_folder || filepath.find("{track_id}") != std::string_view::npos) return {};
    return fail(
        Errc::InvalidArgument,
        "track_filepath '" + std::string(filepath) + "' has no {track_id}: all tracks would be one"
    );
}

}  // namespace aircheck::recorder
