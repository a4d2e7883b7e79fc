#pragma once

// Containers through the Docker Engine API on a unix socket: the same code drives podman's service and Docker.
// Thread-safe: each call opens its own connection. Errors carry the engine's own message and what to try.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "client/registry_login.hpp"
#include "provider/device_access.hpp"

namespace hanse::provider {

/// Everything a lease's container may have; what is not named here it does not get: all capabilities but a harmless
/// few dropped, no-new-privileges, the engine's seccomp profile, no host namespaces.
struct ContainerSpec {
  std::string name{};
  std::string hostname{};
  std::string image{};  ///< A name or an id.
  std::vector<std::string> command{};
  std::vector<std::string> env{};
  std::string workdir = "/workspace";
  std::string workspace_host_path{};  ///< Bind-mounted at /workspace; empty: none.
  std::string control_host_path{};    ///< Bind-mounted at /run/hanse; empty: none.
  std::string hosts_host_path{};      ///< Bind-mounted at /etc/hosts, to read; empty: the engine writes one.
  std::string network{};              ///< The lease's own network, or "none".
  std::vector<std::string> dns{};     ///< Name servers; only with a network.
  DeviceAccess devices{};             ///< Of the leased devices.
  std::vector<std::string> labels{};  ///< "key=value"
  std::uint64_t memory_bytes = 0;     ///< RAM and swap together; 0: no limit.
  std::uint64_t shm_bytes = 0;        ///< 0: the engine's default.
  std::int64_t nano_cpus = 0;         ///< 10^9 is one core; 0: no limit.
  std::int64_t pids_limit = 1024;
};

struct ContainerState {
  std::string id;
  std::string name;
  bool running = false;
  int exit_code = 0;
  bool out_of_memory = false;  ///< As the engine noticed it; cgroup.hpp knows better.
  std::int64_t pid = 0;        ///< Of its first process, in the host's numbering; 0 when not running.
  std::vector<std::string> labels;
};

struct ContainerStats {
  std::uint64_t cpu_ns = 0;  ///< Since start, over all cores.
  std::uint64_t memory_bytes = 0, memory_limit_bytes = 0;
  std::uint64_t pids = 0;
};

/// A running exec or attach: a byte stream both ways. With a TTY, output is one stream; without, stdout and stderr.
class ExecStream {
 public:
  virtual ~ExecStream() = default;
  enum class Source { out, err, end };
  struct Chunk {
    Source source;
    Bytes bytes;
  };
  /// Blocks for the next output; Source::end when the process closed its output.
  virtual Result<Chunk> read() = 0;
  virtual Result<> write(ByteView bytes) = 0;
  virtual void close_input() = 0;
  virtual Result<> resize(std::uint16_t columns, std::uint16_t rows) = 0;
  virtual Result<int> exit_code() = 0;  ///< After the end.
  virtual void abort() = 0;             ///< From any thread: makes read() return.
};

struct ExecSpec {
  std::vector<std::string> command{};
  std::vector<std::string> env{};
  bool tty = false;
  std::uint16_t columns = 80, rows = 24;
  std::string workdir = "/workspace";
};

class Engine {
 public:
  virtual ~Engine() = default;
  struct Info {
    std::string kind, version;
    bool rootless = false;
    /// Takes names of CDI devices: podman from 4.1 on. Docker may, from 25 on, where it is set up so: it is not asked
    /// to.
    [[nodiscard]] bool has_cdi() const { return kind == "podman"; }
  };  ///< kind: "podman" or "docker"
  virtual Result<Info> info() = 0;

  /// Of an image in the engine's store; nullopt: it has none of that name.
  virtual Result<std::optional<std::string>> image_id(const std::string& image) = 0;
  /// "NAME=value", as the image sets it for what runs in it. not_found: there is no such image.
  virtual Result<std::vector<std::string>> image_env(const std::string& image) = 0;
  /// Progress: layers done, layers in all (0: unknown), a line for a person.
  using Progress = std::function<void(std::uint64_t done, std::uint64_t total, const std::string& line)>;
  /// Asks the registry, whatever the store has. `login`: as whom; null: as nobody.
  virtual Result<> pull(const std::string& image, const Progress& progress,
                        const client::RegistryLogin* login = nullptr) = 0;
  /// Takes the name away, and with its last one the image; not_found is fine. conflict: a container uses it.
  virtual Result<> remove_image(const std::string& image) = 0;

  virtual Result<std::string> create(const ContainerSpec& spec) = 0;  ///< The container's id.
  virtual Result<> start(const std::string& id) = 0;
  virtual Result<> stop(const std::string& id, std::uint32_t grace_s) = 0;  ///< SIGTERM, then SIGKILL.
  virtual Result<> remove(const std::string& id) = 0;                       ///< With force; not_found is fine.
  virtual Result<ContainerState> inspect(const std::string& id) = 0;
  virtual Result<std::vector<ContainerState>> list(const std::string& label) = 0;  ///< Stopped ones too.
  virtual Result<int> wait(const std::string& id) = 0;                             ///< Blocks; the exit code.
  virtual Result<ContainerStats> stats(const std::string& id) = 0;
  virtual Result<std::uint64_t> writable_bytes(const std::string& id) = 0;  ///< Size of its own layer.
  /// Output so far and, with `follow`, as it comes, until the container ends or `abort()`.
  virtual Result<std::unique_ptr<ExecStream>> logs(const std::string& id, bool follow) = 0;
  virtual Result<std::unique_ptr<ExecStream>> exec(const std::string& id, const ExecSpec& spec) = 0;

  /// A bridge of its own on `subnet` ("10.213.0.8/29"); its interface is called network_interface_of(subnet), which
  /// the firewall knows leases by.
  virtual Result<> create_network(const std::string& name, const std::string& subnet, const std::string& label) = 0;
  virtual Result<> remove_network(const std::string& name) = 0;  ///< not_found is fine.
  virtual Result<std::vector<std::string>> list_networks(const std::string& label) = 0;
};

/// "hanse" and the network address in hexadecimal: "hanse0ad50008" for 10.213.0.8/29. malformed if it is no subnet.
Result<std::string> network_interface_of(const std::string& subnet);

/// `socket`: "/run/podman/podman.sock", "/var/run/docker.sock"; empty: the first of those (and the user's) that
/// answers.
Result<std::unique_ptr<Engine>> open_engine(const std::string& socket);

}  // namespace hanse::provider
