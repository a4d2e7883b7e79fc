#include "provider/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace hanse::provider {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kMaxOutput = 64 * 1024;

/// A pipe's two ends, closed when it goes.
struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) {
      read = ends[0];
      write = ends[1];
    }
  }
  ~Pipe() {
    close(read);
    close(write);
  }
  static void close(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

/// Feeds stdin and collects output until the program closes it or time is up. False: time is up.
bool converse(Pipe& in, Pipe& out, std::string input, std::string& output, SteadyClock::time_point deadline) {
  ::fcntl(in.write, F_SETFL, O_NONBLOCK);
  if (input.empty()) Pipe::close(in.write);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    if (left <= 0) return false;
    pollfd polls[2] = {{out.read, POLLIN, 0}, {in.write, POLLOUT, 0}};
    if (::poll(polls, 2, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if (polls[1].revents != 0) {
      const auto n = ::write(in.write, input.data(), input.size());
      if (n > 0) input.erase(0, static_cast<std::size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN)) Pipe::close(in.write);
    }
    if (polls[0].revents != 0) {
      char piece[4096];
      const auto n = ::read(out.read, piece, sizeof piece);
      if (n <= 0) return true;
      if (output.size() < kMaxOutput) output.append(piece, static_cast<std::size_t>(n));
    }
  }
}

}  // namespace

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = std::string(path == nullptr ? "" : path) + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
  for (std::size_t at = 0; at <= folders.size();) {
    const auto end = std::min(folders.find(':', at), folders.size());
    const auto file = folders.substr(at, end - at) + "/" + name;
    if (end > at && ::access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return "";
}

Result<ProcessOutput> run_program(const std::vector<std::string>& command, const std::string& input,
                                  unsigned timeout_s) {
  const auto program = find_program(command.front());
  if (program.empty()) return fail(ErrorCode::unsupported, command.front() + " is not installed on this machine");
  Pipe in, out;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.write, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(ErrorCode::io, "cannot run " + program + ": " + std::strerror(error));
  Pipe::close(in.read);
  Pipe::close(out.write);
  ProcessOutput result;
  const auto deadline = SteadyClock::now() + std::chrono::seconds(timeout_s);
  const bool in_time = converse(in, out, input, result.text, deadline);
  if (!in_time) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) return fail(ErrorCode::timeout, program + " did not end within " + std::to_string(timeout_s) + " s");
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace hanse::provider
