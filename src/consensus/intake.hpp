#pragma once

// The way of a transaction into a block: a bounded line, in the order of arrival, whose members a pool of threads
// opens (decodes, verifies) while the block thread applies and syncs what came before. Internal to the room.
//
// A ticket stands for one transaction from its arrival until all who sent it are answered. Sending equal bytes
// meanwhile joins the ticket; sending them after that finds the receipt in the store. There is no moment in between:
// a ticket leaves only when its receipt is durable, and the store is asked only after the ticket stands.
//
// Thread-safe. take() and finish() belong to the one block thread.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "consensus/node.hpp"

namespace hanse::consensus {

/// Bytes that wait in line, at most; also keeps 20,000 transactions of 64 KiB from filling the memory.
inline constexpr std::size_t kMaxQueuedBytes = 256U << 20;
/// Bytes of transactions in one block, at most.
inline constexpr std::size_t kMaxBlockBytes = 16U << 20;

struct Ticket {
  Hash hash;
  Bytes bytes;
  ledger::Envelope envelope;
  std::vector<Node::Done> waiting;
  std::size_t size = 0;                             ///< Of `bytes`, which may move on into the block.
  enum class Stage { unopened, opened, answered };  ///< answered: only its place in line is left.
  Stage stage = Stage::unopened;
};

class Intake {
 public:
  struct Options {
    std::uint32_t max_queued = 0;
    std::uint32_t threads = 0;
  };
  /// The store outlives the intake.
  Intake(std::string network, model::Params params, const store::Store& store, Options options);
  /// Answers all that is left with why it was closed.
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  /// See Node::submit.
  void submit(Bytes signed_transaction, Node::Done done);

  /// The next block's transactions, opened, in order of arrival; the intake keeps them until finish(). Waits for the
  /// first at most `wait_ms`; nothing when that passed or the intake is closed.
  std::vector<std::shared_ptr<Ticket>> take(std::int64_t wait_ms);
  /// Waits for close() at most that long.
  void pause(std::int64_t wait_ms);

  /// Answers everyone who sent this transaction, and forgets it.
  void finish(const std::shared_ptr<Ticket>& ticket, const Result<model::Receipt>& answer);

  /// From now on every submission is answered `unavailable` with this reason; the first reason stays.
  void close(std::string reason);
  [[nodiscard]] bool is_closed() const;
  /// "" while open.
  [[nodiscard]] std::string closed_because() const;

  [[nodiscard]] std::uint64_t queued() const { return queued_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  using Answer = Result<model::Receipt>;
  void open_tickets();
  [[nodiscard]] std::optional<Answer> open(Ticket& ticket) const;
  [[nodiscard]] std::optional<std::string> enter(Bytes& bytes, Node::Done& done);
  void trim();

  const std::string network_;
  const model::Params params_;
  const store::Store& store_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;  ///< For the pool: something to open, or closed.
  std::condition_variable opened_;   ///< For the block thread: the head of the line is opened, or closed.
  std::unordered_map<Hash, std::shared_ptr<Ticket>, UniformHash> tickets_;
  std::deque<std::shared_ptr<Ticket>> line_;      ///< In order of arrival, until taken.
  std::deque<std::shared_ptr<Ticket>> unopened_;  ///< The part of the line that no thread has begun with.
  std::size_t queued_bytes_ = 0;
  std::string closed_because_;
  std::atomic<std::uint64_t> queued_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::vector<std::jthread> pool_;
};

}  // namespace hanse::consensus
