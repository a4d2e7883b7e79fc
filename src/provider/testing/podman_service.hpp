#pragma once

// For tests: a real podman service of our own on a socket in a temporary folder, and a small image to run. One a test
// program (coming up takes a moment); it ends with the program. Tests that use it need root and podman, as every
// machine that rents itself out has them. Header only, so that it stays out of the library.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "base/check.hpp"
#include "provider/engine.hpp"
#include "provider/testing/leftovers.hpp"

namespace hanse::provider::testing {

/// Has a shell, coreutils and perl; pulled, or made from Debian's packages where no registry answers.
inline const std::string kTestImage = "localhost/debian:bookworm-slim";

class PodmanService {
 public:
  /// The program's one service, started at the first call. Aborts with podman's log if it does not come up.
  static PodmanService& instance() {
    static PodmanService service;
    return service;
  }
  ~PodmanService() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  PodmanService(const PodmanService&) = delete;
  PodmanService& operator=(const PodmanService&) = delete;

  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] Engine& engine() const { return *engine_; }

  /// Kills the service as a crash would, and starts it again on the same socket. Containers go on.
  void restart() {
    kill();
    start();
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void start() {
    ::unlink(socket_.c_str());
    const std::string log = folder_ + "/podman.log";
    const std::string address = "unix://" + socket_;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      if (fd < 0) ::_exit(127);
      ::dup2(fd, STDOUT_FILENO);
      ::dup2(fd, STDERR_FILENO);
      ::execlp("podman", "podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "system", "service", "-t", "0",
               address.c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 600; ++i) {
      auto engine = open_engine(socket_);
      if (engine) {
        if (!engine_) engine_ = std::move(*engine);
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    std::fprintf(stderr, "podman's service did not come up; its log is %s\n", log.c_str());
    std::abort();
  }

 private:
  PodmanService() {
    folder_ = make_test_folder("podman");
    socket_ = folder_ + "/podman.sock";
    start();
    sweep_leftovers(*engine_);
  }
  std::string folder_, socket_;
  pid_t pid_ = 0;
  std::unique_ptr<Engine> engine_;
};

/// A running container that is removed when it leaves the scope. Runs `command` by /bin/sh -c; `spec` may set the
/// rest. A failure to start aborts with the engine's message.
class TestContainer {
 public:
  explicit TestContainer(const std::string& command, ContainerSpec spec = {}) {
    static int counter = 0;
    if (spec.name.empty()) spec.name = test_name(std::to_string(++counter));
    spec.labels.push_back(kTestLabel);
    if (spec.image.empty()) spec.image = kTestImage;
    if (spec.network.empty()) spec.network = "none";
    if (spec.workspace_host_path.empty()) spec.workdir = "/tmp";
    spec.command = {"/bin/sh", "-c", command};
    auto& engine = PodmanService::instance().engine();
    auto id = engine.create(spec);
    if (!id) give_up(id.error());
    id_ = *id;
    if (auto started = engine.start(id_); !started) give_up(started.error());
  }
  ~TestContainer() { static_cast<void>(PodmanService::instance().engine().remove(id_)); }
  TestContainer(const TestContainer&) = delete;
  TestContainer& operator=(const TestContainer&) = delete;
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  [[noreturn]] static void give_up(const Error& error) {
    std::fprintf(stderr, "the test container did not start: %s\n", error.message.c_str());
    std::abort();
  }
  std::string id_;
};

/// Everything a stream says until its end (at most 64 MiB).
struct Output {
  std::string out, err;
};
inline Output read_all(ExecStream& stream) {
  Output output;
  while (output.out.size() + output.err.size() < (64U << 20)) {
    auto chunk = stream.read();
    if (!chunk || chunk->source == ExecStream::Source::end) break;
    (chunk->source == ExecStream::Source::err ? output.err : output.out) += as_text(chunk->bytes);
  }
  return output;
}

}  // namespace hanse::provider::testing
