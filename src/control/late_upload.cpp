#include "control/late_upload.hpp"

#include "control/snapshot_records.hpp"
#include "control/track_files.hpp"
#include "recorder/kept_segments.hpp"

#include <algorithm>

namespace aircheck::control {
namespace {

/// As the recorder tells of a limit when the upload goes well.
constexpr std::string_view kLimit = "Session limit reached";
constexpr int kLimitCode = 413;

/// The recorder's words name the place of what is not there any more.
std::string without(const std::string& place, std::string error) {
    const auto at = error.find(place);
    return at == std::string::npos ? error : error.erase(at, place.size());
}

/// What failed by uploads alone is good once all of them are stored.
void mend_status(records::Recording& recording) {
    using records::RecordingStatus;
    const auto is_missing = [](const records::StoredFile& each) {
        return !each.uploaded && !is_beside_a_mix(each);
    };
    if (std::ranges::any_of(recording.files, is_missing)) return;
    if (recording.end_reason == kLimit || recording.status == RecordingStatus::LimitReached) {
        recording.status = RecordingStatus::LimitReached;
        recording.error = kLimit;
        recording.error_code = kLimitCode;
    } else if (recording.end_reason != "Failure") {
        recording.status = RecordingStatus::Complete;
        recording.error.clear();
        recording.error_code = 0;
    }
}

}  // namespace

void apply_late_upload(
    const recorder::FileResult& stored,
    std::size_t index,
    WallTime now,
    records::Recording& recording
) {
    records::StoredFile& file = recording.files[index];
    recording.error = without("; the recording is kept in " + file.spool_path, recording.error);
    file.filename = file.key = stored.filename;
    file.location = stored.location;
    file.size_bytes = stored.size_bytes;
    file.sha256 = stored.sha256;
    file.uploaded = true;
    file.spool_path.clear();
    recording.updated_at = now;
    if (is_beside_a_mix(file)) {
        std::erase_if(recording.check.findings, [&](const std::string& finding) {
            return finding.starts_with(track_file_finding(file.track_id));
        });
        return;
    }
    mend_status(recording);
}

void apply_late_segments(
    const recorder::SegmentsResult& stored,
    std::size_t index,
    WallTime now,
    records::Recording& recording
) {
    records::StoredFile& file = recording.files[index];
    const std::string folder = file.spool_path.substr(0, file.spool_path.rfind('/'));
    recording.error = without(std::string(recorder::kSegmentsKept) + folder, recording.error);
    apply_segments(stored, file);
    recording.updated_at = now;
    if (!stored.is_whole) recording.check.findings.push_back("segments: " + stored.error);
    mend_status(recording);
}

void apply_late_manifest(const std::string& location, WallTime now, records::Recording& recording) {
    recording.manifest_location = location;
    recording.updated_at = now;
    std::erase(recording.check.findings, kManifestFinding);
}

}  // namespace aircheck::control
