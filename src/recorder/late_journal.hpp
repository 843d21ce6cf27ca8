#pragma once

#include "core/result.hpp"
#include "journal/writer.hpp"

#include <cstdint>
#include <memory>

namespace aircheck::recorder {

/// A journal that is written before its file is there: making files waits for the disk, joining a
/// room does not.
///
/// Until attach() what its writer writes stays in memory, `kMaxKeptBytes` at most; then the disk
/// counts as full (Errc::NoSpace), which the writer knows how to bear. Lives on the recording's
/// thread.
class LateJournal {
public:
    static constexpr std::size_t kMaxKeptBytes = 8 * 1024 * 1024;

    /// `first_segment` is the number of the one that is kept.
    explicit LateJournal(std::uint32_t first_segment = 1);

    /// For journal::Writer, once; it may outlive this.
    [[nodiscard]] std::unique_ptr<journal::SegmentStore> store();
    /// The files are there: what was kept goes into `first_segment` and is synced, and from now on
    /// everything goes to the disk at once. What the disk refuses stays kept; the writer's next
    /// flush tries it again, and tells.
    void attach(
        std::unique_ptr<journal::SegmentStore> files, std::unique_ptr<journal::Sink> first_segment
    );

private:
    struct State;
    class Segment;
    class Store;
    std::shared_ptr<State> state_;  ///< The writer's store and segment have it too.
};

}  // namespace aircheck::recorder
