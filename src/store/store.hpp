#pragma once

// The ledger on disk: RocksDB with the flat state, the blocks, receipts by transaction hash, events by sequence, and
// the history of leases and requests that left the live state. One WriteBatch a block, synced: a crash at any moment
// leaves the last whole block.
//
// Reads are thread-safe and may run beside the one writer. All errors are io or malformed, with the path and what to
// do ("... is held by another hanse process").

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "ledger/ledger.hpp"

namespace hanse::store {

struct Options {
  bool sync = true;  ///< False only in benchmarks that measure what the sync costs.
};

class Store {
 public:
  /// Opens or creates. One process at a time.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& folder, Options options = {});
  ~Store();

  /// True before the first write_genesis.
  [[nodiscard]] bool is_empty() const;
  Result<> write_genesis(const ledger::Ledger& ledger);
  /// The ledger as of the last committed block.
  [[nodiscard]] Result<ledger::Ledger> load() const;

  /// Durable when it returns.
  Result<> commit(const model::Block& block, const ledger::BlockResult& result);

  [[nodiscard]] std::optional<model::Block> block(std::uint64_t height) const;
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
