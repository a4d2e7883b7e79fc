#pragma once

// A node, as the API and tests see it: take a transaction, read the state, follow the events. Who orders the blocks
// (solo, later CometBFT) is behind this. Thread-safe throughout.

#include <functional>
#include <memory>

#include "store/store.hpp"

namespace hanse::consensus {

class Node {
 public:
  virtual ~Node() = default;

  using Done = std::function<void(Result<model::Receipt>)>;
  /// `done` is called exactly once, from another thread, when the transaction's block is durable (or with the error
  /// that kept it out of any block: malformed, bad_signature, replayed, expired, unavailable when the queue is full
  /// or the node is stopping). It must not block.
  virtual void submit(Bytes signed_transaction, Done done) = 0;

  /// Calls `reader` with the state after the last durable block; no block is applied meanwhile. Keep it short.
  virtual void read(const std::function<void(const ledger::Ledger&)>& reader) const = 0;
  [[nodiscard]] virtual const store::Store& store() const = 0;

  /// `on_block` is called after each durable block, in order, from the block thread; it must not block. The returned
  /// handle unsubscribes when destroyed, and waits for a call in progress.
  struct BlockNotice { std::uint64_t height; Time time; std::uint64_t last_event_sequence; std::size_t transactions; };
  [[nodiscard]] virtual std::shared_ptr<void> subscribe(std::function<void(const BlockNotice&)> on_block) = 0;

  struct Stats {
    std::uint64_t blocks = 0, transactions = 0, refused = 0;  ///< Since start.
    std::uint64_t queued = 0;
    std::uint64_t apply_us = 0, commit_us = 0;                ///< Summed over blocks.
  };
  [[nodiscard]] virtual Stats stats() const = 0;
};

}  // namespace hanse::consensus
