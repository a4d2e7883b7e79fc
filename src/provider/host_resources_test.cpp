#include "provider/host_resources.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "provider/testing/leftovers.hpp"

namespace hanse::provider {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint64_t kGiB = 1ULL << 30;

/// A machine's /proc and /sys, as far as they are asked: 128 GiB.
class Machine {
 public:
  Machine() { put("proc/meminfo", "MemTotal:       134217728 kB\nMemFree:          1000 kB\n"); }
  ~Machine() { fs::remove_all(root); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  void put(const std::string& file, const std::string& text) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }
  const fs::path root = testing::make_test_folder("host");
};

TEST(HostResources, AreAllOfTheMachineWhereNothingLimitsThem) {
  const Machine machine;
  machine.put("proc/self/cgroup", "0::/user.slice/us\n");
  machine.put("sys/fs/cgroup/user.slice/memory.max", "max\n");
  machine.put("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  const auto host = read_host(machine.root, 16);
  EXPECT_EQ(host.memory_bytes, 128 * kGiB);
  EXPECT_EQ(host.threads, 16U);
  EXPECT_EQ(host.limits, "");
}

TEST(HostResources, AreHeldToTheNarrowestGroupAboveUs) {
  const Machine machine;
  machine.put("proc/self/cgroup", "0::/outer/inner\n");
  machine.put("sys/fs/cgroup/outer/memory.max", std::to_string(24 * kGiB) + "\n");
  machine.put("sys/fs/cgroup/outer/inner/memory.max", std::to_string(48 * kGiB) + "\n");
  machine.put("sys/fs/cgroup/outer/inner/cpu.max", "650000 100000\n");
  const auto host = read_host(machine.root, 16);
  EXPECT_EQ(host.memory_bytes, 24 * kGiB);
  EXPECT_EQ(host.threads, 6U) << "half a processor is none to rent out";
  EXPECT_THAT(host.limits, HasSubstr("24GiB"));
  EXPECT_THAT(host.limits, HasSubstr("processors"));
}

TEST(HostResources, ReadTheGroupsOfVersion1) {
  const Machine machine;
  machine.put("proc/self/cgroup", "9:name=systemd:/\n4:memory:/a\n3:cpuset:/\n2:cpu,cpuacct:/a/b\n0::/\n");
  machine.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  machine.put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", std::to_string(8 * kGiB) + "\n");
  machine.put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n");
  machine.put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  machine.put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  machine.put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  const auto host = read_host(machine.root, 16);
  EXPECT_EQ(host.memory_bytes, 8 * kGiB);
  EXPECT_EQ(host.threads, 1U) << "less than one is one";
}

TEST(HostResources, DoNotFallOverWhatTheKernelNeverSays) {
  const Machine machine;
  machine.put("proc/meminfo", "MemTotal: none kB\n");
  machine.put("proc/self/cgroup", "x\n:\n1:\n0::/../../..\n4:memory:\n");
  machine.put("sys/fs/cgroup/cpu.max", "100000 0\n");
  EXPECT_EQ(read_host(machine.root, 3).memory_bytes, 0U);
  EXPECT_EQ(read_host(machine.root, 3).threads, 3U);
  EXPECT_EQ(read_host(machine.root / "nowhere", 3).memory_bytes, 0U);
}

TEST(HostResources, OfThisMachineAreThereAndNoMoreThanItHas) {
  const auto host = read_host();
  EXPECT_GT(host.threads, 0U);
  EXPECT_GT(host.memory_bytes, kGiB / 4);
  EXPECT_LE(host.threads, std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
}

TEST(HostResources, AgreeButForWhatTheKernelKeepsToItself) {
  EXPECT_TRUE(agree({16, 128 * kGiB, ""}, {16, 126 * kGiB, ""}));
  EXPECT_FALSE(agree({16, 128 * kGiB, ""}, {16, 7 * kGiB, ""})) << "memory that was added at boot";
  EXPECT_FALSE(agree({8, 128 * kGiB, ""}, {16, 128 * kGiB, ""}));
}

}  // namespace
}  // namespace hanse::provider
