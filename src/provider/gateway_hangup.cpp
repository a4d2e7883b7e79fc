#include "provider/gateway_hangup.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "provider/descriptor.hpp"

namespace hanse::provider {
namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// True if the process leads its session: field 6 of stat is its own number. The command may hold anything, so fields
/// count from the last ')'.
bool leads_session(pid_t pid) {
  const std::string stat = slurp("/proc/" + std::to_string(pid) + "/stat");
  std::size_t at = stat.rfind(')');
  for (int field = 2; at != std::string::npos && field < 6; ++field) at = stat.find(' ', at + 1);
  return at != std::string::npos && std::atol(stat.c_str() + at) == pid;
}

bool carries(pid_t pid, const std::string& entry) {
  const std::string environment = slurp("/proc/" + std::to_string(pid) + "/environ");
  return std::string_view(environment).find(entry) != std::string_view::npos;
}

}  // namespace

void hang_up_session(const std::string& session) {
  const std::string entry = std::string(kSessionVariable) + "=" + session;
  std::error_code error;
  for (const auto& folder : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = folder.path().filename();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc() || end != name.data() + name.size()) continue;
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process || !carries(pid, entry) || !leads_session(pid)) continue;
    (void)::syscall(SYS_pidfd_send_signal, process.get(), SIGHUP, nullptr, 0);
  }
}

}  // namespace hanse::provider
