#pragma once

// Local TCP ports that lead into a lease: one SSH session carries them all, one thread serves them.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/ssh_client.hpp"

namespace hanse::cli {

struct PortPair {
  std::uint16_t local = 0;  ///< 0: any free one.
  std::uint16_t remote = 0;
};

/// "8888" or "8080:80" (here : there).
Result<PortPair> parse_ports(const std::string& text);

class Forwarder {
 public:
  /// Listens on 127.0.0.1. conflict: a port is taken (its message says which). Takes the logged-in session; `outer`
  /// ends it too.
  static Result<std::unique_ptr<Forwarder>> start(std::unique_ptr<SshSession> session, std::vector<PortPair> ports,
                                                  const StopSource& outer);
  ~Forwarder();
  /// With the local ports filled in.
  [[nodiscard]] const std::vector<PortPair>& ports() const { return ports_; }
  /// False once the SSH session is gone.
  [[nodiscard]] bool is_alive() const { return alive_; }

 private:
  struct Connection;
  explicit Forwarder(const StopSource& outer);
  void serve();
  void accept_new();
  bool pump(Connection& connection);

  StopSource stop_;
  std::unique_ptr<SshSession> session_;
  std::vector<PortPair> ports_;
  std::vector<int> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::atomic<bool> alive_ = true;
  std::thread thread_;
};

}  // namespace hanse::cli
