#pragma once

#include "control/admission.hpp"

#include <filesystem>

namespace aircheck::control {

/// Where the system tells of itself; tests have folders of their own.
struct SystemFolders {
    std::filesystem::path proc = "/proc";
    std::filesystem::path cgroup = "/sys/fs/cgroup";
};

/// Cores by the process' affinity and memory by the machine, both at most what the control groups
/// (version 2: cpu.max, memory.max) above the process allow. What cannot be read limits nothing.
[[nodiscard]] Capacity read_capacity(const SystemFolders& folders = {});

/// What this process has used until now.
[[nodiscard]] Usage read_usage(const SystemFolders& folders = {});

}  // namespace aircheck::control
