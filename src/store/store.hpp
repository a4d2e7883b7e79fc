#pragma once

// The ledger on disk: RocksDB with the flat state, the blocks, receipts by transaction hash, events by sequence, and
// the history of leases and requests that left the live state. One WriteBatch a block, synced: a crash at any moment
// leaves the last whole block. The genesis state is kept beside the live one, so that anyone who holds the folder can
// replay every block from the start and compare.
//
// Reads are thread-safe and may run beside the one writer; they see durable blocks only. Errors are io, malformed, or
// conflict (another process holds the folder), with the path and what to do. A record that cannot be read back is
// logged as an error and answered as absent.

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "ledger/ledger.hpp"

namespace hanse::store {

struct Options {
  bool sync = true;  ///< False only in benchmarks that measure what the sync costs.
};

/// What a store's history starts from. Two stores with equal fingerprints started from the same state.
struct Origin {
  std::string network;
  Time time;         ///< Of the genesis.
  Hash fingerprint;  ///< Over the whole genesis state.
};

/// Of a ledger at height 0.
[[nodiscard]] Origin origin_of(const ledger::Ledger& genesis);

class Store {
 public:
  /// Opens or creates. One process at a time. Refuses (malformed) a folder that holds anything else, a store that is
  /// damaged, and one that a newer program wrote; none of these is changed.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& folder, Options options = {});
  ~Store();

  /// True before the first write_genesis.
  [[nodiscard]] bool is_empty() const;
  /// Requires is_empty() and a ledger at height 0. Durable when it returns.
  Result<> write_genesis(const ledger::Ledger& ledger);
  /// Requires !is_empty().
  [[nodiscard]] const Origin& origin() const;
  /// The ledger as of the last committed block. Requires !is_empty().
  [[nodiscard]] Result<ledger::Ledger> load() const;
  /// The ledger as it was at height 0: replaying the blocks on it gives what load() gives. Requires !is_empty().
  [[nodiscard]] Result<ledger::Ledger> load_genesis() const;

  /// Durable when it returns. Requires block.height = height() + 1. After an error the store takes no more blocks
  /// until it is opened again, which shows the block whole or not at all.
  Result<> commit(const model::Block& block, const ledger::BlockResult& result);

  /// Of the last committed block; 0 before the first.
  [[nodiscard]] std::uint64_t height() const;
  [[nodiscard]] std::optional<model::Block> block(std::uint64_t height) const;
  /// Of the state after that block.
  [[nodiscard]] std::optional<Hash> app_hash(std::uint64_t height) const;
  [[nodiscard]] std::optional<model::Receipt> receipt(const Hash& tx_hash) const;
  /// Events with sequence > after, oldest first.
  [[nodiscard]] std::vector<model::Event> events(std::uint64_t after, std::size_t limit) const;
  [[nodiscard]] std::optional<model::Lease> archived_lease(model::LeaseId id) const;
  [[nodiscard]] std::optional<model::Request> archived_request(model::RequestId id) const;
  /// Ended leases of an account, as consumer or as provider, newest first, with id < before (0: from the newest).
  [[nodiscard]] std::vector<model::Lease> archived_leases_of(const model::AccountId& account, model::LeaseId before,
                                                             std::size_t limit) const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hanse::store
