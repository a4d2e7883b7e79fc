#include "provider/host_resources.hpp"

#include <hwloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>
#include <vector>

#include "model/text.hpp"

namespace hanse::provider {

namespace {

namespace fs = std::filesystem;

constexpr int kMostLines = 256;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// The words of a file's first line; "max" and its like are no numbers.
std::vector<std::string> first_words(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> out;
  for (std::string word; out.size() < 4 && in >> word;) out.push_back(word);
  return out;
}

std::optional<std::uint64_t> first_number(const fs::path& file) {
  const auto words = first_words(file);
  return words.empty() ? std::nullopt : number(words[0]);
}

std::uint64_t memory_of_machine(const fs::path& root) {
  std::ifstream in(root / "proc/meminfo");
  std::string line;
  for (int i = 0; i < kMostLines && std::getline(in, line); ++i) {
    if (!line.starts_with("MemTotal:")) continue;
    const auto begin = line.find_first_of("0123456789");
    const auto end = line.find_first_not_of("0123456789", begin);
    if (begin == line.npos) return 0;
    return number(line.substr(begin, end == line.npos ? line.npos : end - begin)).value_or(0) * 1024;
  }
  return 0;
}

std::uint32_t own_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::uint32_t>(CPU_COUNT(&set));
  return static_cast<std::uint32_t>(std::max(0L, ::sysconf(_SC_NPROCESSORS_ONLN)));  // more than the set holds
}

/// The least that any group from ours up to the root allows.
struct GroupLimits {
  std::optional<std::uint64_t> memory_bytes, milli_cpus;

  void take_memory(std::optional<std::uint64_t> bytes) {
    if (bytes) memory_bytes = std::min(memory_bytes.value_or(UINT64_MAX), *bytes);
  }
  void take_quota(std::optional<std::uint64_t> quota, std::optional<std::uint64_t> period) {
    if (!quota || !period || *period == 0 || *quota > UINT64_MAX / 1000) return;
    milli_cpus = std::min(milli_cpus.value_or(UINT64_MAX), *quota * 1000 / *period);
  }
};

void read_groups(const fs::path& base, const std::string& path, bool is_v2, GroupLimits& out) {
  for (fs::path group = fs::path(path).relative_path();; group = group.parent_path()) {
    const auto at = base / group;
    if (is_v2) {
      out.take_memory(first_number(at / "memory.max"));
      const auto words = first_words(at / "cpu.max");
      if (words.size() == 2) out.take_quota(number(words[0]), number(words[1]));
    } else {
      out.take_memory(first_number(at / "memory.limit_in_bytes"));
      out.take_quota(first_number(at / "cpu.cfs_quota_us"), first_number(at / "cpu.cfs_period_us"));
    }
    if (group.empty()) return;
  }
}

/// "4:memory:/path" and "3:cpu,cpuacct:/path" of version 1, "0::/path" of version 2.
GroupLimits read_limits(const fs::path& root) {
  GroupLimits out;
  const auto mounted = root / "sys/fs/cgroup";
  std::ifstream in(root / "proc/self/cgroup");
  std::string line;
  for (int i = 0; i < kMostLines && std::getline(in, line); ++i) {
    const auto first = line.find(':');
    const auto second = first == line.npos ? first : line.find(':', first + 1);
    if (second == line.npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const auto path = line.substr(second + 1);
    if (controllers.empty()) {
      read_groups(mounted, path, true, out);
    } else if (controllers == "memory" || controllers == "cpu" || controllers == "cpu,cpuacct") {
      read_groups(mounted / controllers, path, false, out);
    }
  }
  return out;
}

}  // namespace

HostResources read_host(const fs::path& root, std::uint32_t affinity) {
  HostResources out;
  out.memory_bytes = memory_of_machine(root);
  out.threads = affinity != 0 ? affinity : own_affinity();
  const auto limits = read_limits(root);
  const auto limited = [&](const std::string& what) { out.limits += (out.limits.empty() ? "" : ", ") + what; };
  if (limits.memory_bytes && *limits.memory_bytes < out.memory_bytes) {
    out.memory_bytes = *limits.memory_bytes;
    limited("memory by its control group to " + model::format_size(out.memory_bytes));
  }
  if (limits.milli_cpus && *limits.milli_cpus < std::uint64_t{out.threads} * 1000) {
    out.threads = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, *limits.milli_cpus / 1000));
    limited("processors by its control group to " + std::to_string(out.threads));
  }
  return out;
}

HostResources read_topology() {
  HostResources out;
  hwloc_topology_t topology;
  if (hwloc_topology_init(&topology) != 0) return out;
  if (hwloc_topology_load(topology) == 0) {
    out.threads = static_cast<std::uint32_t>(std::max(0, hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU)));
    if (const auto* top = hwloc_get_root_obj(topology)) out.memory_bytes = top->total_memory;
  }
  hwloc_topology_destroy(topology);
  return out;
}

bool agree(const HostResources& kernel, const HostResources& topology) {
  const auto least = std::min(kernel.memory_bytes, topology.memory_bytes);
  const auto most = std::max(kernel.memory_bytes, topology.memory_bytes);
  return kernel.threads == topology.threads && most - least <= most / 10;
}

}  // namespace hanse::provider
