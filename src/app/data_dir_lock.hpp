#pragma once

#include "core/result.hpp"

#include <memory>
#include <string>

namespace aircheck::app {

/// Holds a data folder for one service: a second one would take the first one's recordings for a
/// former process's leftovers. Given back when destroyed, and by the system when the process dies.
class DataDirLock {
public:
    /// Errc::AlreadyExists: another process has it, named by its folder.
    [[nodiscard]] static Result<std::unique_ptr<DataDirLock>> take(const std::string& data_dir);
    ~DataDirLock();
    DataDirLock(const DataDirLock&) = delete;
    DataDirLock& operator=(const DataDirLock&) = delete;

private:
    explicit DataDirLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace aircheck::app
