#pragma once

// The replicated state machine: blocks of transactions in, receipts, events and state changes out. Pure: time and
// randomness come with the block; equal blocks give equal results on every machine. It knows nothing of who orders the
// blocks (room consensus) or who keeps them (room store).
//
// Not thread-safe: one writer; readers only while no block is applied (the node holds a reader-writer lock).

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ledger/flat_state.hpp"
#include "ledger/state.hpp"
#include "market/book.hpp"
#include "wire/codec.hpp"

namespace hanse::ledger {

struct Genesis {
  std::string network;  ///< Names the network; every transaction repeats it.
  Time time;
  std::vector<model::Account> accounts;
  model::Params params;
};

/// A transaction that passed everything that needs no state: size, canonical encoding, network, signature, and each
/// operation's check(). Opening is pure and thread-safe, so any number of threads may open in parallel.
struct Envelope {
  Hash hash;
  model::Transaction tx;
  std::optional<Error> error;  ///< Why it did not pass; it may stand in a block all the same and then only fails.
};

/// Decodes and checks. `verify_signature` false only where the caller verified it before.
[[nodiscard]] Envelope open(ByteView signed_transaction, std::string_view network, const model::Params& params,
                            bool verify_signature = true);

struct BlockHeader {
  std::uint64_t height = 0;
  Time time;
  Hash beacon;
};

/// A lease or request that left the live state, in its last form: kept by the store for invoices and audits.
struct Archived {
  std::optional<model::Lease> lease;
  std::optional<model::Request> request;
};

struct BlockResult {
  std::vector<model::Receipt> receipts;  ///< One a transaction, in order.
  std::vector<model::Event> events;
  StateChanges changes;
  std::vector<Archived> archived;
  Hash app_hash;  ///< hash(previous app hash ‖ changes): equal histories, equal hashes.
};

class Ledger {
 public:
  /// invalid_argument names what is wrong with the genesis.
  static Result<Ledger> from_genesis(const Genesis& genesis);

  /// Rebuilds the ledger from its flat state, whatever order it comes in. `next` yields one key and value, or nothing
  /// at the end. All invariants are checked before it returns (internal, with the broken one).
  static Result<Ledger> load(const std::function<std::optional<std::pair<Bytes, Bytes>>()>& next);

  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  ~Ledger();

  /// The whole flat state, sorted by key: what a store writes for a genesis.
  [[nodiscard]] std::vector<StateRecord> dump() const;

  /// Applies one block. Fires due timers first, then the transactions in order. A transaction that fails leaves the
  /// state as it was but for its fee. Requires height = last + 1 and time ≥ last time. A broken invariant aborts the
  /// process with the block's height and the transaction's hash on stderr.
  BlockResult apply(const BlockHeader& header, std::span<const Envelope> transactions);

  /// Would this transaction be accepted in a block of time `at` (the last block's, if that is later)? Runs it on a
  /// throwaway overlay; changes nothing that can be seen. Timers due by then do not fire.
  [[nodiscard]] Result<> check(const Envelope& transaction, Time at = {});

  /// Every invariant over everything; the first broken one as an error. For start-up and tests.
  [[nodiscard]] Result<> check_invariants() const;

  [[nodiscard]] const State& state() const;
  [[nodiscard]] const market::Book& book() const;
  /// What is for rent on spot, as if no spot lease were there but those under notice.
  [[nodiscard]] const market::Book& spot_book() const;

 private:
  struct Impl;
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hanse::ledger
