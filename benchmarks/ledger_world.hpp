#pragma once

// A ledger for benchmarks: consumers, providers with machines of 64 devices, and transactions made ahead of time so
// that only the ledger is measured.

#include <chrono>
#include <vector>

#include "base/rng.hpp"
#include "bench.hpp"
#include "ledger/ledger.hpp"

namespace hanse::bench {

class LedgerWorld {
 public:
  /// Every provider offers one machine; `consumers` share the work.
  LedgerWorld(std::size_t consumers, std::size_t providers, std::uint32_t timers_per_block = 1'000'000);

  ledger::Ledger ledger;
  Time now;
  double apply_seconds = 0;      ///< Processor time spent in Ledger::apply.
  std::uint64_t operations = 0;  ///< Applied successfully.

  [[nodiscard]] static crypto::KeyPair key(std::uint64_t number);
  [[nodiscard]] model::AccountId consumer(std::size_t i) const { return consumers_[i % consumers_.size()]; }
  [[nodiscard]] std::size_t offers() const { return providers_.size(); }
  [[nodiscard]] model::AccountId provider_of(model::OfferId offer) const { return providers_[offer.value - 1]; }

  [[nodiscard]] model::Transaction transaction(const model::AccountId& account, model::Operation operation);
  [[nodiscard]] ledger::Envelope envelope(const model::AccountId& account, model::Operation operation);
  /// A request for one device of this very offer, for `duration_s`.
  [[nodiscard]] ledger::Envelope rent(std::size_t consumer, model::OfferId offer, std::uint64_t duration_s);
  [[nodiscard]] ledger::Envelope confirm(const model::Lease& lease);
  [[nodiscard]] ledger::Envelope end(const model::Lease& lease);
  [[nodiscard]] ledger::Envelope settle(const model::Lease& lease);

  /// Applies them in one block, `seconds` after the last; aborts if any fails.
  ledger::BlockResult block(const std::vector<ledger::Envelope>& transactions, std::int64_t seconds = 0);
  /// The leases that a block's requests made.
  [[nodiscard]] std::vector<model::LeaseId> leases_of(const ledger::BlockResult& result) const;

 private:
  std::vector<model::AccountId> consumers_;
  std::vector<model::AccountId> providers_;
  std::uint64_t salt_ = 0;
};

}  // namespace hanse::bench
