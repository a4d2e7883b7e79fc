#include "provider/lease_signals.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <tuple>
#include <vector>

#include "provider/descriptor.hpp"

namespace hanse::provider {
namespace {

struct Process {
  pid_t pid = 0, parent = 0, session = 0;
  bool has_terminal = false;
  std::uint64_t started = 0;  ///< Clock ticks since boot.
};

/// Enough for the largest environment that a process can start with.
constexpr std::size_t kMostRead = 4 * 1024 * 1024;

std::string read_of(pid_t pid, const char* file) {
  return read_at(AT_FDCWD, ("/proc/" + std::to_string(pid) + "/" + file).c_str(), kMostRead);
}

/// By /proc/PID/stat. The name in it may hold anything, so fields count from the last ')'.
std::optional<Process> look_at(pid_t pid) {
  const std::string stat = read_of(pid, "stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  Process process{.pid = pid};
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
    if (number == 4) process.parent = std::atoi(field.c_str());
    if (number == 6) process.session = std::atoi(field.c_str());
    if (number == 7) process.has_terminal = field != "0";
    if (number == 22) process.started = std::strtoull(field.c_str(), nullptr, 10);
  }
  return process;
}

std::vector<Process> all_processes() {
  std::vector<Process> processes;
  std::error_code error;
  std::filesystem::directory_iterator folder("/proc", error);
  for (; !error && folder != std::filesystem::directory_iterator(); folder.increment(error)) {
    const std::string name = folder->path().filename();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc() || end != name.data() + name.size()) continue;
    if (const auto process = look_at(pid)) processes.push_back(*process);
  }
  return processes;
}

/// The number may mean another process by now, so the process is held and looked at again before it is signalled.
void signal_to(const Process& process, int signal) {
  const Descriptor held(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  const auto now = look_at(process.pid);
  if (!held || !now || now->started != process.started) return;
  (void)::syscall(SYS_pidfd_send_signal, held.get(), signal, nullptr, 0);
}

}  // namespace

void hang_up_session(const std::string& session) {
  const std::string entry = std::string(kSessionVariable) + "=" + session;
  const auto processes = all_processes();
  // The one that the gateway started is the oldest of those that lead a session and carry the mark.
  const Process* first = nullptr;
  for (const auto& process : processes) {
    if (process.session != process.pid) continue;
    if (first != nullptr && std::tie(first->started, first->pid) < std::tie(process.started, process.pid)) continue;
    if (read_of(process.pid, "environ").find(entry) != std::string::npos) first = &process;
  }
  if (first == nullptr) return;
  for (const auto& process : processes) {
    if (first->has_terminal ? process.pid == first->pid : process.session == first->pid) {
      signal_to(process, SIGHUP);
    }
  }
}

void terminate_descendants(pid_t ancestor, std::string_view spared) {
  const auto processes = all_processes();
  std::set<pid_t> family{ancestor};
  for (std::size_t before = 0; before < family.size();) {
    before = family.size();
    for (const auto& process : processes) {
      if (family.contains(process.parent)) family.insert(process.pid);
    }
  }
  family.erase(ancestor);
  for (const auto& process : processes) {
    if (process.parent == ancestor && read_of(process.pid, "cmdline").find(spared) != std::string::npos) {
      family.erase(process.pid);
    }
  }
  for (const auto& process : processes) {
    if (family.contains(process.pid)) signal_to(process, SIGTERM);
  }
}

}  // namespace hanse::provider
