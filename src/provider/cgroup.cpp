#include "provider/cgroup.hpp"

#include <fmt/format.h>

#include <fstream>
#include <string>

namespace hanse::provider {

namespace {

/// The number after "oom_kill " in a file of one "name value" a line.
std::optional<std::uint64_t> oom_kill_line(const std::string& file) {
  std::ifstream in(file);
  std::string name;
  std::uint64_t value = 0;
  for (int i = 0; i < 64 && (in >> name >> value); ++i) {
    if (name == "oom_kill") return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> out_of_memory_kills(std::int64_t pid) {
  std::ifstream in(fmt::format("/proc/{}/cgroup", pid));
  std::string line;
  for (int i = 0; i < 64 && std::getline(in, line); ++i) {  // "4:memory:/path" or "0::/path"
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const auto path = line.substr(second + 1);
    if (controllers == "memory") return oom_kill_line("/sys/fs/cgroup/memory" + path + "/memory.oom_control");
    if (controllers.empty()) {
      if (auto count = oom_kill_line("/sys/fs/cgroup" + path + "/memory.events")) return count;
    }
  }
  return std::nullopt;
}

}  // namespace hanse::provider
