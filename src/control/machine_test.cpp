#include "control/machine.hpp"

#include "core/temp_folder_testing.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace aircheck::control {
namespace {

namespace fs = std::filesystem;

class MachineTest : public testing::Test {
protected:
    void write(const std::string& name, const std::string& text) {
        fs::create_directories(fs::path(root_ / name).parent_path());
        std::ofstream(root_ / name) << text;
    }

    const tests::TempFolder root_;
    const SystemFolders folders_{root_ / "proc", root_ / "cgroup"};
};

TEST_F(MachineTest, WithoutGroupsTheMachineIsTheLimit) {
    const Capacity capacity = read_capacity(folders_);
    EXPECT_GE(capacity.cores, 1);
    EXPECT_LE(capacity.cores, std::max(1U, std::thread::hardware_concurrency()));
    EXPECT_GT(capacity.memory_bytes, 64U * 1024 * 1024);
}

TEST_F(MachineTest, AContainersQuotaIsThatOfTheRootItSees) {
    write("proc/self/cgroup", "0::/\n");
    write("cgroup/cpu.max", "50000 100000\n");
    write("cgroup/memory.max", "536870912\n");
    const Capacity capacity = read_capacity(folders_);
    EXPECT_EQ(capacity.cores, 0.5);
    EXPECT_EQ(capacity.memory_bytes, 536870912U);
}

TEST_F(MachineTest, TheNarrowestOfAllGroupsAboveHolds) {
    write("proc/self/cgroup", "0::/pods.slice/pod1/box\n");
    write("cgroup/pods.slice/cpu.max", "max 100000\n");
    write("cgroup/pods.slice/memory.max", "268435456\n");
    write("cgroup/pods.slice/pod1/cpu.max", "25000 100000\n");
    write("cgroup/pods.slice/pod1/box/cpu.max", "70000 100000\n");
    write("cgroup/pods.slice/pod1/box/memory.max", "max\n");
    const Capacity capacity = read_capacity(folders_);
    EXPECT_EQ(capacity.cores, 0.25);
    EXPECT_EQ(capacity.memory_bytes, 268435456U);
}

TEST_F(MachineTest, WhatCannotBeReadLimitsNothing) {
    write("proc/self/cgroup", "1:cpu:/old\n0::/x\n");
    const Capacity without = read_capacity(folders_);
    for (const char* text : {"", "max", "0 100000", "100000 0", "x y", "-1 100000", "\n"}) {
        write("cgroup/x/cpu.max", text);
        write("cgroup/x/memory.max", text[0] == '1' ? "" : text);
        EXPECT_EQ(read_capacity(folders_).cores, without.cores) << text;
        EXPECT_EQ(read_capacity(folders_).memory_bytes, without.memory_bytes) << text;
    }
}

TEST_F(MachineTest, ReadsResidentPages) {
    write("proc/self/statm", "90000 1234 500 10 0 800 0\n");
    EXPECT_EQ(
        read_usage(folders_).memory_bytes, 1234 * static_cast<std::uint64_t>(::getpagesize())
    );
}

TEST_F(MachineTest, ReadsThisProcess) {
    const Usage before = read_usage();
    EXPECT_GT(before.memory_bytes, 1024U * 1024);
    EXPECT_GT(before.cpu.count(), 0);
    volatile std::uint64_t sum = 0;
    while (read_usage().cpu - before.cpu < 10ms) {
        for (std::uint64_t i = 0; i < 100'000; ++i) sum = sum + i;
    }
    EXPECT_GT(sum, 0U);
}

}  // namespace
}  // namespace aircheck::control
