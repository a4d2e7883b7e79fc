#pragma once

// What the ledger knows, for reading. Pointers stay valid until the next block is applied.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/account.hpp"
#include "model/lease.hpp"
#include "model/offer.hpp"
#include "model/price_class.hpp"
#include "model/prices.hpp"
#include "model/spot.hpp"

namespace hanse::ledger {

struct Tables;  // the typed, journalled tables (tables.hpp): only the ledger writes

class State {
 public:
  explicit State(const Tables& tables) : tables_(&tables) {}

  [[nodiscard]] const std::string& network() const;
  [[nodiscard]] const model::Params& params() const;
  [[nodiscard]] std::uint64_t height() const;
  [[nodiscard]] Time time() const;
  [[nodiscard]] Hash app_hash() const;
  [[nodiscard]] Money issued() const;
  [[nodiscard]] Money treasury() const;
  [[nodiscard]] std::uint64_t last_event_sequence() const;
  /// When the next timer is due: a block of that time or later has work even without transactions. nullopt: never.
  [[nodiscard]] std::optional<Time> next_timer() const;

  [[nodiscard]] const model::Account* account(const model::AccountId& id) const;
  [[nodiscard]] const model::Provider* provider(const model::AccountId& id) const;
  [[nodiscard]] const model::Offer* offer(model::OfferId id) const;
  [[nodiscard]] const model::Request* request(model::RequestId id) const;
  [[nodiscard]] const model::Lease* lease(model::LeaseId id) const;
  /// The last spot auction of a class; nullptr where there was none with bids.
  [[nodiscard]] const model::Auction* auction(model::ClassId id) const;
  /// The last spot auction of every class that had one, by class.
  [[nodiscard]] std::vector<const model::Auction*> auctions() const;
  [[nodiscard]] std::vector<model::KeyGrant> grants_of(const model::AccountId& owner) const;

  // Pages, in ascending order of id, of those after `after`, at most `limit`. A zero account means everyone's.
  [[nodiscard]] std::vector<const model::Provider*> providers(const model::AccountId& after, std::size_t limit) const;
  [[nodiscard]] std::vector<const model::Offer*> offers(const model::AccountId& provider, model::OfferId after,
                                                        std::size_t limit) const;
  [[nodiscard]] std::vector<const model::Request*> requests(const model::AccountId& consumer, model::RequestId after,
                                                            std::size_t limit) const;
  [[nodiscard]] std::vector<const model::Lease*> leases_of_consumer(const model::AccountId& consumer,
                                                                    model::LeaseId after, std::size_t limit) const;
  [[nodiscard]] std::vector<const model::Lease*> leases_of_provider(const model::AccountId& provider,
                                                                    model::LeaseId after, std::size_t limit) const;

  /// What the account's leases cost it lately, and what that does to its fees.
  struct Incentive {
    Money spent;                         ///< In the last model::kSpendingDays days.
    std::uint32_t fee_discount_bps = 0;  ///< Of the tier that it reaches.
    std::optional<model::FeeTier> next;  ///< The tier above; none: it is the highest, or there are none.
  };
  [[nodiscard]] Incentive incentive(const model::AccountId& account, Time now) const;

  /// nullptr: the class has neither offers nor leases that ended lately.
  [[nodiscard]] const model::ClassPrices* class_prices(model::ClassId id) const;
  /// In the order of their texts, those after `after`, at most `limit`.
  [[nodiscard]] std::vector<const model::ClassPrices*> classes(const std::string& after, std::size_t limit) const;
  /// Of the hours from `from_hour` on (counted from the Unix epoch), oldest first, until now; hours may be missing.
  [[nodiscard]] std::vector<model::PricePoint> price_history(model::ClassId id, std::uint64_t from_hour) const;

  struct Counts {
    std::uint64_t accounts, providers, offers, requests, leases;
  };
  [[nodiscard]] Counts counts() const;

  /// What the lease has earned up to `now`: seconds delivered (running time less the provider's downtime, never more
  /// than its duration), and the price of them and of keeping its files. For an ended lease: the final figures.
  struct Accrual {
    std::int64_t billed_s;
    Money amount;
    Money keeping;  ///< Of that amount.
  };
  [[nodiscard]] Accrual accrual(const model::Lease& lease, Time now) const;
  /// Its provider's heartbeats are in time.
  [[nodiscard]] bool is_reachable(const model::Provider& provider, Time now) const;

 private:
  const Tables* tables_;
};

}  // namespace hanse::ledger
