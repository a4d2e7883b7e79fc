#pragma once

// For tests: what a run that was killed left on this machine, and how to tell it from what a live one needs. Whatever
// outlives its program bears the program's process id in its name: "hanse-test-123-…", "/tmp/hanse-agent-123-…".

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "client/wallet.hpp"
#include "provider/agent.hpp"
#include "provider/engine.hpp"

namespace hanse::provider::testing {

namespace fs = std::filesystem;

/// Of the tests' own containers and networks; an agent's bear the agent's.
inline const std::string kTestLabel = "hanse.owner=test";
inline constexpr std::size_t kMostSwept = 200;  ///< Of each kind at a start: the rest is the next start's.

/// "hanse-test-PID-WHAT": of a container or network.
inline std::string test_name(const std::string& what) {
  return "hanse-test-" + std::to_string(::getpid()) + "-" + what;
}

/// A new folder "/tmp/hanse-KIND-PID-…", for the caller to delete.
inline fs::path make_test_folder(const std::string& kind) {
  std::string name = "/tmp/hanse-" + kind + "-" + std::to_string(::getpid()) + "-XXXXXX";
  HANSE_CHECK(::mkdtemp(name.data()) != nullptr);
  return name;
}

/// Does "hanse-KIND-PID-…" name a process that has ended? A name of another form does not: "hanse-cli-98rnQs" is
/// somebody's whose random letters begin with a number.
inline bool is_leftover(const std::string& name) {
  const auto kind = name.find('-'), pid = name.find('-', kind + 1);
  if (!name.starts_with("hanse-") || pid == std::string::npos) return false;
  char* end = nullptr;
  const auto owner = static_cast<pid_t>(std::strtol(name.c_str() + pid + 1, &end, 10));
  return *end == '-' && owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH;
}

/// "hanse.agent=…" of the agent whose data folder that is; empty if it is none.
inline std::string agent_label(const fs::path& data) {
  const auto file = data / kAgentKeyFile;
  if (!fs::exists(file)) return {};
  const auto key = client::open_or_create_ssh_key(file, "agent");
  return key ? "hanse.agent=" + to_hex(key->public_key().view()).substr(0, 16) : std::string();
}

/// Removes the containers and networks with a label, of all or of dead programs only.
inline void sweep_label(Engine& engine, const std::string& label, bool leftovers_only) {
  std::size_t swept = 0;
  for (const auto& container : engine.list(label).value_or(std::vector<ContainerState>{})) {
    if (leftovers_only && !is_leftover(container.name)) continue;
    if (++swept <= kMostSwept) static_cast<void>(engine.remove(container.id));
  }
  for (const auto& network : engine.list_networks(label).value_or(std::vector<std::string>{})) {
    if (leftovers_only && !is_leftover(network)) continue;
    if (++swept <= kMostSwept) static_cast<void>(engine.remove_network(network));
  }
}

/// A test's file, or its folder with all that an agent in it, or a lease's volume, still holds of this machine.
inline void sweep_folder(Engine& engine, const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (const auto label = agent_label(entry.path()); !label.empty()) sweep_label(engine, label, false);
  }
  std::ifstream mounts("/proc/self/mounts");
  for (std::string device, at, rest; mounts >> device >> at && std::getline(mounts, rest);) {
    if (at.starts_with(folder.string() + "/")) ::umount2(at.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
  fs::remove_all(folder, error);
}

/// Everything that dead programs left; called at the start of each.
inline void sweep_leftovers(Engine& engine) {
  sweep_label(engine, kTestLabel, true);
  std::vector<fs::path> left;
  std::error_code error;
  for (const char* place : {"/tmp", "/var/run/cdi"}) {
    for (const auto& entry : fs::directory_iterator(place, error)) {
      if (left.size() < kMostSwept && is_leftover(entry.path().filename())) left.push_back(entry.path());
    }
  }
  for (const auto& path : left) sweep_folder(engine, path);
}

}  // namespace hanse::provider::testing
