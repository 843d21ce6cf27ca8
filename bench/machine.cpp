#include "bench/machine.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace aircheck::bench {

MachineTime MachineTime::now() {
    std::ifstream stat("/proc/stat");
    std::string cpu;
    stat >> cpu;
    MachineTime time;
    std::uint64_t value = 0;
    // user, nice, system, idle, iowait, irq, softirq, steal
    for (int field = 0; field < 8 && stat >> value; ++field) {
        time.all += value;
        if (field == 3 || field == 4) time.idle += value;
    }
    return time;
}

double MachineTime::idle_since(const MachineTime& before) const {
    if (all <= before.all) return 0;
    return static_cast<double>(idle - before.idle) / static_cast<double>(all - before.all);
}

double private_dirty_kib() {
    std::ifstream rollup("/proc/self/smaps_rollup");
    for (std::string line; std::getline(rollup, line);) {
        if (line.starts_with("Private_Dirty:")) return std::strtod(line.c_str() + 14, nullptr);
    }
    return 0;
}

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string describe_machine() {
    std::string model = "unknown CPU";
    std::ifstream cpus("/proc/cpuinfo");
    for (std::string line; std::getline(cpus, line);) {
        if (!line.starts_with("model name")) continue;
        model = line.substr(line.find(':') + 2);
        break;
    }
    std::string load;
    std::ifstream("/proc/loadavg") >> load;
    return std::to_string(std::thread::hardware_concurrency()) + " x " + model + ", load " + load;
}

}  // namespace aircheck::bench
