#include "core/id.hpp"
#include "storage/file_io.hpp"
#include "storage/upload_kinds.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace aircheck::storage {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

/// Opens the folder `name` in `parent`, made when missing. A symbolic link is refused: it may lead
/// out of the root.
Result<Descriptor> open_folder(const Descriptor& parent, const std::string& name) {
    if (::mkdirat(parent.get(), name.c_str(), 0777) == 0)
        ::fsync(parent.get());
    else if (errno != EEXIST)
        return fail_errno(errno, name);
    Descriptor folder(::openat(parent.get(), name.c_str(), kFolderFlags | O_NOFOLLOW));
    if (folder.is_open()) return folder;
    if (errno == ELOOP || errno == ENOTDIR) {
        return fail(Errc::PermissionDenied, "\"" + name + "\" is a link or no folder");
    }
    return fail_errno(errno, name);
}

class LocalUpload final : public UploadSession {
public:
    LocalUpload(LocalDestination destination, UploadSpec spec)
        : root_(std::move(destination.root)), spec_(std::move(spec)) {
        const std::size_t slash = spec_.key.rfind('/');
        folders_ = slash == std::string::npos ? "" : spec_.key.substr(0, slash + 1);
        name_ = spec_.key.substr(folders_.size());
    }

    /// The file is written at the end, at disk speed; that it can be is found out at the first
    /// call.
    [[nodiscard]] Result<> advance(std::uint64_t) override {
        if (checked_) return {};
        AC_TRY(const auto folder, open_target_folder());
        if (::faccessat(folder.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
            return fail_errno(errno, root_ + "/" + folders_);
        }
        checked_ = true;
        return {};
    }

    [[nodiscard]] Result<StoredObject> complete(BytesView head, std::uint64_t body_bytes) override {
        if (!stored_.key.empty()) return stored_;
        const HeadAndBody parts{head, spec_.body_path, spec_.body_offset, body_bytes};
        AC_TRY(const auto folder, open_target_folder());
        AC_TRY(const auto sha256, sha256_of(parts));
        const std::string temporary = "." + new_id("aircheck_") + ".part";
        auto named = write_file(folder, temporary, parts, sha256);
        ::unlinkat(folder.get(), temporary.c_str(), 0);  // when it did not get its name
        if (!named) return tl::unexpected(in_context(root_, named.error()));
        ::fsync(folder.get());
        stored_.key = folders_ + *named;
        stored_.location = root_ + "/" + stored_.key;
        stored_.size = head.size() + body_bytes;
        stored_.sha256 = sha256;
        return stored_;
    }

    [[nodiscard]] Result<> abort() override { return {}; }
    [[nodiscard]] std::uint64_t sent_bytes() const override {
        return stored_.key.empty() ? 0 : stored_.size;
    }
    [[nodiscard]] std::string checkpoint() const override { return {}; }

private:
    [[nodiscard]] Result<Descriptor> open_target_folder() const {
        std::error_code error;
        std::filesystem::create_directories(root_, error);
        if (error) return fail(error, root_);
        Descriptor folder(::open(root_.c_str(), kFolderFlags));
        if (!folder.is_open()) return fail_errno(errno, root_);
        for (std::size_t begin = 0; begin < folders_.size();) {
            const std::size_t end = folders_.find('/', begin);
            auto next = open_folder(folder, folders_.substr(begin, end - begin));
            if (!next) return tl::unexpected(in_context(root_ + "/" + folders_, next.error()));
            folder = *std::move(next);
            begin = end + 1;
        }
        return folder;
    }

    /// Gives the name that was free, or that these very bytes have since before a restart.
    [[nodiscard]] Result<std::string> write_file(
        const Descriptor& folder,
        const std::string& temporary,
        const HeadAndBody& parts,
        const std::string& sha256
    ) const {
        const Descriptor file(::openat(
            folder.get(),
            temporary.c_str(),
            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
            0666
        ));
        if (!file.is_open()) return fail_errno(errno, temporary);
        AC_CHECK_OK(write_parts(file.get(), parts, temporary));
        if (spec_.if_taken == UploadSpec::IfTaken::Replace) {
            const int at = folder.get();
            if (::renameat(at, temporary.c_str(), at, name_.c_str()) == 0) return name_;
            return fail_errno(errno, name_);
        }
        const std::uint64_t size = parts.head.size() + parts.body_bytes;
        for (int attempt = 0;; ++attempt) {
            std::string name = name_for_attempt(name_, spec_.egress_id, attempt);
            const auto renamed = rename_if_free(folder.get(), temporary, name);
            if (renamed || holds(folder, name, size, sha256)) return name;
            if (renamed.error().code != Errc::AlreadyExists || attempt >= kMaxNameAttempts) {
                return tl::unexpected(renamed.error());
            }
        }
    }

    [[nodiscard]] static bool holds(
        const Descriptor& folder,
        const std::string& name,
        std::uint64_t size,
        const std::string& sha256
    ) {
        constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        const Descriptor file(::openat(folder.get(), name.c_str(), kFlags));
        struct stat status {};
        if (!file.is_open() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
            static_cast<std::uint64_t>(status.st_size) != size) {
            return false;
        }
        const std::string path = "/proc/self/fd/" + std::to_string(file.get());
        return sha256_of({{}, path, 0, size}) == sha256;
    }

    std::string root_;
    UploadSpec spec_;
    std::string folders_;  ///< "calls/2026/", or "".
    std::string name_;
    StoredObject stored_;
    bool checked_ = false;
};

}  // namespace

Result<std::unique_ptr<UploadSession>> create_local_upload(
    const LocalDestination& destination, UploadSpec spec
) {
    if (destination.root.empty())
        return fail(Errc::InvalidArgument, "no folder is set for recordings");
    std::error_code error;
    const auto root = std::filesystem::absolute(destination.root, error);
    if (error) return fail(error, destination.root);
    std::string text = root.lexically_normal().string();
    if (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return std::make_unique<LocalUpload>(LocalDestination{std::move(text)}, std::move(spec));
}

}  // namespace aircheck::storage
