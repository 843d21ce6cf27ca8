#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "storage/spool.hpp"

#include <string>

namespace aircheck::recorder {

/// Marks the folder of a recording that is over and whose file is where it belongs: nothing in it
/// is needed any more but to render again. Errors of the disk are told; the folder then simply
/// stays.
[[nodiscard]] Result<> mark_done(const storage::Spool& spool, const std::string& egress_id);

/// Deletes the folders that were marked longer than `keep` before `now`. What is not marked
/// (running, crashed, not uploaded) is never touched. Returns how many went. Blocking.
[[nodiscard]] Result<std::size_t> sweep_spool(
    const storage::Spool& spool, Nanoseconds keep, WallTime now
);

}  // namespace aircheck::recorder
