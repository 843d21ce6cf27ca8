#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "journal/record.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace aircheck::journal {

/// Reads a journal, from one file or from a folder of segments in order.
///
/// A torn tail (the machine stopped within a write) ends a segment cleanly; damage in the middle is
/// skipped up to the next sound record. Both are counted, in bytes, never guessed at. Records of
/// unknown types are skipped and counted. No length is trusted before its checksum; memory stays
/// below a few MiB however large the journal. One thread at a time. Failures: see open() and
/// next().
class Reader {
public:
    struct Counters {
        std::uint64_t records = 0;        ///< Handed out.
        std::uint64_t unknown = 0;        ///< Sound records of types that this build does not know.
        std::uint64_t torn_bytes = 0;     ///< After the last sound record of a segment.
        std::uint64_t damaged_bytes = 0;  ///< Skipped between sound records.
        std::uint64_t damaged_places = 0;    ///< How often.
        std::uint64_t segments = 0;          ///< Opened.
        std::uint64_t missing_segments = 0;  ///< Numbers left out within a folder.
        std::uint64_t bad_segments = 0;  ///< Whose header could not be read, or of another journal.
        bool operator==(const Counters&) const = default;
    };

    /// Reads the first segment's header. NotFound: no such file, or no segment in the folder.
    /// Malformed: not a journal. Unsupported: a version that this build does not read.
    /// Of a folder, segments up to `last_segment`: those after it may still be written.
    [[nodiscard]] static Result<Reader> open(
        const std::filesystem::path& file_or_folder, std::uint32_t last_segment = UINT32_MAX
    );
    /// The same for one segment in memory.
    [[nodiscard]] static Result<Reader> from_bytes(Bytes segment);
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;
    ~Reader();

    /// Of the first segment.
    [[nodiscard]] const Header& header() const;
    /// The next record; empty at the end. What packets borrow is valid until the next call.
    /// Fails only when the disk does.
    [[nodiscard]] Result<std::optional<Record>> next();
    /// True once an End record was read: the journal was closed in order.
    [[nodiscard]] bool is_complete() const;
    /// The highest number of a segment that open() found; 0 for one file.
    [[nodiscard]] std::uint32_t last_segment() const;
    [[nodiscard]] const Counters& counters() const;

private:
    class Impl;
    explicit Reader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::journal
