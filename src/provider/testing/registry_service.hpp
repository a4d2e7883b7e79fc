#pragma once

// For tests: a real container registry (Debian's docker-registry) on a free port of this machine, with a small image in
// it, and the test engine told to speak plain HTTP to it. It ends with its object.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "provider/testing/engine_service.hpp"
#include "provider/testing/gateway_fixture.hpp"

namespace hanse::provider::testing {

class RegistryService {
 public:
  static constexpr const char* kUser = "renter";
  static constexpr const char* kPassword = "open-sesame-4711";

  /// `is_private`: it serves nobody but kUser. Restarts the engine, which reads of its registries at its start.
  explicit RegistryService(bool is_private) : port_(free_port()) {
    std::ofstream config(folder_ / "config.yml");
    config << "version: 0.1\nstorage: {filesystem: {rootdirectory: " << (folder_ / "data").string()
           << "}}\nhttp: {addr: \"" << place() << "\"}\n";
    if (is_private) {
      config << "auth: {htpasswd: {realm: test, path: " << (folder_ / "htpasswd").string() << "}}\n";
      std::ofstream(folder_ / "htpasswd") << kUser << ":" << kHashed << "\n";
    }
    config.close();
    pid_ = serve();
    std::ofstream(folder_ / "registries.conf") << "[[registry]]\nlocation = \"" << place() << "\"\ninsecure = true\n";
    ::setenv("CONTAINERS_REGISTRIES_CONF", (folder_ / "registries.conf").c_str(), 1);
    EngineService::instance().restart();
    push();
  }
  ~RegistryService() {
    ::unsetenv("CONTAINERS_REGISTRIES_CONF");
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    static_cast<void>(EngineService::instance().engine().remove_image(image()));
    fs::remove_all(folder_);
  }
  RegistryService(const RegistryService&) = delete;
  RegistryService& operator=(const RegistryService&) = delete;

  [[nodiscard]] std::string place() const { return "127.0.0.1:" + std::to_string(port_); }
  /// In it, and not in the engine. Its variable WHO says "private".
  [[nodiscard]] std::string image() const { return place() + "/house/tool:1"; }
  /// Another name for it in the engine.
  [[nodiscard]] std::string tag_image(const std::string& repository) const {
    const auto ran = run_shell("curl --silent --show-error --fail --request POST --unix-socket " +
                               EngineService::instance().socket() + " 'http://engine/images/" + image() +
                               "/tag?repo=" + repository + "&tag=1' 2>&1");
    if (ran.code != 0) std::fprintf(stderr, "%s\n", ran.output.c_str());
    HANSE_CHECK(ran.code == 0);
    return repository + ":1";
  }

 private:
  static constexpr const char* kHashed = "$2b$05$hanseHanseHanseHanseHuhRMov6Gnx70KavToF/vi7Fm2ggRE5pK";  // bcrypt

  static std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    HANSE_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    HANSE_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ::close(fd);
    return ntohs(address.sin_port);
  }

  [[nodiscard]] pid_t serve() const {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string command =
        "exec docker-registry serve " + (folder_ / "config.yml").string() + " >" + (folder_ / "log").string() + " 2>&1";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }

  /// By podman, whichever engine is tested.
  void push() const {
    const std::string made = test_name("pushed");
    const std::string podman = "podman --runtime runc --cgroup-manager cgroupfs ";  // as the service is told to be
    const std::string script = podman + "create --name " + made + " " + kTestImage + " true && " + podman +
                               "commit --quiet --change 'ENV WHO=private' " + made + " " + image() + "; " + podman +
                               "rm " + made + "; for i in $(seq 100); do " + podman +
                               "push --quiet --tls-verify=false --creds " + kUser + ":" + kPassword + " " + image() +
                               " && break; kill -0 " + std::to_string(pid_) + " || break; sleep 0.1; done; " + podman +
                               "rmi " + image();
    const Ran ran = run_shell("( " + script + " ) 2>&1");
    if (ran.code == 0) return;
    std::fprintf(stderr, "no image came into the registry: %s\n", ran.output.c_str());
    static_cast<void>(std::system(("cat " + (folder_ / "log").string() + " >&2").c_str()));
    std::abort();
  }

  const fs::path folder_ = make_test_folder("registry");
  const std::uint16_t port_;
  pid_t pid_ = 0;
};

}  // namespace hanse::provider::testing
