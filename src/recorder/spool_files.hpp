#pragma once

#include "core/result.hpp"
#include "journal/writer.hpp"
#include "net/loop.hpp"
#include "recorder/output.hpp"
#include "storage/spool.hpp"

#include <memory>
#include <string>

namespace aircheck::recorder {

/// What one recording writes to.
struct SpoolFiles {
    std::string folder;
    std::unique_ptr<journal::SegmentStore> journal;  ///< For what follows the first segment.
    std::unique_ptr<journal::Sink> first_segment;    ///< Empty.
    std::unique_ptr<Output> output;
};

/// Makes the folder of `egress_id` and its files, their names synced: waits for the disk, so for a
/// thread of `disk`, which also syncs the journal later. Errors name what cannot be made.
[[nodiscard]] Result<SpoolFiles> open_spool_files(
    const storage::Spool& spool, const std::string& egress_id, net::Pool& disk
);

}  // namespace aircheck::recorder
