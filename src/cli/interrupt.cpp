#include "cli/interrupt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/check.hpp"

namespace hanse::cli {
namespace {

// Signal handlers reach only what is global.
std::array<int, 2> g_pipe{-1, -1};
std::atomic<int> g_count = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // or a handler may not touch it

void on_signal(int) {
  const int saved = errno;
  ++g_count;
  const char byte = 1;
  (void)!::write(g_pipe[1], &byte, 1);
  errno = saved;
}

/// Until it is readable; a signal, which may be none of ours, does not cut it short.
void await(int fd, int timeout_ms) {
  pollfd poll_fd{fd, POLLIN, 0};
  int rc = 0;
  do {
    rc = ::poll(&poll_fd, 1, timeout_ms);
  } while (rc < 0 && errno == EINTR && g_count == 0);
}

constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

void handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  struct sigaction before{};
  ::sigaction(signal, nullptr, &before);
  if (signal == SIGHUP && before.sa_handler == SIG_IGN) return;
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  HANSE_CHECK(g_pipe[0] == -1);
  HANSE_CHECK(::pipe2(g_pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  g_count = 0;
  for (const int signal : kSignals) handle(signal, on_signal);
}

Interrupt::~Interrupt() {
  for (const int signal : kSignals) handle(signal, SIG_DFL);
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

bool Interrupt::came() {
  return g_pipe[0] != -1 && g_count > 0;
}

bool Interrupt::wait(int timeout_ms) {
  await(g_pipe[0], timeout_ms);
  return g_count > 0;
}

StopSource::StopSource(const Interrupt& interrupt) : StopSource(&interrupt, nullptr, interrupt.fd()) {}
StopSource::StopSource(const StopSource* wider) : StopSource(nullptr, wider, wider->fd()) {}

StopSource::StopSource(const Interrupt* interrupt, const StopSource* wider, int fd)
    : interrupt_(interrupt), wider_(wider), told_(::eventfd(0, EFD_CLOEXEC)), both_(::epoll_create1(EPOLL_CLOEXEC)) {
  HANSE_CHECK(told_ >= 0 && both_ >= 0);
  for (const int each : {told_, fd}) {
    epoll_event event{};
    event.events = EPOLLIN;
    HANSE_CHECK(::epoll_ctl(both_, EPOLL_CTL_ADD, each, &event) == 0);
  }
}

StopSource::~StopSource() {
  ::close(both_);
  ::close(told_);
}

void StopSource::stop() {
  stopped_ = true;
  HANSE_CHECK(::eventfd_write(told_, 1) == 0);
}

bool StopSource::stopped() const {
  return stopped_ || (wider_ != nullptr ? wider_->stopped() : interrupt_->count() > 0);
}

bool StopSource::wait(int timeout_ms) const {
  await(both_, timeout_ms);
  return stopped();
}

}  // namespace hanse::cli
