#include "cli/interrupt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/check.hpp"

namespace hanse::cli {
namespace {

// Signal handlers reach only what is global.
std::array<int, 2> g_pipe{-1, -1};
volatile std::sig_atomic_t g_count = 0;

void on_signal(int) {
  const int saved = errno;
  g_count = g_count + 1;
  const char byte = 1;
  (void)!::write(g_pipe[1], &byte, 1);
  errno = saved;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  HANSE_CHECK(g_pipe[0] == -1);
  HANSE_CHECK(::pipe2(g_pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  g_count = 0;
  handle(SIGINT, on_signal);
  handle(SIGTERM, on_signal);
}

Interrupt::~Interrupt() {
  handle(SIGINT, SIG_DFL);
  handle(SIGTERM, SIG_DFL);
  ::close(g_pipe[0]);
  ::close(g_pipe[1]);
  g_pipe = {-1, -1};
}

int Interrupt::fd() const {
  return g_pipe[0];
}
int Interrupt::count() const {
  return g_count;
}

void Interrupt::clear() {
  std::array<char, 16> bytes;
  while (::read(g_pipe[0], bytes.data(), bytes.size()) > 0) {
  }
}

bool Interrupt::raise() {
  if (g_pipe[0] == -1) return false;
  on_signal(0);
  return true;
}

bool Interrupt::wait(int timeout_ms) {
  pollfd poll_fd{g_pipe[0], POLLIN, 0};
  int rc = 0;
  do {
    rc = ::poll(&poll_fd, 1, timeout_ms);
  } while (rc < 0 && errno == EINTR && g_count == 0);
  return g_count > 0;
}

}  // namespace hanse::cli
