#include "provider/held_process.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/utf8.hpp"

namespace hanse::provider {

Result<std::shared_ptr<const HeldProcess>> HeldProcess::of(Engine& engine, const std::string& container) {
  constexpr int kTries = 3;  // it may start anew between the two looks
  auto state = engine.inspect(container);
  for (int tries = 0; state && state->running && state->pid > 0 && tries < kTries; ++tries) {
    const auto pid = static_cast<pid_t>(state->pid);
    Descriptor fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    auto again = engine.inspect(container);
    if (fd && again && again->running && again->id == state->id && again->pid == state->pid) {
      return std::shared_ptr<const HeldProcess>(new HeldProcess(pid, std::move(fd)));
    }
    state = std::move(again);
  }
  if (!state) return fail(state);
  return fail(ErrorCode::wrong_state, "the lease's container is not running: 'hanse ps' shows its state");
}

bool HeldProcess::is_alive() const {
  pollfd end{fd_.get(), POLLIN, 0};
  return ::poll(&end, 1, 0) == 0;
}

std::vector<std::string> HeldProcess::environment() const {
  constexpr std::size_t kMost = 256 * 1024;
  std::string text(kMost, '\0');
  std::ifstream in("/proc/" + std::to_string(pid_) + "/environ", std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  std::vector<std::string> out;
  if (!is_alive()) return out;  // its number may be another's by now
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\0', at);
    if (end == text.npos) break;
    const auto entry = std::string_view(text).substr(at, end - at);
    const auto equals = entry.find('=');
    if (equals != entry.npos && equals > 0 && is_utf8(as_bytes(entry))) out.emplace_back(entry);
    at = end + 1;
  }
  return out;
}

}  // namespace hanse::provider
