#pragma once

#include <cstdint>
#include <string>

namespace aircheck::bench {

/// What the machine's cores have done since it started (/proc/stat).
struct MachineTime {
    std::uint64_t idle = 0;
    std::uint64_t all = 0;

    [[nodiscard]] static MachineTime now();
    /// The share of idle time since `before`, 0 to 1.
    [[nodiscard]] double idle_since(const MachineTime& before) const;
};

/// Of this process: memory that it alone has and that is no copy of a file.
[[nodiscard]] double private_dirty_kib();
/// This program's file.
[[nodiscard]] std::string own_program();
/// "2 x AMD EPYC …, load 1.2".
[[nodiscard]] std::string describe_machine();

}  // namespace aircheck::bench
