// The way into a lease: a command through the gateway against `podman exec`, and a copy against OpenSSH's own server.
// Needs root and podman, as the gateway's tests do, and OpenSSH's server and client.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench.hpp"
#include "provider/descriptor.hpp"
#include "provider/testing/gateway_fixture.hpp"

namespace hanse::bench {
namespace {

using provider::testing::GatewayHouse;
using provider::testing::run_shell;

constexpr int kExecRounds = 15;
constexpr std::int64_t kCopyBytes = std::int64_t{1} << 30;

double time_of(const std::string& command) {
  const Stopwatch watch;
  HANSE_CHECK(run_shell(command).code == 0);
  return watch.seconds();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Alternating, so that a machine that slows down slows both.
std::array<double, 2> medians(const std::string& first, const std::string& second, int rounds) {
  std::vector<double> a, b;
  for (int i = 0; i < rounds; ++i) {
    a.push_back(time_of(first));
    b.push_back(time_of(second));
  }
  return {median(a), median(b)};
}

void exec() {
  GatewayHouse house;
  const std::string podman = "podman --runtime runc --cgroup-manager cgroupfs exec " + house.container() + " true";
  const auto [ours, theirs] = medians(house.ssh() + " true", podman, kExecRounds);
  report({"ssh.exec", ours * 1000, "ms", "podman exec, " + std::to_string(theirs * 1000) + " ms", ours / theirs,
          "ratio <= 2"});
  // What remains when the connection is there already (ControlMaster, editors).
  const std::string shared = "-o ControlPath=" + house.folder().string() + "/mux ";
  HANSE_CHECK(run_shell(house.ssh("-fNM " + shared) + " >/dev/null 2>&1").code == 0);
  const auto [again, podman_again] = medians(house.ssh(shared) + " true", podman, kExecRounds);
  report({"ssh.exec_shared_connection", again * 1000, "ms",
          "podman exec, " + std::to_string(podman_again * 1000) + " ms", again / podman_again, ""});
  run_shell(house.ssh(shared + "-O exit") + " 2>/dev/null");
}

/// Of 127.0.0.1, free a moment ago: whatever else runs on the machine keeps its own.
std::uint16_t free_port() {
  const provider::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  HANSE_CHECK(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  HANSE_CHECK(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

/// OpenSSH's own server on loopback, with the client's key; scp -F CONFIG sshd:PATH.
class OpenSshServer {
 public:
  explicit OpenSshServer(const GatewayHouse& house) : folder_(house.folder() / "sshd") {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "host_key") << provider::format_ssh_private_key(house.host_key);
    std::filesystem::permissions(folder_ / "host_key", std::filesystem::perms::owner_read);
    std::ofstream(folder_ / "authorized") << provider::format_ssh_public_key(house.client.public_key()) << "\n";
    const std::string port = std::to_string(free_port());
    std::ofstream(folder_ / "sshd_config")
        << "Port " << port << "\nListenAddress 127.0.0.1\nHostKey " << at("host_key") << "\nAuthorizedKeysFile "
        << at("authorized") << "\nPidFile " << at("pid") << "\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
        << "Subsystem sftp /usr/lib/openssh/sftp-server\n";
    std::ofstream(folder_ / "config")
        << "Host sshd\n  HostName 127.0.0.1\n  Port " << port << "\n  IdentityFile "
        << (house.folder() / "key").string()
        << "\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n";
    const auto started = run_shell("mkdir -p /run/sshd && /usr/sbin/sshd -f " + at("sshd_config") + " 2>&1");
    if (started.code == 0) return;
    std::fprintf(stderr, "error: OpenSSH's server did not start; ./bench installs it (openssh-server): %s\n",
                 started.output.c_str());
    std::exit(1);
  }
  ~OpenSshServer() { run_shell("kill $(cat " + at("pid") + ")"); }
  OpenSshServer(const OpenSshServer&) = delete;
  OpenSshServer& operator=(const OpenSshServer&) = delete;
  [[nodiscard]] std::string at(const std::string& name) const { return folder_ / name; }

 private:
  std::filesystem::path folder_;
};

void copy() {
  GatewayHouse house;
  const OpenSshServer sshd(house);
  const std::string blob = house.folder().string() + "/blob", back = house.folder().string() + "/back";
  HANSE_CHECK(run_shell("head -c " + std::to_string(kCopyBytes) + " /dev/urandom > " + blob).code == 0);
  const std::string ours = "scp -q -F " + house.config() + " ", theirs = "scp -q -F " + sshd.at("config") + " ";
  const std::string far = (house.workspace() / "blob").string();
  const auto speed = [](double seconds) { return static_cast<double>(kCopyBytes) / 1e6 / seconds; };
  const auto tell = [&](const char* name, std::array<double, 2> seconds) {
    report({name, speed(seconds[0]), "MB/s",
            "scp from and to OpenSSH's server, " + std::to_string(speed(seconds[1])) + " MB/s", seconds[1] / seconds[0],
            "ratio >= 0.8"});
  };
  // OpenSSH chooses ChaCha20 by itself; the gateway offers AES-GCM alone. This shows what is not due to that.
  const std::string same = "scp -c aes128-gcm@openssh.com -q -F " + sshd.at("config") + " ";
  tell("ssh.copy.in_same_cipher",
       medians(ours + blob + " " + house.target() + ":blob", same + blob + " sshd:" + far, 3));
  tell("ssh.copy.in", medians(ours + blob + " " + house.target() + ":blob", theirs + blob + " sshd:" + far, 3));
  tell("ssh.copy.out", medians(ours + house.target() + ":blob " + back, theirs + "sshd:" + far + " " + back, 3));
}

HANSE_BENCH("ssh.exec", exec);
HANSE_BENCH("ssh.copy", copy);

}  // namespace
}  // namespace hanse::bench
