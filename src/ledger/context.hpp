#pragma once

// What an operation or a timer works on: the tables, the book kept in step with them, who acts, and what happened.
// Changes are undone by the driver (rollback of the tables, then restore_book()), so code here may fail at any point.

#include <optional>
#include <vector>

#include "ledger/tables.hpp"
#include "market/place.hpp"
#include "model/event.hpp"

namespace hanse::ledger {

struct Context {
  Tables& tables;
  market::Book& book;
  model::AccountId account = {};       ///< For whom the transaction is; zero while timers fire.
  std::optional<GrantKey> grant = {};  ///< Set when an authorised key signed.

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

  /// Tells the book of an offer's new state; call after each change of an offer ...
  void offer_changed(model::OfferId offer);
  /// ... or, which is quicker, after one of its leased devices and disk alone, or of its prices alone.
  void offer_leased(model::OfferId offer);
  void offer_repriced(model::OfferId offer);
  /// Tells the book of a provider's new standing; call after each change of name or of lease counts.
  void provider_changed(const model::AccountId& provider);
  /// Tells the book whether the provider is there; call after each change of its watch.
  void liveness_changed(const model::AccountId& provider);

  /// After a rollback: makes the book agree with the tables again.
  void restore_book();
};

}  // namespace hanse::ledger
