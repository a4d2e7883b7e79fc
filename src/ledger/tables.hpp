#pragma once

// Everything the ledger knows, in one place: only the ledger writes it, within begin() ... commit() or rollback().

#include <array>
#include <string>
#include <vector>

#include "ledger/indices.hpp"
#include "ledger/ledger.hpp"
#include "ledger/replay.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

struct Tables {
  std::string network;
  model::Params params;
  std::array<Money, std::variant_size_v<model::Operation>> fees{};  ///< As params has them, by operation.
  Hash app_hash;
  Head head;  ///< Rolled back with the tables.
  Timers timers;
  Table<model::AccountId, model::Account> accounts;
  Table<GrantKey, model::KeyGrant, GrantIndex> grants;
  Table<model::AccountId, model::Provider, ProviderIndex> providers;
  Table<model::OfferId, model::Offer, OfferIndex> offers;
  Table<model::RequestId, model::Request, RequestIndex> requests;
  Table<model::LeaseId, model::Lease, LeaseIndex> leases;
  Table<model::AccountId, Watch, WatchIndex> watches;
  Table<model::OfferId, Sweep, SweepIndex> sweeps;
  Table<model::AccountId, model::Spending> spending;  ///< Of those whose leases ended lately; empty without fee tiers.
  Table<model::ClassId, model::Auction> auctions;     ///< The last one of each class that had bids.
  Table<model::OfferId, model::FormerPrices, FormerPricesIndex>
      former_prices;  ///< Of offers that changed theirs lately.
  Table<model::ClassId, model::ClassPrices, ClassIndex> classes;
  Table<ClassKey, model::Trade, TradeIndex> trades;
  Table<ClassKey, model::PricePoint> points;
  Replay replay;

  Tables();
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  void begin_block();
  void begin();
  void commit();
  void rollback();
  /// As it was when the open transaction began.
  [[nodiscard]] const Head& head_before() const { return head_before_; }

  /// When the next timer is due.
  [[nodiscard]] std::optional<Time> next_timer() const;

  template <class Visitor>
  void for_each_table(Visitor&& visit) {
    visit(accounts), visit(grants), visit(providers), visit(offers), visit(requests), visit(leases), visit(watches),
        visit(sweeps), visit(spending), visit(auctions), visit(former_prices), visit(classes), visit(trades),
        visit(points);
  }

 private:
  Head head_before_;
};

/// Calls `visit(lease)` for each lease of the request's placement that is still there; it may erase that one.
template <class Visitor>
void for_each_lease(const Tables& tables, const model::Request& request, Visitor&& visit) {
  if (!request.lease) return;
  for (std::uint64_t i = 0; i < request.demand.machines; ++i) {
    const auto* lease = tables.leases.find({request.lease.value + i});
    if (lease != nullptr && lease->request == request.id) visit(*lease);
  }
}

/// Takes what the block changed, sorted by key, sets the new app hash (over the old one and the changes) and puts its
/// record, whose key is the smallest, first.
StateChanges take_changes(Tables& tables);

/// The whole state, sorted by key.
std::vector<StateRecord> dump_state(const Tables& tables);

/// Adds one record of the flat state; malformed or already_exists names what is wrong with it.
Result<> load_record(Tables& tables, ByteView key, ByteView value);
/// After the last record: rebuilds what is derived. malformed if the head or the parameters are missing.
Result<> finish_loading(Tables& tables);

}  // namespace hanse::ledger
