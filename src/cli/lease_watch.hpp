#pragma once

// Whether a lease still lives, asked of the ledger beside whatever waits for its machine: a machine that goes on
// talking must not keep a command from ending with its lease.

#include <thread>

#include "cli/context.hpp"
#include "cli/interrupt.hpp"

namespace hanse::cli {

class LeaseWatch {
 public:
  /// Of `context` it takes the node's address. `outer` outlives it. A node that does not answer is asked again.
  LeaseWatch(Context& context, model::LeaseId lease, const StopSource& outer);
  ~LeaseWatch();
  LeaseWatch(const LeaseWatch&) = delete;
  LeaseWatch& operator=(const LeaseWatch&) = delete;

  /// Stopped by the outer one, and once the lease has ended.
  [[nodiscard]] const StopSource& stop() const { return stop_; }
  /// The same, and half a minute before its run ends (of a short lease, a twentieth of it).
  [[nodiscard]] const StopSource& near_end() const { return near_end_; }
  [[nodiscard]] bool lease_has_ended() const { return has_ended_; }

 private:
  void run(client::HttpOptions options, model::LeaseId lease);

  StopSource stop_;
  StopSource near_end_;
  StopSource leaving_;  ///< The watch itself.
  std::atomic<bool> has_ended_ = false;
  std::thread thread_;
};

}  // namespace hanse::cli
