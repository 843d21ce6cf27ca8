#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "recorder/job.hpp"
#include "recorder/segment_names.hpp"
#include "storage/upload.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::recorder {

/// Its name in the spool's folder of segments.
inline constexpr std::string_view kKeptSegments = "segments.json";

/// What SegmentsResult::error says of them, before the folder.
inline constexpr std::string_view kSegmentsKept = "; the segments that were not sent are kept in ";

/// An HLS output of which something could not be sent: what its playlists need.
struct KeptSegments {
    struct Segment {
        std::string name;  ///< Of the object, in the playlists' folder.
        WallTime start{};
        Nanoseconds duration{0};
        std::uint64_t size_bytes = 0;
        std::string spool_name;  ///< Of its file beside this one; "" once it is stored.
        StoredName stored;       ///< Where it lies then.
    };
    SegmentNames names;
    Nanoseconds segment_duration{0};
    std::uint32_t lost = 0;  ///< Neither stored nor here: the disk had refused them.
    std::vector<Segment> segments;

    [[nodiscard]] std::string to_json() const;
    /// Errc::Malformed: not what to_json() gives.
    [[nodiscard]] static Result<KeptSegments> parse(std::string_view json);
};

/// An HLS output once it is stored after all.
struct LateSegments {
    SegmentsResult result;
    std::vector<StoredName> stored;  ///< Every segment, in order.
};

/// Sends what waits at `path` (KeptSegments::to_json(), with the segments beside it): the segments,
/// then the finished playlists; then removes all of it. What is there already is replaced, so that
/// it may be tried again. Blocking; for a pool thread or a command. Errors: NotFound names a file
/// that is gone; storage::UploadSession's otherwise.
[[nodiscard]] Result<LateSegments> upload_kept_segments(
    const storage::Destination& destination,
    const std::string& egress_id,
    const std::string& path,
    net::HttpClient& http
);

/// Of a segment or a playlist.
[[nodiscard]] storage::UploadSpec segment_spec(
    std::string key, std::string content_type, const std::string& egress_id
);
inline constexpr std::string_view kSegmentType = "video/mp2t";
inline constexpr std::string_view kPlaylistType = "application/vnd.apple.mpegurl";

}  // namespace aircheck::recorder
