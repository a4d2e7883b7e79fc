#pragma once

// A node, as the API and tests see it: take a transaction, read the state, follow the events. Who orders the blocks
// (solo, later CometBFT) is behind this. Thread-safe throughout.

#include <functional>
#include <memory>
#include <string>

#include "store/store.hpp"

namespace hanse::consensus {

class Node {
 public:
  virtual ~Node() = default;

  using Done = std::function<void(Result<model::Receipt>)>;
  /// `done` is called exactly once when the transaction's block is durable, or with the error that kept it out of any
  /// block: what ledger::open refuses (malformed, too_large, wrong_network, bad_signature, invalid_argument ...),
  /// expired, too_far_ahead, or unavailable when the queue is full, the node is stopping or its disk failed. A refused
  /// transaction costs nothing. A transaction that enters a block and fails there is a receipt whose code says so.
  ///
  /// Sending the same bytes again is safe at any time: they are applied once, and every sender gets the one receipt.
  /// Called from another thread, but for `unavailable`, which may come from inside submit() or the destructor: refusing
  /// must not need room in a queue. It must not block, nor destroy the node.
  virtual void submit(Bytes signed_transaction, Done done) = 0;

  /// Calls `reader` with the state after the last applied block; no block is applied meanwhile. Keep it short, and
  /// call no other read() inside it. All that was acknowledged, and every block that was noticed, is in it.
  ///
  /// That block may still be on its way to the disk: waiting for it would make every reader wait for every sync. So a
  /// reader can see, for the milliseconds of one sync, what a power cut then takes back; nobody was told that it is
  /// final. Who must not act on such a thing follows the events or reads store(), which show durable blocks only.
  virtual void read(const std::function<void(const ledger::Ledger&)>& reader) const = 0;
  /// Inside a reader: what the last applied block moved out of the state, which the store may not have yet.
  [[nodiscard]] virtual const std::vector<ledger::Archived>& just_archived() const = 0;
  [[nodiscard]] virtual const store::Store& store() const = 0;

  /// What has just become durable.
  struct BlockNotice {
    std::uint64_t height;
    Time time;
    std::uint64_t last_event_sequence;
    std::size_t transactions;
  };
  /// `on_block` is called after each durable block, in order, from the block thread; it must not block. The returned
  /// handle unsubscribes when destroyed, and waits for a call in progress: destroying it inside the callback is fine,
  /// doing so while holding a lock that the callback takes is not. It may outlive the node.
  [[nodiscard]] virtual std::shared_ptr<void> subscribe(std::function<void(const BlockNotice&)> on_block) = 0;

  struct Stats {
    std::uint64_t blocks = 0, transactions = 0, refused = 0;  ///< Since start.
    std::uint64_t queued = 0;                                 ///< Taken and not yet answered.
    std::uint64_t apply_us = 0, commit_us = 0;                ///< Summed over blocks.
    std::string stopped_because;  ///< Why the node takes no more transactions; empty while it does.
  };
  [[nodiscard]] virtual Stats stats() const = 0;
};

}  // namespace hanse::consensus
