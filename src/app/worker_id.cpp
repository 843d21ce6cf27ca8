#include "app/worker_id.hpp"

#include "core/id.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace aircheck::app {
namespace {

constexpr std::string_view kPrefix = "WK_";
constexpr std::size_t kLongest = 64;

/// All or nothing, on disk before it is used: a record must never name an id that is lost.
Result<std::string> make_id(const std::string& data_dir, const std::string& path) {
    const std::string id = new_id(kPrefix);
    const std::string text = id + "\n";
    const std::string made = path + ".new";
    const int file = ::open(made.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) return fail_errno(errno, "worker id file '" + made + "'");
    errno = ENOSPC;  // Of a write that is cut short.
    const bool is_kept =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(file) == 0;
    const int why = errno;
    ::close(file);
    if (!is_kept) return fail_errno(why, "worker id file '" + made + "'");
    if (std::rename(made.c_str(), path.c_str()) != 0) {
        return fail_errno(errno, "worker id file '" + path + "'");
    }
    const int folder = ::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        static_cast<void>(::fsync(folder));  // Not every file system can.
        ::close(folder);
    }
    return id;
}

}  // namespace

Result<std::string> open_worker_id(const std::string& data_dir) {
    const std::string path = data_dir + "/worker";
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        if (errno == ENOENT) return make_id(data_dir, path);
        return fail_errno(errno, "worker id file '" + path + "'");
    }
    std::string text(kLongest, '\0');
    const ssize_t count = ::read(file, text.data(), text.size());
    const int why = errno;
    ::close(file);
    if (count < 0) return fail_errno(why, "worker id file '" + path + "'");
    text.resize(static_cast<std::size_t>(count));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (!is_id(text, kPrefix)) {
        return fail(
            Errc::Malformed,
            "worker id file '" + path +
                "': an id like WK_4f9a… is expected; without the file a new one is made"
        );
    }
    return text;
}

}  // namespace aircheck::app
