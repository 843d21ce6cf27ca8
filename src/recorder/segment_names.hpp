#pragma once

#include "core/result.hpp"
#include "recorder/file_name.hpp"
#include "recorder/job.hpp"

#include <string>

namespace aircheck::recorder {

/// What the objects of an HLS output are called.
struct SegmentNames {
    std::string folder;         ///< Of the playlists, "" or with "/" at its end.
    std::string playlist;       ///< In `folder`, with ".m3u8".
    std::string live_playlist;  ///< Likewise, or "": none is made.
    std::string prefix;         ///< Of the segments, from `folder`.
};

/// As livekit/egress names them (TestSegmentNaming there): prefix and playlist stand for each
/// other where one is missing, the default name for both; the prefix's folder becomes the
/// playlist's, unless that has one. Names stay in their root. Of a name only a known extension is
/// cut (LiveKit cuts at any dot, so that "a.b" and "a.c" would become one). Errc::InvalidArgument:
/// the live playlist lies in another folder or is the playlist.
[[nodiscard]] Result<SegmentNames> segment_names(
    const SegmentOutput& output, const NameParts& parts
);

/// False while a name needs what is not known yet.
[[nodiscard]] bool can_expand(const SegmentOutput& output, const NameParts& parts);

}  // namespace aircheck::recorder
