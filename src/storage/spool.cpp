#include "storage/spool.hpp"

#include "core/id.hpp"
#include "net/crypto.hpp"
#include "storage/file_io.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace aircheck::storage {
namespace {

namespace fs = std::filesystem;

/// Makes a new name in `folder` survive a power cut.
Result<> sync_folder(const std::string& folder) {
    const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!descriptor.is_open()) return fail_errno(errno, folder);
    // Some file systems cannot sync folders and keep names safe by themselves.
    if (::fsync(descriptor.get()) != 0 && errno != EINVAL) return fail_errno(errno, folder);
    return {};
}

std::string parent_of(const std::string& path) {
    const std::string parent = fs::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

Result<> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return sync_folder(parent_of(path));
    struct stat status {};
    const int error = errno;
    if (error == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return fail_errno(error, path);
}

/// Calls `use` with the body's bytes, piece by piece.
template <typename Use>
Result<> each_piece(const HeadAndBody& parts, Use use) {
    if (parts.body_bytes == 0) return {};
    const Descriptor body(::open(parts.body_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!body.is_open()) return fail_errno(errno, parts.body_path);
    Bytes buffer(256 * 1024);
    std::uint64_t offset = parts.body_offset;
    std::uint64_t left = parts.body_bytes;
    while (left > 0) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left));
        const ssize_t count =
            ::pread(body.get(), buffer.data(), wanted, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno(errno, parts.body_path);
        if (count == 0) return fail(Errc::Truncated, parts.body_path + ": fewer bytes than said");
        use(BytesView(buffer).first(static_cast<std::size_t>(count)));
        offset += static_cast<std::uint64_t>(count);
        left -= static_cast<std::uint64_t>(count);
    }
    return {};
}

}  // namespace

Result<AppendFile> AppendFile::open(const std::string& path) {
    constexpr int kFlags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
    int descriptor = ::open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0600);
    const bool made = descriptor >= 0;
    if (!made && errno == EEXIST) descriptor = ::open(path.c_str(), kFlags);
    if (descriptor < 0) return fail_errno(errno, path);
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) {
        const int error = errno;
        ::close(descriptor);
        return fail_errno(error, path);
    }
    AppendFile file(descriptor, static_cast<std::uint64_t>(status.st_size), path);
    if (made) AC_CHECK_OK(sync_folder(parent_of(path)));
    return file;
}

AppendFile::~AppendFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      path_(std::move(other.path_)) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(size_, other.size_);
    std::swap(path_, other.path_);
    return *this;
}

Result<> AppendFile::append(BytesView bytes) {
    if (auto written = write_at(descriptor_, bytes, size_, path_); !written) {
        // Whether this works or not: the next append writes over what is left.
        static_cast<void>(::ftruncate(descriptor_, static_cast<off_t>(size_)));
        return written;
    }
    size_ += bytes.size();
    return {};
}

Result<> AppendFile::sync() {
    if (::fdatasync(descriptor_) != 0) return fail_errno(errno, path_);
    return {};
}

Result<> AppendFile::truncate(std::uint64_t size) {
    if (size > size_) {
        return fail(
            Errc::InvalidArgument, path_ + ": has fewer than " + std::to_string(size) + " bytes"
        );
    }
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return fail_errno(errno, path_);
    size_ = size;
    return {};
}

Result<std::string> read_range(
    const std::string& path, std::uint64_t offset, std::uint64_t length
) {
    std::string out;
    out.reserve(static_cast<std::size_t>(length));
    AC_CHECK_OK(each_piece({{}, path, offset, length}, [&](BytesView piece) {
        out += as_text(piece);
    }));
    return out;
}

Result<Spool> Spool::open(const std::string& data_dir) {
    std::error_code error;
    fs::create_directories(data_dir, error);
    if (error) return fail(error, "data_dir " + data_dir);
    Spool spool(data_dir + "/spool");
    AC_CHECK_OK(make_folder(spool.path_));
    return spool;
}

Result<std::string> Spool::folder(std::string_view egress_id) const {
    if (!is_id(egress_id, "EG_")) {
        return fail(Errc::InvalidArgument, "\"" + std::string(egress_id) + "\" is no egress id");
    }
    std::string folder = path_ + "/" + std::string(egress_id);
    AC_CHECK_OK(make_folder(folder));
    return folder;
}

Result<std::vector<std::string>> Spool::list() const {
    std::vector<std::string> ids;
    std::error_code error;
    fs::directory_iterator entry(path_, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        std::error_code ignored;
        if (is_id(name, "EG_") && entry->is_directory(ignored)) ids.push_back(name);
    }
    if (error) return fail(error, path_);
    std::sort(ids.begin(), ids.end());
    return ids;
}

Result<> Spool::remove(std::string_view egress_id) const {
    if (!is_id(egress_id, "EG_")) {
        return fail(Errc::InvalidArgument, "\"" + std::string(egress_id) + "\" is no egress id");
    }
    std::error_code error;
    fs::remove_all(path_ + "/" + std::string(egress_id), error);
    if (error) return fail(error, path_ + "/" + std::string(egress_id));
    return {};
}

Result<DiskSpace> Spool::space() const {
    struct statvfs status {};
    if (::statvfs(path_.c_str(), &status) != 0) return fail_errno(errno, path_);
    return DiskSpace{
        static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize,
        static_cast<std::uint64_t>(status.f_blocks) * status.f_frsize};
}

std::string Spool::output_path(std::string_view folder, std::string_view name) {
    return std::string(folder) + "/" + std::string(name) + ".part";
}

Result<> assemble_file(const HeadAndBody& parts, const std::string& path) {
    const Descriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
    );
    if (!file.is_open() && errno == EEXIST) return fail(Errc::AlreadyExists, path);
    if (!file.is_open()) return fail_errno(errno, path);
    auto written = write_parts(file.get(), parts, path);
    if (written) written = sync_folder(parent_of(path));
    if (!written) ::unlink(path.c_str());
    return written;
}

Result<std::string> sha256_of(const HeadAndBody& parts) {
    net::Sha256 hash;
    hash.update(parts.head);
    AC_CHECK_OK(each_piece(parts, [&](BytesView piece) { hash.update(piece); }));
    return to_hex(hash.finish());
}

}  // namespace aircheck::storage
