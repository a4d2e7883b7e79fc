#pragma once

// What an operation or a timer works on: the tables, the book kept in step with them, who acts, and what happened.
// Changes are undone by the driver (rollback of the tables, then restore_book()), so code here may fail at any point.

#include <boost/container/small_vector.hpp>
#include <optional>
#include <vector>

#include "ledger/tables.hpp"
#include "market/place.hpp"
#include "model/event.hpp"

namespace hanse::ledger {

/// What spot leases hold of an offer, those under notice apart.
struct HeldOnSpot {
  boost::container::small_vector<model::LeaseId, 8> leases;  ///< Ascending.
  std::uint64_t devices = 0;
  std::uint64_t disk_bytes = 0;
  bool someone_leaves = false;  ///< Others are under notice.
};
[[nodiscard]] HeldOnSpot held_on_spot(const Tables& tables, model::OfferId offer);

struct Context {
  Tables& tables;
  market::Book& book;
  market::Book& spot_book;        ///< What is for rent on spot, as if no spot lease were there but those under notice.
  model::AccountId account = {};  ///< For whom the transaction is; zero while timers fire.
  std::optional<GrantKey> grant = {};  ///< Set when an authorised key signed.
  Hash beacon = {};                    ///< The block's.

  std::vector<model::Event> events = {};
  std::vector<Archived> archived = {};
  std::vector<model::OfferId> touched_offers = {};
  std::vector<model::AccountId> touched_providers = {};

  /// Empties it for the next transaction or timer; its lists keep their room.
  void reset(const model::AccountId& for_whom);
  [[nodiscard]] Time now() const { return tables.head.time; }
  [[nodiscard]] const model::Params& params() const { return tables.params; }

  /// Adds an event; height, time and sequence are the driver's. The reference holds until the next one.
  model::Event& emit(model::EventKind kind);

  /// Takes money from the transaction's account, within its key's limit. insufficient_funds, spend_limit.
  Result<> spend(Money amount, std::string_view what_for);
  /// Takes money from any account; false if it is short.
  bool debit(const model::AccountId& from, Money amount);
  /// Gives money to an account, making it if need be. overflow cannot happen to money that was issued.
  void credit(const model::AccountId& to, Money amount);

  /// Tells the books of an offer's new state; call after each change of an offer ...
  void offer_changed(model::OfferId offer);
  /// ... or, which is quicker, after one of its leased devices and disk alone (or of who is under notice there), or of
  /// its prices alone.
  void offer_leased(model::OfferId offer);
  void offer_repriced(model::OfferId offer);
  /// Tells the book of a provider's new standing; call after each change of name or of lease counts.
  void provider_changed(const model::AccountId& provider);
  /// Tells the book whether the provider is there; call after each change of its watch.
  void liveness_changed(const model::AccountId& provider);

  /// Fills the books from the tables.
  void load_books();
  /// After a rollback: makes the book agree with the tables again.
  void restore_book();

 private:
  void spot_changed(model::OfferId id, const model::Offer* offer);
};

}  // namespace hanse::ledger
