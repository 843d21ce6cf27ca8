#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "journal/record.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aircheck::journal {

/// An append-only file, as the writer sees it; tests put one here that fails on purpose, a shell
/// that must not block one whose sync() posts the work to a pool.
class Sink {
public:
    virtual ~Sink() = default;
    /// Appends some of `bytes` and says how many; fewer than given is no error, zero is.
    [[nodiscard]] virtual Result<std::size_t> write(BytesView bytes) = 0;
    /// Puts what was written beyond a crash of the machine (fdatasync).
    [[nodiscard]] virtual Result<> sync() = 0;
    /// Cuts the file to `size_bytes`, where the next write goes.
    [[nodiscard]] virtual Result<> truncate(std::uint64_t size_bytes) = 0;
};

/// Where segments are made.
class SegmentStore {
public:
    virtual ~SegmentStore() = default;
    /// A new, empty segment. AlreadyExists: never overwrites one.
    [[nodiscard]] virtual Result<std::unique_ptr<Sink>> create(std::uint32_t segment) = 0;
    /// Takes a segment away that could not be begun.
    [[nodiscard]] virtual Result<> remove(std::uint32_t segment) = 0;
};

/// "000001.acj".
[[nodiscard]] std::string segment_name(std::uint32_t segment);
/// Segments as files of mode 0600 in `folder`, which is made if it is not there. A segment's name
/// is synced when it is made, or by the caller (sync_folder) where waiting for that is no good.
enum class NameSync { AtOnce, ByCaller };
[[nodiscard]] Result<std::unique_ptr<SegmentStore>> open_folder(
    const std::filesystem::path& folder, NameSync name_sync = NameSync::AtOnce
);
/// A file's name is in its folder: without this a crash of the machine may keep the bytes and lose
/// the file.
[[nodiscard]] Result<> sync_folder(const std::filesystem::path& folder);

/// Writes a journal: collects records in memory and puts them on disk when the owner says the time.
///
/// A failed write leaves the file at its last whole record and keeps the rest in memory, so that a
/// later flush() can go on where it stopped. While the disk refuses, up to `max_buffer_bytes` are
/// kept (twice that for events); then packets and ticks are dropped and counted, and once there is
/// room again a Gap of reason `disk` tells where they were. Lives on the recording's thread;
/// flush() blocks on the disk. Failures: see each function; what was written before one is never
/// damaged.
class Writer {
public:
    struct Limits {
        Nanoseconds flush_every = 500ms;
        Nanoseconds sync_every = 5s;
        /// Flush before the time when this much waits.
        std::size_t flush_bytes = 256 * 1024;
        /// What is kept while the disk refuses.
        std::size_t max_buffer_bytes = 8 * 1024 * 1024;
        Nanoseconds segment_every{0};     ///< Zero: no limit.
        std::uint64_t segment_bytes = 0;  ///< Zero: no limit.
    };
    struct Counters {
        std::uint64_t records = 0;        ///< Accepted by append().
        std::uint64_t bytes_written = 0;  ///< On file, headers included.
        std::uint64_t flushes = 0;
        std::uint64_t syncs = 0;
        std::uint64_t failures = 0;  ///< Failed flushes.
        std::uint64_t dropped = 0;   ///< Records lost for want of room in memory.
    };

    /// Makes the first segment (`header.segment`) and writes its header, durably.
    [[nodiscard]] static Result<Writer> create(
        std::unique_ptr<SegmentStore> store, Header header, Limits limits, Instant now
    );
    Writer(Writer&&) noexcept;
    Writer& operator=(Writer&&) noexcept;
    ~Writer();  ///< Does not flush: call close().

    /// Takes a record into memory. InvalidArgument: the format can't hold it. NoSpace: the buffer
    /// is full because the disk refuses; the record is dropped and counted.
    [[nodiscard]] Result<> append(const Record& record);

    /// True when flush() should be called: time or bytes are up, or a segment's end is due.
    [[nodiscard]] bool flush_due(Instant now) const;
    /// Writes what waits, syncs when `sync_every` is up, goes on to a new segment when that is due.
    /// NoSpace and other errors of the disk: nothing is lost yet, call again later.
    [[nodiscard]] Result<> flush(Instant now);
    /// Writes and syncs everything; nothing may be appended afterwards. On failure it may be tried
    /// again.
    [[nodiscard]] Result<> close(Instant now);

    [[nodiscard]] std::uint32_t segment() const { return header_.segment; }
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    Writer(std::unique_ptr<SegmentStore> store, Header header, Limits limits, Instant now);

    [[nodiscard]] Result<> open_segment(std::uint32_t segment, Instant now);
    [[nodiscard]] Result<> write_buffer();
    [[nodiscard]] Result<> sync(Instant now);
    [[nodiscard]] Result<> next_segment(Instant now);
    void keep_from(std::size_t written);
    void note_dropped();
    [[nodiscard]] bool segment_is_full(Instant now) const;

    std::unique_ptr<SegmentStore> store_;
    std::unique_ptr<Sink> sink_;
    Header header_;
    Limits limits_;
    Counters counters_;
    Bytes buffer_;  ///< Whole records that are not on file yet.
    std::uint64_t segment_size_ = 0;
    std::uint64_t segment_header_size_ = 0;
    bool dirty_ = false;   ///< Written, but not synced.
    bool failed_ = false;  ///< The last flush: the next one waits for its time.
    bool closed_ = false;
    Instant last_flush_;
    Instant last_sync_;
    Instant segment_start_;
    /// From the first to the last record dropped since the disk last took everything.
    std::optional<std::pair<Nanoseconds, Nanoseconds>> dropped_span_;
};

}  // namespace aircheck::journal
