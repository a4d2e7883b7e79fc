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

#include "provider/descriptor.hpp"

namespace hanse::provider {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kMaxOutput = 64 * 1024;

/// Feeds stdin and collects output until the program closes it or time is up. False: time is up.
bool converse(Pipe& in, Pipe& out, std::string input, std::string& output, SteadyClock::time_point deadline) {
  (void)set_nonblocking(in.write_end.get());
  if (input.empty()) in.write_end.reset();
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    if (left <= 0) return false;
    pollfd polls[2] = {{out.read_end.get(), POLLIN, 0}, {in.write_end.get(), POLLOUT, 0}};
    if (::poll(polls, 2, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if (polls[1].revents != 0) {
      const auto n = ::write(in.write_end.get(), input.data(), input.size());
      if (n > 0) input.erase(0, static_cast<std::size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN)) in.write_end.reset();
    }
    if (polls[0].revents != 0) {
      char piece[4096];
      const auto n = ::read(out.read_end.get(), piece, sizeof piece);
      if (n <= 0) return true;
      if (output.size() < std::size_t{kMaxOutput}) output.append(piece, static_cast<std::size_t>(n));
    }
  }
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
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

Result<ProcessOutput> run_program(const std::vector<std::string>& command, const std::string& input, unsigned timeout_s,
                                  Take take) {
  const auto program = find_program(command.front());
  if (program.empty()) return fail(ErrorCode::unsupported, command.front() + " is not installed on this machine");
  auto pipe_in = make_pipe(kMaxOutput), pipe_out = make_pipe(kMaxOutput);
  if (!pipe_in) return fail(pipe_in);
  if (!pipe_out) return fail(pipe_out);
  auto &in = *pipe_in, &out = *pipe_out;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.read_end.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.write_end.get(), STDOUT_FILENO);
  const bool is_alone = take == Take::all;
  if (is_alone) ::posix_spawn_file_actions_adddup2(&actions, out.write_end.get(), STDERR_FILENO);
  posix_spawnattr_t own_group;
  ::posix_spawnattr_init(&own_group);
  if (is_alone) ::posix_spawnattr_setflags(&own_group, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, &own_group, arguments.data(), environ);
  ::posix_spawnattr_destroy(&own_group);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(ErrorCode::io, "cannot run " + program + ": " + std::strerror(error));
  in.read_end.reset();
  out.write_end.reset();
  ProcessOutput result;
  const auto deadline = SteadyClock::now() + std::chrono::seconds(timeout_s);
  const bool in_time = converse(in, out, input, result.text, deadline);
  if (!in_time) ::kill(is_alone ? -pid : pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) return fail(ErrorCode::timeout, program + " did not end within " + std::to_string(timeout_s) + " s");
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace hanse::provider
