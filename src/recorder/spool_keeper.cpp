#include "recorder/spool_keeper.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aircheck::recorder {
namespace {

std::string marker_of(const storage::Spool& spool, const std::string& egress_id) {
    return spool.path() + "/" + egress_id + "/done";
}

}  // namespace

Result<> mark_done(const storage::Spool& spool, const std::string& egress_id) {
    const std::string marker = marker_of(spool, egress_id);
    const int file = ::open(marker.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) return fail_errno(errno, marker);
    ::close(file);
    return {};
}

Result<std::size_t> sweep_spool(const storage::Spool& spool, Nanoseconds keep, WallTime now) {
    AC_TRY(const auto folders, spool.list());
    std::size_t removed = 0;
    for (const std::string& egress_id : folders) {
        struct stat marker {};
        if (::stat(marker_of(spool, egress_id).c_str(), &marker) != 0) continue;
        const WallTime marked(
            std::chrono::seconds(marker.st_mtim.tv_sec) + Nanoseconds(marker.st_mtim.tv_nsec)
        );
        if (now - marked < keep) continue;
        AC_CHECK_OK(spool.remove(egress_id));
        ++removed;
    }
    return removed;
}

}  // namespace aircheck::recorder
