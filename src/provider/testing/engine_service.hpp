#pragma once

// For tests: a real container engine of our own on a socket in a temporary folder, and a small image to run. One a
// test program (coming up takes a moment); it ends with the program. podman's service, or dockerd where the
// environment says HANSE_TEST_ENGINE=docker. Tests that use it need root and the engine, as every machine that rents
// itself out has them. Header only, so that it stays out of the library.

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

class EngineService {
 public:
  /// The program's one service, started at the first call. Aborts with the engine's log if it does not come up.
  static EngineService& instance() {
    static EngineService service;
    return service;
  }
  ~EngineService() {
    end(pid_, SIGTERM);
    end(containerd_, SIGTERM);
    if (docker_ && forwarded_) run("iptables --policy FORWARD ACCEPT");
    sweep_folder(*engine_, folder_);
  }
  EngineService(const EngineService&) = delete;
  EngineService& operator=(const EngineService&) = delete;

  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] Engine& engine() const { return *engine_; }
  [[nodiscard]] bool is_docker() const { return docker_; }

  /// Kills the service as a crash would, and starts it again on the same socket. Containers go on.
  void restart() {
    kill();
    start();
  }
  void kill() { end(pid_, SIGKILL); }
  void start() {
    ::unlink(socket_.c_str());
    pid_ = spawn(docker_ ? docker_command() : podman_command());
    for (int i = 0; i < 1200; ++i) {
      auto engine = open_engine(socket_);
      if (engine) {
        if (!engine_) engine_ = std::move(*engine);
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    std::fprintf(stderr, "the container engine did not come up; its log is %s/engine.log\n", folder_.c_str());
    std::abort();
  }

 private:
  EngineService() {
    const char* kind = std::getenv("HANSE_TEST_ENGINE");
    docker_ = kind != nullptr && std::string_view(kind) == "docker";
    folder_ = make_test_folder("engine");
    socket_ = folder_ + "/engine.sock";
    if (docker_) {
      forwarded_ = run("iptables --list-rules FORWARD | grep --quiet --line-regexp -- '-P FORWARD ACCEPT'");
      containerd_ = spawn("containerd --address " + containerd_socket() + " --root " + folder_ +
                          "/containerd --state " + folder_ + "/containerd.run");
    }
    start();
    if (docker_) load_image();
    sweep_leftovers(*engine_);
  }

  static bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

  [[nodiscard]] std::string podman_command() const {
    return "podman --runtime runc --cgroup-manager cgroupfs system service --time 0 unix://" + socket_;
  }
  [[nodiscard]] std::string containerd_socket() const { return folder_ + "/containerd.sock"; }
  /// Containers live on when it is killed, as podman's do; no network of its own but those that are asked for.
  [[nodiscard]] std::string docker_command() const {
    return "dockerd --live-restore --bridge none --exec-opt native.cgroupdriver=cgroupfs --containerd " +
           containerd_socket() + " --host unix://" + socket_ + " --data-root " + folder_ + "/data --exec-root " +
           folder_ + "/run --pidfile " + folder_ + "/docker.pid";
  }
  /// Into an engine that is new and empty.
  void load_image() {
    const std::string load = "podman save --quiet " + kTestImage + " | curl --silent --show-error --fail --output " +
                             folder_ + "/load.log --unix-socket " + socket_ +
                             " --header 'Content-Type: application/x-tar' --data-binary @- http://engine/images/load";
    if (run(load) && engine_->image_id(kTestImage).value_or(std::nullopt)) return;
    std::fprintf(stderr, "the image %s did not come into Docker\n", kTestImage.c_str());
    std::abort();
  }
  /// It ends with this program.
  [[nodiscard]] pid_t spawn(const std::string& command) const {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = ::open((folder_ + "/engine.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) ::_exit(127);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    ::_exit(127);
  }
  static void end(pid_t& pid, int signal) {
    if (pid <= 0) return;
    ::kill(pid, signal);
    ::waitpid(pid, nullptr, 0);
    pid = 0;
  }

  bool docker_ = false, forwarded_ = false;
  std::string folder_, socket_;
  pid_t pid_ = 0, containerd_ = 0;
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
    auto& engine = EngineService::instance().engine();
    auto id = engine.create(spec);
    if (!id) give_up(id.error());
    id_ = *id;
    if (auto started = engine.start(id_); !started) give_up(started.error());
  }
  ~TestContainer() { static_cast<void>(EngineService::instance().engine().remove(id_)); }
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
