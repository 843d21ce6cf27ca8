#include "control/machine.hpp"

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace aircheck::control {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

/// The number at the beginning; "max" is none.
std::optional<std::uint64_t> number_at(std::string_view text) {
    std::uint64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number == 0) return std::nullopt;
    return number;
}

/// cpu.max: "200000 100000" is two cores, "max 100000" as many as there are.
std::optional<double> cores_of(const std::string& line) {
    const auto space = line.find(' ');
    if (space == std::string::npos) return std::nullopt;
    const auto quota = number_at(line);
    const auto period = number_at(std::string_view(line).substr(space + 1));
    if (!quota || !period) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

/// The process' own group, below the root of groups that is mounted: from "0::/user.slice/…".
fs::path own_group(const SystemFolders& folders) {
    std::ifstream file(folders.proc / "self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("0::/")) return fs::path(line.substr(4)).lexically_normal();
    }
    return {};
}

}  // namespace

Capacity read_capacity(const SystemFolders& folders) {
    Capacity capacity;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof cores, &cores) == 0) {
        capacity.cores = std::max(1, CPU_COUNT(&cores));
    } else {
        capacity.cores = std::max(1U, std::thread::hardware_concurrency());
    }
    struct sysinfo machine {};
    if (sysinfo(&machine) == 0) capacity.memory_bytes = machine.totalram * machine.mem_unit;

    // A group is held to its parents' limits too. In a container's own namespace it is the root.
    fs::path group = own_group(folders);
    for (bool is_root = false; !is_root; group = group.parent_path()) {
        is_root = group.empty() || group == group.parent_path();
        const fs::path folder = folders.cgroup / group;
        if (const auto quota = cores_of(first_line(folder / "cpu.max"))) {
            capacity.cores = std::min(capacity.cores, *quota);
        }
        if (const auto most = number_at(first_line(folder / "memory.max"))) {
            capacity.memory_bytes =
                capacity.memory_bytes == 0 ? *most : std::min(capacity.memory_bytes, *most);
        }
    }
    return capacity;
}

Usage read_usage(const SystemFolders& folders) {
    Usage usage;
    timespec spent{};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == 0) {
        usage.cpu = std::chrono::seconds(spent.tv_sec) + Nanoseconds(spent.tv_nsec);
    }
    // statm: pages in all, then those that are resident.
    const std::string pages = first_line(folders.proc / "self/statm");
    const auto space = pages.find(' ');
    if (space != std::string::npos) {
        const auto resident = number_at(std::string_view(pages).substr(space + 1));
        usage.memory_bytes = resident.value_or(0) * static_cast<std::uint64_t>(getpagesize());
    }
    return usage;
}

}  // namespace aircheck::control
