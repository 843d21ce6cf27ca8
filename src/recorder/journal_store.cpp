#include "recorder/journal_store.hpp"

#include "core/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <utility>

namespace aircheck::recorder {
namespace {

/// Any descriptor of the file will do: fdatasync is about the file.
void sync_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool synced = file >= 0 && ::fdatasync(file) == 0;
    const int why = errno;
    if (file >= 0) ::close(file);
    // A journal may be swept before its last sync comes round.
    if (synced || why == ENOENT) return;
    log::warn(
        "journal.not_synced", {{"file", path}, {"error", std::generic_category().message(why)}}
    );
}

class Segment final : public journal::Sink {
public:
    Segment(std::unique_ptr<journal::Sink> file, std::string path, net::Pool& pool)
        : file_(std::move(file)), path_(std::move(path)), pool_(pool) {}

    Result<std::size_t> write(BytesView bytes) override { return file_->write(bytes); }
    Result<> truncate(std::uint64_t size_bytes) override { return file_->truncate(size_bytes); }
    Result<> sync() override {
        // On a slow disk syncs of one file do not pile up: the one that waits is enough.
        if (waits_->exchange(true)) return {};
        pool_.run([path = path_, waits = waits_] {
            waits->store(false);
            sync_file(path);
        });
        return {};
    }

private:
    std::unique_ptr<journal::Sink> file_;
    std::string path_;
    net::Pool& pool_;
    std::shared_ptr<std::atomic<bool>> waits_ = std::make_shared<std::atomic<bool>>(false);
};

class Store final : public journal::SegmentStore {
public:
    Store(std::unique_ptr<journal::SegmentStore> files, std::string folder, net::Pool& pool)
        : files_(std::move(files)), folder_(std::move(folder)), pool_(pool) {}

    Result<> remove(std::uint32_t segment) override { return files_->remove(segment); }
    Result<std::unique_ptr<journal::Sink>> create(std::uint32_t segment) override {
        AC_TRY(auto file, files_->create(segment));
        pool_.run([folder = folder_] {
            const auto synced = journal::sync_folder(folder);
            if (synced || !std::filesystem::exists(folder)) return;
            log::warn("journal.not_synced", {{"error", synced.error().to_string()}});
        });
        return std::make_unique<Segment>(
            std::move(file), folder_ + "/" + journal::segment_name(segment), pool_
        );
    }

private:
    std::unique_ptr<journal::SegmentStore> files_;
    std::string folder_;
    net::Pool& pool_;
};

}  // namespace

Result<std::unique_ptr<journal::SegmentStore>> open_journal_store(
    const std::string& folder, net::Pool& pool
) {
    AC_TRY(auto files, journal::open_folder(folder, journal::NameSync::ByCaller));
    return std::make_unique<Store>(std::move(files), folder, pool);
}

}  // namespace aircheck::recorder
