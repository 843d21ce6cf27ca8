#pragma once

#include "core/time.hpp"
#include "recorder/job.hpp"
#include "records/model.hpp"

#include <cstddef>
#include <string>

namespace aircheck::control {

/// Puts into `recording` that its file number `index`, kept in the spool since its upload had
/// failed for good, was stored after all. What failed by the upload alone becomes what it would
/// have been: complete, or limit-reached where a limit had ended it. What failed while it was
/// recorded stays failed, now with a file; a status that was good already stays.
void apply_late_upload(
    const recorder::FileResult& stored,
    std::size_t index,
    WallTime now,
    records::Recording& recording
);
/// The same for its segments, the file number `index`.
void apply_late_segments(
    const recorder::SegmentsResult& stored,
    std::size_t index,
    WallTime now,
    records::Recording& recording
);
/// The same for its manifest.
void apply_late_manifest(const std::string& location, WallTime now, records::Recording& recording);

}  // namespace aircheck::control
