#pragma once

#include "core/result.hpp"
#include "journal/writer.hpp"
#include "net/loop.hpp"

#include <memory>
#include <string>

namespace aircheck::recorder {

/// Journal segments in `folder` whose syncing (fdatasync, and of their names) runs on `pool`: a
/// slow disk must not hold up the recordings of a media thread. At most one sync of a segment waits
/// at a time; one that fails is logged; writing goes on, and tells by itself when the disk is full.
/// `pool` outlives the store and its segments. Errors: the folder's.
[[nodiscard]] Result<std::unique_ptr<journal::SegmentStore>> open_journal_store(
    const std::string& folder, net::Pool& pool
);

}  // namespace aircheck::recorder
