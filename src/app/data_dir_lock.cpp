#include "app/data_dir_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace aircheck::app {

Result<std::unique_ptr<DataDirLock>> DataDirLock::take(const std::string& data_dir) {
    const std::string path = data_dir + "/lock";
    const int descriptor = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail_errno(errno, "data_dir '" + data_dir + "'");
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
        return std::unique_ptr<DataDirLock>(new DataDirLock(descriptor));
    }
    const int why = errno;
    ::close(descriptor);
    if (why != EWOULDBLOCK) return fail_errno(why, "data_dir '" + data_dir + "'");
    return fail(
        Errc::AlreadyExists,
        "data_dir '" + data_dir + "': another aircheck service runs in it; give this one its own"
    );
}

DataDirLock::~DataDirLock() { ::close(descriptor_); }

}  // namespace aircheck::app
