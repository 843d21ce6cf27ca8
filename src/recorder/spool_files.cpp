#include "recorder/spool_files.hpp"

#include "recorder/journal_store.hpp"
#include "recorder/late_journal.hpp"

namespace aircheck::recorder {

Result<SpoolFiles> open_spool_files(
    const storage::Spool& spool, const std::string& egress_id, net::Pool& disk
) {
    SpoolFiles files;
    AC_TRY(files.folder, spool.folder(egress_id));
    AC_TRY(files.journal, open_journal_store(files.folder, disk));
    AC_TRY(files.first_segment, files.journal->create(LateJournal::kFirstSegment));
    AC_TRY(files.output, Output::create(files.folder));
    return files;
}

}  // namespace aircheck::recorder
