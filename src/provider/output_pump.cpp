#include "provider/output_pump.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "base/caught.hpp"
#include "provider/control.hpp"

namespace hanse::provider {
namespace {

constexpr int kNotFound = 127;  ///< What shells show for a program that is not there.
constexpr int kLookMs = 1000;   ///< Where the kernel has no more watches to give, the end is noticed by looking.

std::size_t waiting_in(int pipe) {
  int size = 0;
  return ::ioctl(pipe, FIONREAD, &size) == 0 && size > 0 ? static_cast<std::size_t>(size) : 0;
}

}  // namespace

Result<std::unique_ptr<OutputPump>> OutputPump::start(const std::string& control_folder, std::shared_ptr<OutputLog> log,
                                                      Ended ended) {
  std::unique_ptr<OutputPump> pump(new OutputPump(control_folder, std::move(log), std::move(ended)));
  auto pipes = open_job_pipes(control_folder);
  if (!pipes) return fail(pipes);
  pump->output_ = std::move(pipes->output);
  pump->errors_ = std::move(pipes->errors);
  pump->changes_ = Descriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (pump->changes_) {
    (void)::inotify_add_watch(pump->changes_.get(), control_folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
  }
  pump->thread_ = std::thread([raw = pump.get()] { raw->run(); });
  return pump;
}

OutputPump::~OutputPump() {
  stop_.signal();
  if (thread_.joinable()) thread_.join();
}

void OutputPump::run() {
  for (bool goes_on = true; goes_on;) {
    // What could not be taken now stays in the pipes.
    if (const auto done = caught([&] { goes_on = false, pump(); }); !done) {
      spdlog::error("a job's output: {}", done.error().message);
      pollfd stop{stop_.fd(), POLLIN, 0};
      goes_on = ::poll(&stop, 1, kLookMs) == 0;
    }
  }
}

/// Until it is to stop.
void OutputPump::pump() {
  look_for_end();
  while (true) {
    std::array<pollfd, 4> polls{
        {{stop_.fd(), POLLIN, 0}, {output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}, {changes_.get(), POLLIN, 0}}};
    const int rc = ::poll(polls.data(), polls.size(), has_ended_ ? -1 : kLookMs);
    if (polls[0].revents != 0) return;
    if (polls[3].revents != 0) {
      std::array<char, 4096> events;
      while (::read(changes_.get(), events.data(), events.size()) > 0) {
      }
    }
    drain();
    if (rc == 0 || polls[3].revents != 0) look_for_end();
  }
}

/// What waits in the pipes now, and no more: a job that never stops printing must not keep its end from being seen.
void OutputPump::drain() {
  const auto kinds = {std::pair{&output_, wire::FrameKind::output}, std::pair{&errors_, wire::FrameKind::errors}};
  for (const auto& [pipe, kind] : kinds) {
    for (std::size_t left = waiting_in(pipe->get()); left > 0;) {
      std::array<std::uint8_t, 16 * 1024> nowhere;
      const auto taken = has_ended_ ? static_cast<std::size_t>(std::max<ssize_t>(
                                          ::read(pipe->get(), nowhere.data(), std::min(left, nowhere.size())), 0))
                                    : log_->take(kind, pipe->get(), left);
      if (taken == 0) break;
      left -= std::min(left, taken);
    }
  }
}

void OutputPump::look_for_end() {
  if (has_ended_) return;
  auto exit = log_->exit();
  if (!exit) {
    exit = read_exit(control_folder_);
    if (!exit) return;
    drain();  // all that was printed before the end was noted
    if (const auto program = read_missing(control_folder_); exit->code == kNotFound && !program.empty()) {
      log_->append(wire::FrameKind::note, std::string("the first line of ") + (exit->in_setup ? "setup" : "run") +
                                              " names " + program + ", which the image does not have: name another, " +
                                              "or use an image that has it");
    }
    log_->append(wire::FrameKind::exit, to_text(*exit));
  }
  has_ended_ = true;
  ended_(*exit);
}

}  // namespace hanse::provider
