#pragma once

#include "recorder/job.hpp"
#include "records/model.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace aircheck::control {

/// Puts what a snapshot tells into the recording it is of: status, times, file, gaps.
void apply_snapshot(const recorder::Snapshot& snapshot, records::Recording& recording);
/// What has become of its HLS segments.
void apply_segments(const recorder::SegmentsResult& segments, records::StoredFile& file);
/// What `check.findings` says of a track whose file is not there; the reason follows.
[[nodiscard]] std::string track_file_finding(const std::string& track_id);
inline constexpr std::string_view kManifestFinding =
    "the manifest is not stored as it should be: it waits in the spool for `aircheck egress "
    "upload`";
/// The participants of a snapshot as records keep them.
[[nodiscard]] std::vector<records::Participant> participants_of(const recorder::Snapshot& snapshot);
/// LiveKit's name of a participant's kind: "STANDARD", "SIP" …
[[nodiscard]] std::string kind_name(recorder::ParticipantKind kind);

}  // namespace aircheck::control
