#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::storage {

/// A file that only grows, written straight through to the kernel: after SIGKILL everything
/// appended is there, after a power cut everything synced. One thread at a time; blocks as long as
/// the disk does.
///
/// A full disk is Errc::NoSpace; what was half-written is cut off again, so that the file always
/// ends where the last successful append ended, and appending may be tried again later.
class AppendFile {
public:
    /// Makes `path` (mode 0600), or opens it and goes on at its end.
    [[nodiscard]] static Result<AppendFile> open(const std::string& path);
    ~AppendFile();
    AppendFile(AppendFile&& other) noexcept;
    AppendFile& operator=(AppendFile&& other) noexcept;
    AppendFile(const AppendFile&) = delete;
    AppendFile& operator=(const AppendFile&) = delete;

    [[nodiscard]] Result<> append(BytesView bytes);
    /// fdatasync: what was appended survives a power cut.
    [[nodiscard]] Result<> sync();
    /// Cuts the file to `size` bytes (a torn tail after a crash); InvalidArgument when it has
    /// fewer.
    [[nodiscard]] Result<> truncate(std::uint64_t size);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    AppendFile(int descriptor, std::uint64_t size, std::string path)
        : descriptor_(descriptor), size_(size), path_(std::move(path)) {}

    int descriptor_ = -1;
    std::uint64_t size_ = 0;
    std::string path_;
};

/// Bytes [offset, offset+length) of a file; an error when it has fewer.
[[nodiscard]] Result<std::string> read_range(
    const std::string& path, std::uint64_t offset, std::uint64_t length
);

struct DiskSpace {
    std::uint64_t free_bytes = 0;  ///< For this process, without root's reserve.
    std::uint64_t total_bytes = 0;
};

/// `data_dir/spool`: one folder for each egress that is not finished, named by its id. In it:
/// journal segments ("journal-000001.acj"), outputs being written ("output.part"), and what others
/// keep there. Folders have mode 0700. Any thread.
class Spool {
public:
    /// Makes the folders when missing.
    [[nodiscard]] static Result<Spool> open(const std::string& data_dir);

    /// The folder of an egress, made when missing, with its entry in the parent synced;
    /// InvalidArgument when `egress_id` is no id.
    [[nodiscard]] Result<std::string> folder(std::string_view egress_id) const;
    /// The ids of all folders there are, sorted.
    [[nodiscard]] Result<std::vector<std::string>> list() const;
    /// Deletes the folder of an egress and all that is in it; fine when there is none.
    [[nodiscard]] Result<> remove(std::string_view egress_id) const;
    [[nodiscard]] Result<DiskSpace> space() const;
    [[nodiscard]] const std::string& path() const { return path_; }

    /// folder + "/output.part", or "/NAME.part".
    [[nodiscard]] static std::string output_path(
        std::string_view folder, std::string_view name = "output"
    );

private:
    explicit Spool(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

/// A file as a head and the body of another file, as the muxer leaves it: the finished file is
/// `head` and then all of `body_path` from `body_offset` on.
struct HeadAndBody {
    BytesView head;
    std::string body_path;
    std::uint64_t body_offset = 0;
    std::uint64_t body_bytes = 0;
};

/// Writes `parts` as the new file `path` (it must not exist: Errc::AlreadyExists), synced; the body
/// is copied inside the kernel. On failure nothing is left.
[[nodiscard]] Result<> assemble_file(const HeadAndBody& parts, const std::string& path);

/// SHA-256 of the file those parts make, in lower-case hexadecimal, read at disk speed.
[[nodiscard]] Result<std::string> sha256_of(const HeadAndBody& parts);

}  // namespace aircheck::storage
