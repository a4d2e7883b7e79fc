#pragma once

// SSH to a lease (libssh's client): the gateway's host key is the one that the ledger names and nothing is trusted on
// first use; the login is the lease's id with the wallet's access key. One thread a session.
//
// Calls wait, and every wait has an end: what it waits for, the end of the connection, a stop, or a peer that says
// nothing for a minute, not even to "are you there?". The error then is `unavailable`, or for a stop `wrong_state`.

#include <libssh/libssh.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "cli/interrupt.hpp"
#include "crypto/keys.hpp"
#include "model/ids.hpp"

namespace hanse::cli {

class SshSession;

struct SshSessionFree {
  void operator()(ssh_session session) const;
};
struct SshChannelFree {
  void operator()(ssh_channel channel) const;
};

/// Bytes both ways, which an SSH channel carries, and in tests a pipe.
class ByteChannel {
 public:
  virtual ~ByteChannel() = default;
  /// All of it, waiting for the other side's window.
  virtual Result<> write(ByteView bytes) = 0;
  /// Waits for at least one byte; 0 at the end of the stream. timeout: none came for so long (-1: no such limit).
  virtual Result<std::size_t> read(std::uint8_t* out, std::size_t size, int timeout_ms = -1) = 0;
  /// What the other side said on stderr, the first 4 KiB of it: a program's last words, for a person, one line.
  [[nodiscard]] virtual std::string complaint() const = 0;
};

/// One channel. Must not outlive its session.
class SshChannel final : public ByteChannel {
 public:
  SshChannel(SshSession& session, ssh_channel channel) : session_(session), channel_(channel) {}

  Result<> write(ByteView bytes) override;
  Result<> end_input();
  /// What is there of stdout, at most `size` bytes, without waiting; 0: nothing now.
  Result<std::size_t> read_now(std::uint8_t* out, std::size_t size);
  Result<std::size_t> read(std::uint8_t* out, std::size_t size, int timeout_ms = -1) override;
  [[nodiscard]] bool at_end() const;
  [[nodiscard]] std::string complaint() const override;
  [[nodiscard]] ssh_channel raw() const { return channel_.get(); }

 private:
  void hear_complaints();

  SshSession& session_;
  std::unique_ptr<ssh_channel_struct, SshChannelFree> channel_;
  std::string complaint_;
};

class SshSession {
 public:
  ~SshSession();
  SshSession(const SshSession&) = delete;
  SshSession& operator=(const SshSession&) = delete;

  /// TCP, key exchange, and the check of the host key. unavailable or timeout: nobody answers there; denied: somebody
  /// answers with another key. `endpoint` is "host:port". `stop` outlives the session.
  static Result<std::unique_ptr<SshSession>> connect(const std::string& endpoint, const crypto::PublicKey& host_key,
                                                     const StopSource& stop, int timeout_ms = 10'000);
  /// denied: the gateway does not know the lease (yet, or any more) or the key is not its. May be tried again a few
  /// times on one connection.
  Result<> login(model::LeaseId lease, const std::filesystem::path& key_file);

  Result<std::unique_ptr<SshChannel>> subsystem(const std::string& name);
  /// To 127.0.0.1:port inside the lease.
  Result<std::unique_ptr<SshChannel>> forward(std::uint16_t port);

  /// Until there is something to do for one of its channels, or `timeout_ms` has passed (-1: no such limit).
  Result<> wait(int timeout_ms);
  /// For who waits by itself: notes whether something came, and asks a silent peer whether it is there.
  Result<> tick(bool has_come);
  /// Its waits end by this one from now on.
  void set_stop(const StopSource& stop) { stop_ = &stop; }
  [[nodiscard]] bool stopped() const { return stop_->stopped(); }
  [[nodiscard]] int fd() const { return ssh_get_fd(session_.get()); }  ///< -1 once it is closed.
  [[nodiscard]] bool is_connected() const;
  [[nodiscard]] Error lost(const std::string& doing) const;

 private:
  friend class SshChannel;
  explicit SshSession(const StopSource& stop) : stop_(&stop) {}
  Result<> open_transport(const std::string& host, std::uint16_t port, int timeout_ms);
  template <class Step>
  Result<int> complete(Step&& step, int timeout_ms, const std::string& doing);

  const StopSource* stop_;
  std::unique_ptr<ssh_session_struct, SshSessionFree> session_;
  std::string endpoint_;
  std::int64_t heard_at_ms_ = 0, asked_at_ms_ = 0;
};

}  // namespace hanse::cli
