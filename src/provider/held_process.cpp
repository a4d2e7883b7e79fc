#include "provider/held_process.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

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

}  // namespace hanse::provider
