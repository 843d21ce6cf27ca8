#include "journal/writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace aircheck::journal {
namespace {

class FileSink final : public Sink {
public:
    FileSink(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    FileSink(const FileSink&) = delete;
    FileSink& operator=(const FileSink&) = delete;
    ~FileSink() override { ::close(fd_); }

    [[nodiscard]] Result<std::size_t> write(BytesView bytes) override {
        while (true) {
            const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
            if (written >= 0) return static_cast<std::size_t>(written);
            if (errno != EINTR) return fail_errno(errno, "write " + path_);
        }
    }
    [[nodiscard]] Result<> sync() override {
        if (::fdatasync(fd_) != 0) return fail_errno(errno, "sync " + path_);
        return {};
    }
    [[nodiscard]] Result<> truncate(std::uint64_t size_bytes) override {
        // The file is open for appending: the next write goes to its new end.
        if (::ftruncate(fd_, static_cast<off_t>(size_bytes)) != 0) {
            return fail_errno(errno, "truncate " + path_);
        }
        return {};
    }

private:
    int fd_;
    std::string path_;
};

class FolderStore final : public SegmentStore {
public:
    FolderStore(std::filesystem::path folder, NameSync name_sync)
        : folder_(std::move(folder)), name_sync_(name_sync) {}

    [[nodiscard]] Result<std::unique_ptr<Sink>> create(std::uint32_t segment) override {
        const std::string path = (folder_ / segment_name(segment)).string();
        const int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC;
        const int fd = ::open(path.c_str(), flags, S_IRUSR | S_IWUSR);
        if (fd < 0 && errno == EEXIST) return fail(Errc::AlreadyExists, "journal " + path);
        if (fd < 0) return fail_errno(errno, "create " + path);
        auto sink = std::make_unique<FileSink>(fd, path);
        if (name_sync_ == NameSync::AtOnce) AC_CHECK_OK(sync_folder(folder_));
        return sink;
    }

    [[nodiscard]] Result<> remove(std::uint32_t segment) override {
        const std::string path = (folder_ / segment_name(segment)).string();
        if (::unlink(path.c_str()) != 0) return fail_errno(errno, "remove " + path);
        return {};
    }

private:
    std::filesystem::path folder_;
    NameSync name_sync_;
};

}  // namespace

std::string segment_name(std::uint32_t segment) {
    char name[24];
    std::snprintf(name, sizeof name, "%06u.acj", segment);
    return name;
}

Result<> sync_folder(const std::filesystem::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail_errno(errno, "open " + folder.string());
    const int failed = ::fsync(fd) != 0 ? errno : 0;
    ::close(fd);
    if (failed != 0) return fail_errno(failed, "sync " + folder.string());
    return {};
}

Result<std::unique_ptr<SegmentStore>> open_folder(
    const std::filesystem::path& folder, NameSync name_sync
) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail_errno(error.value(), "create folder " + folder.string());
    return std::make_unique<FolderStore>(folder, name_sync);
}

}  // namespace aircheck::journal
