#pragma once

// The agent's SSH gateway (libssh): every lease of the machine on one TCP port. The user name is the lease
// ("lease-7"), the key its access key, the host key the provider's on record. Inside: shell with a PTY, exec with exit
// code, sftp, scp, rsync, and port forwards to the lease's own localhost; nothing reaches the host, the LAN or
// another lease.
//
// Besides the usual, six subsystems that the `hanse` command speaks:
//   hanse-registry  before the job: client sends who logs in to its image's registry (client/registry_login.hpp) and
//                 EOF; answers {"state":"taken"} or {"state":"failed",…} as below. Kept in memory, until the job runs
//   hanse-job     client sends one encoded model::Job and EOF; the gateway answers with JSON lines
//                 {"state":"pulling","done":1,"total":4,"text":"…"} … {"state":"started"} or {"state":"failed",
//                 "code":"…","text":"…"}
//   hanse-go      the workdir is there: lets a job with wait_for_workdir start its `run`; answers {"state":"running"}
//   hanse-logs    client sends a wire::StreamRequest, or nothing, and EOF; the gateway answers with the job's output as
//                 a stream of frames (wire/job_stream.hpp), which says itself how the job ended. What goes wrong here
//                 is a frame too: the channel's stderr and exit status say nothing of the job
//   hanse-delivered  the job as it was delivered, encoded: whoever attaches to it checks it against the lease's
//                 hash; why there is none, on stderr
//   hanse-stats   one JSON line a second: {"cpu_percent":…,"memory_bytes":…,"memory_limit_bytes":…,"pids":…,
//                 "gpus":[{"utilization_percent":…,"memory_bytes":…}]}

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/keys.hpp"
#include "model/lease.hpp"
#include "provider/engine.hpp"
#include "provider/held_process.hpp"
#include "provider/output_log.hpp"

namespace hanse::provider {

/// What the gateway asks of the agent. Every function is called from many threads.
class LeaseHost {
 public:
  virtual ~LeaseHost() = default;

  /// The key that may log in to this lease now; nullopt: no such live lease here.
  virtual std::optional<crypto::PublicKey> access_key(model::LeaseId lease) = 0;

  /// Takes what the job's image is pulled with, until the job has started.
  virtual Result<> take_login(model::LeaseId lease, const client::RegistryLogin& login) = 0;
  /// Takes the job (checked against the lease's hash), makes its container run. Blocks; tells of progress.
  virtual Result<> deliver(model::LeaseId lease, ByteView job, const Engine::Progress& progress) = 0;
  virtual Result<> go(model::LeaseId lease) = 0;

  struct Container {
    std::string id;
    std::shared_ptr<const HeldProcess> process;
    std::string notice{};            ///< For whoever opens a shell in it: what this machine lacks; usually empty.
    std::vector<std::string> env{};  ///< Of what starts in it from now on, besides the container's own.
  };
  /// The running container, started empty if no job was delivered and none is bound to come. wrong_state if ended.
  virtual Result<Container> container(model::LeaseId lease) = 0;
  /// What the job has printed and prints. wrong_state: it has no job, or not yet.
  virtual Result<std::shared_ptr<OutputLog>> output(model::LeaseId lease) = 0;
  /// The encoded job, as it was delivered.
  virtual Result<Bytes> delivered(model::LeaseId lease) = 0;
  virtual std::string stats_json(model::LeaseId lease) = 0;
};

struct GatewayOptions {
  std::string host = "0.0.0.0";
  std::uint16_t port = 0;  ///< 0: any free one.
  std::string helper;      ///< The hanse program itself: runs `HELPER namespace-helper …` (see namespace_helper.hpp).
  std::uint32_t max_connections = 256;
  std::uint32_t max_channels = 32;  ///< Of one connection.
  std::uint32_t login_timeout_ms = 20'000;
};

class Gateway {
 public:
  /// Listens and serves until destroyed. The engine and host outlive it.
  static Result<std::unique_ptr<Gateway>> start(const crypto::KeyPair& host_key, Engine& engine, LeaseHost& host,
                                                GatewayOptions options);
  virtual ~Gateway() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// The lease ended: closes every connection to it.
  virtual void drop(model::LeaseId lease) = 0;
  /// Is anyone logged in to it?
  [[nodiscard]] virtual bool has_guests(model::LeaseId lease) = 0;
  /// Shows the line to all who have a terminal in the lease.
  virtual void tell(model::LeaseId lease, const std::string& line) = 0;
};

}  // namespace hanse::provider
