#include "storage/file_io.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace aircheck::storage {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

off_t as_offset(std::uint64_t value) { return static_cast<off_t>(value); }

/// Copies by way of this process, where the file systems cannot do it among themselves.
Result<> copy_by_buffer(
    int from,
    std::uint64_t offset,
    int to,
    std::uint64_t to_offset,
    std::uint64_t length,
    const std::string& name
) {
    Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(kBufferBytes, length)));
    while (length > 0) {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), length));
        const ssize_t count = ::pread(from, buffer.data(), wanted, as_offset(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno(errno, name);
        if (count == 0) return fail(Errc::Truncated, name + ": the body has fewer bytes than said");
        const auto read = static_cast<std::size_t>(count);
        AC_CHECK_OK(write_at(to, BytesView(buffer).first(read), to_offset, name));
        offset += read;
        to_offset += read;
        length -= read;
    }
    return {};
}

Result<> copy_body(int from, const HeadAndBody& parts, int to, const std::string& name) {
    off_t offset = as_offset(parts.body_offset);
    off_t to_offset = as_offset(parts.head.size());
    std::uint64_t left = parts.body_bytes;
    while (left > 0) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, 1u << 30));
        const ssize_t count = ::copy_file_range(from, &offset, to, &to_offset, wanted, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
            return fail_errno(errno, name);
        }
        if (count <=
            0) {  // another file system, or an old kernel's 0: the plain way tells what is wrong
            const auto done = static_cast<std::uint64_t>(offset);
            return copy_by_buffer(
                from, done, to, static_cast<std::uint64_t>(to_offset), left, name
            );
        }
        left -= static_cast<std::uint64_t>(count);
    }
    return {};
}

}  // namespace

Descriptor::~Descriptor() {
    if (number_ >= 0) ::close(number_);
}

Result<> write_at(int descriptor, BytesView bytes, std::uint64_t offset, const std::string& name) {
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(descriptor, bytes.data(), bytes.size(), as_offset(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno(errno, name);
        if (count == 0) return fail_errno(EIO, name);
        offset += static_cast<std::uint64_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Result<> write_parts(int descriptor, const HeadAndBody& parts, const std::string& name) {
    AC_CHECK_OK(write_at(descriptor, parts.head, 0, name));
    if (parts.body_bytes > 0) {
        const Descriptor body(::open(parts.body_path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!body.is_open()) return fail_errno(errno, parts.body_path);
        AC_CHECK_OK(copy_body(body.get(), parts, descriptor, name));
    }
    if (::fsync(descriptor) != 0) return fail_errno(errno, name);
    return {};
}

Result<> rename_if_free(int folder, const std::string& from, const std::string& to) {
    if (::renameat2(folder, from.c_str(), folder, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno == EINVAL || errno == ENOSYS) {
        // A file system without it: a hard link does the same in two steps.
        if (::linkat(folder, from.c_str(), folder, to.c_str(), 0) == 0) {
            ::unlinkat(folder, from.c_str(), 0);
            return {};
        }
    }
    if (errno == EEXIST) return fail(Errc::AlreadyExists, to);
    if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK) return fail_errno(errno, to);
    // No hard links either: an empty file claims the name, and is replaced.
    const Descriptor claim(
        ::openat(folder, to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
    );
    if (!claim.is_open() && errno == EEXIST) return fail(Errc::AlreadyExists, to);
    if (!claim.is_open()) return fail_errno(errno, to);
    if (::renameat(folder, from.c_str(), folder, to.c_str()) == 0) return {};
    const int error = errno;
    ::unlinkat(folder, to.c_str(), 0);
    return fail_errno(error, to);
}

}  // namespace aircheck::storage
