#pragma once

// One SSH connection: key exchange, login, and its channels, in one thread. Only close() and tell() may be called from
// others.

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "provider/gateway_channel.hpp"

namespace hanse::provider {

struct SshSessionFree {
  void operator()(ssh_session session) const {
    ssh_disconnect(session);
    ssh_free(session);
  }
};
using SshSession = std::unique_ptr<ssh_session_struct, SshSessionFree>;
struct SshEventFree {
  void operator()(ssh_event event) const { ssh_event_free(event); }
};

class Connection {
 public:
  /// Asked before a key is looked at, so that a drop() of the lease finds this connection from then on; false: the
  /// lease has too many.
  using Join = std::function<bool(model::LeaseId)>;

  Connection(const WorkContext& context, const GatewayOptions& options, SshSession session, Join join);
  void run();    ///< Until it is closed by either side; then the socket is closed and nothing of it runs any more.
  void close();  ///< From any thread; returns at once.
  void tell(const std::string& line);  ///< The same.
  [[nodiscard]] bool logged_in() const { return logged_in_; }

 private:
  bool exchange_keys();
  void set_callbacks();
  void serve();
  bool wait(const std::vector<pollfd>& polls, int timeout_ms, bool& session_ready);
  bool read_packets();
  void pump_channels();
  void pass_on_lines();
  int on_key(const char* user, ssh_key key, int signature);
  int on_message(ssh_message message);
  int on_forward(ssh_message message);
  Channel* open(ssh_channel channel);
  int count_failure();
  [[nodiscard]] int login_ms_left() const;
  [[nodiscard]] bool alive() const;

  const WorkContext& context_;
  const GatewayOptions& options_;
  Join join_;
  Wake wake_;
  SshSession session_;
  std::unique_ptr<ssh_event_struct, SshEventFree> event_;
  ssh_server_callbacks_struct callbacks_{};
  std::list<Channel> channels_;  ///< After the session: a channel is freed before it.
  std::chrono::steady_clock::time_point login_until_;
  model::LeaseId lease_;
  std::atomic<bool> logged_in_ = false;
  std::atomic<bool> closing_ = false;
  bool asked_for_none_ = false;
  int failures_ = 0;
  Bytes scratch_;
  std::mutex lines_mutex_;
  std::vector<std::string> lines_;  ///< Guarded: told, not yet passed on.
};

}  // namespace hanse::provider
