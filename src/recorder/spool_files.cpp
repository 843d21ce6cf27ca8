#include "recorder/spool_files.hpp"

#include "recorder/journal_copies.hpp"
#include "recorder/journal_store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace aircheck::recorder {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kFirstSegment = 1;

/// Everything in `folder` but its journal, what is copied of it, and the upload's checkpoint:
/// outputs, segments, tracks.
Result<> remove_outputs(const std::string& folder) {
    std::error_code error;
    std::vector<fs::path> outputs;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        const fs::path& path = entries->path();
        const bool stays = path.extension() == ".acj" || path.filename() == kCopiedName ||
                           path == checkpoint_path(folder);
        if (!stays) outputs.push_back(path);
    }
    for (const fs::path& output : outputs) {
        if (!error) fs::remove_all(output, error);
    }
    if (error) return fail(error, folder);
    return {};
}

std::string read_text(const std::string& path) {
    const std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

Result<SpoolFiles> open_spool_files(
    const storage::Spool& spool, const std::string& egress_id, net::Pool& disk
) {
    SpoolFiles files;
    AC_TRY(files.folder, spool.folder(egress_id));
    AC_TRY(files.journal, open_journal_store(files.folder, disk));
    AC_TRY(files.first_segment, files.journal->create(kFirstSegment));
    AC_TRY(files.output, Output::create(files.folder));
    return files;
}

Result<WallTime> journal_written_at(const storage::Spool& spool, const std::string& egress_id) {
    const std::string folder = spool.path() + "/" + egress_id;
    std::optional<WallTime> newest;
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        struct stat file {};
        if (entries->path().extension() != ".acj") continue;
        if (::stat(entries->path().c_str(), &file) != 0) continue;
        const WallTime written(
            std::chrono::seconds(file.st_mtim.tv_sec) + Nanoseconds(file.st_mtim.tv_nsec)
        );
        newest = std::max(newest.value_or(written), written);
    }
    if (!newest) return fail(Errc::NotFound, "there is no journal in " + folder);
    return *newest;
}

std::string checkpoint_path(const std::string& folder) { return folder + "/upload.state"; }

Result<ReopenedFiles> reopen_spool_files(
    const storage::Spool& spool, const std::string& egress_id, net::Pool& disk
) {
    ReopenedFiles all;
    AC_TRY(all.files.folder, spool.folder(egress_id));
    AC_TRY(all.past, read_journal_past(all.files.folder));
    all.checkpoint = read_text(checkpoint_path(all.files.folder));
    AC_CHECK_OK(remove_outputs(all.files.folder));
    AC_TRY(all.files.journal, open_journal_store(all.files.folder, disk));
    AC_TRY(all.files.first_segment, all.files.journal->create(all.past.last_segment + 1));
    AC_TRY(all.files.output, Output::create(all.files.folder));
    return all;
}

}  // namespace aircheck::recorder
