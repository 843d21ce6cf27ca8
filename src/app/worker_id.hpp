#pragma once

#include "core/result.hpp"

#include <string>

namespace aircheck::app {

/// The name of the one service that works in `data_dir`, in records: "WK_…", made when it first
/// starts there and kept in its file `worker` (mode 0600). It stays when the host's name or the
/// place where the folder is mounted changes, as when a container is made anew. Call it while
/// holding the DataDirLock. Errc::Malformed: the file holds something else.
[[nodiscard]] Result<std::string> open_worker_id(const std::string& data_dir);

}  // namespace aircheck::app
