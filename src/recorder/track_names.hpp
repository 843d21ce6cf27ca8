#pragma once

#include "core/result.hpp"
#include "recorder/file_name.hpp"
#include "recorder/job.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace aircheck::recorder {

/// A track as its file's name tells it.
struct NamedTrack {
    std::string_view track_sid;
    std::string_view participant_identity;
    std::string_view source;
    std::size_t before = 0;  ///< Files that this very track had before this one.
};

/// The key of a track's own file: by the template, or "calls/a.mp4" → "calls/a/ann-TR_x.ogg". What
/// leads elsewhere in an identity is replaced, and it is cut to 100 bytes; a track's second file is
/// called "…-2.ogg".
[[nodiscard]] std::string track_file_name(
    const TrackFiles& files,
    std::string_view mix_name,
    const NameParts& parts,
    const NamedTrack& track
);

/// Errc::InvalidArgument where `filepath` would give all tracks one name.
[[nodiscard]] Result<> check_track_filepath(std::string_view filepath);

}  // namespace aircheck::recorder
