#pragma once

#include "core/result.hpp"
#include "journal/writer.hpp"
#include "net/loop.hpp"
#include "recorder/journal_past.hpp"
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

/// The files of a recording that another process began.
struct ReopenedFiles {
    JournalPast past;
    SpoolFiles files;        ///< The journal's next segment, and an output that is empty.
    std::string checkpoint;  ///< Of the output's upload; "" when there is none.
};

/// When the newest segment of `egress_id`'s journal was written last. Blocking. NotFound: there is
/// none.
[[nodiscard]] Result<WallTime> journal_written_at(
    const storage::Spool& spool, const std::string& egress_id
);

/// Where UploadTask keeps the output's checkpoint.
[[nodiscard]] std::string checkpoint_path(const std::string& folder);

/// The same for the folder that a former process left: reads its journal and makes the next
/// segment. What was made of the journal is taken away, for it is made again. Errors: NotFound when
/// there is no folder or no journal in it, the reader's, and those of open_spool_files().
[[nodiscard]] Result<ReopenedFiles> reopen_spool_files(
    const storage::Spool& spool, const std::string& egress_id, net::Pool& disk
);

}  // namespace aircheck::recorder
