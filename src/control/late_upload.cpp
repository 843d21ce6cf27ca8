#include "control/late_upload.hpp"

#include <algorithm>

namespace aircheck::control {
namespace {

/// As the recorder tells of a limit when the upload goes well.
constexpr std::string_view kLimit = "Session limit reached";
constexpr int kLimitCode = 413;

/// The recorder's words name the place of the file, which is not there any more.
std::string without_place(std::string error, const std::string& spool_path) {
    const std::string place = "; the recording is kept in " + spool_path;
    const auto at = error.find(place);
    return at == std::string::npos ? error : error.erase(at, place.size());
}

}  // namespace

void apply_late_upload(
    const recorder::FileResult& stored, WallTime now, records::Recording& recording
) {
    using records::RecordingStatus;
    records::StoredFile& file = recording.files.front();
    recording.error = without_place(recording.error, file.spool_path);
    file.filename = file.key = stored.filename;
    file.location = stored.location;
    file.size_bytes = stored.size_bytes;
    file.sha256 = stored.sha256;
    file.uploaded = true;
    file.spool_path.clear();
    recording.updated_at = now;
    const auto is_missing = [](const records::StoredFile& each) { return !each.uploaded; };
    if (std::ranges::any_of(recording.files, is_missing)) return;  // Segments failed, too.
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

}  // namespace aircheck::control
