#pragma once

// SSH to a lease (libssh's client): the gateway's host key is the one that the ledger names and nothing is trusted on
// first use; the login is the lease's id with the wallet's access key. Blocking; one thread a session.

#include <libssh/libssh.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "crypto/keys.hpp"
#include "model/ids.hpp"

namespace hanse::cli {

struct SshSessionFree {
  void operator()(ssh_session session) const;
};
struct SshChannelFree {
  void operator()(ssh_channel channel) const;
};

/// One channel. Must not outlive its session.
class SshChannel {
 public:
  explicit SshChannel(ssh_channel channel) : channel_(channel) {}

  /// All of it, waiting for the other side's window. unavailable: the connection is gone.
  Result<> write(ByteView bytes);
  Result<> end_input();
  /// What is there, at most `size` bytes, without waiting; 0: nothing now.
  Result<std::size_t> read_now(std::uint8_t* out, std::size_t size, bool is_stderr = false);
  /// Waits for at least one byte; 0 at the end of the stream.
  Result<std::size_t> read(std::uint8_t* out, std::size_t size);
  [[nodiscard]] bool at_end() const;
  /// Waits for the exit status, a second at most after the end; -1: none came.
  int exit_status();
  [[nodiscard]] ssh_channel raw() const { return channel_.get(); }

 private:
  std::unique_ptr<ssh_channel_struct, SshChannelFree> channel_;
};

class SshSession {
 public:
  /// TCP, key exchange, and the check of the host key. unavailable or timeout: nobody answers there; denied: somebody
  /// answers with another key. `endpoint` is "host:port".
  static Result<std::unique_ptr<SshSession>> connect(const std::string& endpoint, const crypto::PublicKey& host_key,
                                                     std::uint32_t timeout_ms = 10'000);
  /// denied: the gateway does not know the lease (yet, or any more) or the key is not its. May be tried again a few
  /// times on one connection.
  Result<> login(model::LeaseId lease, const std::filesystem::path& key_file);

  Result<std::unique_ptr<SshChannel>> subsystem(const std::string& name);
  Result<std::unique_ptr<SshChannel>> exec(const std::string& command);
  /// To 127.0.0.1:port inside the lease.
  Result<std::unique_ptr<SshChannel>> forward(std::uint16_t port);

  [[nodiscard]] int fd() const;
  [[nodiscard]] bool is_connected() const;
  /// Waits for something to read, or for `other_fd` (-1: none). True: `other_fd` is readable.
  bool wait(int other_fd, int timeout_ms) const;

 private:
  SshSession() = default;
  Error lost(const std::string& doing) const;
  Result<std::unique_ptr<SshChannel>> opened(ssh_channel channel, const std::string& doing);

  std::unique_ptr<ssh_session_struct, SshSessionFree> session_;
  std::string endpoint_;
};

}  // namespace hanse::cli
