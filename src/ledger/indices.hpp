#pragma once

// What is derived from the records: pages in order, and timers. A timer is never stored: it follows from its record
// (a matched lease's start deadline, a running or a kept one's end, an ended one's release ...), so neither can be
// without the other, and loading rebuilds them all.

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/ordered_set.hpp"
#include "ledger/records.hpp"
#include "ledger/table.hpp"

namespace hanse::ledger {

enum class TimerKind : std::uint8_t {
  lease_start,
  lease_end,
  lease_keep,
  lease_release,
  request_expiry,
  sweep,
  former_prices,
  price_class
};

struct Timer {
  Time at;
  std::uint64_t id = 0;  // of the lease, request, offer or class
  TimerKind kind = TimerKind::lease_start;

  auto operator<=>(const Timer&) const = default;
  bool operator==(const Timer&) const = default;
};

/// All timers but those of providers: earliest first, ties by id, then kind.
using Timers = OrderedSet<Timer>;

/// Ids of one kind by account, ascending.
template <class Id>
class IdsByAccount {
 public:
  void insert(const model::AccountId& account, Id id) { accounts_[account].insert(id); }
  void erase(const model::AccountId& account, Id id) {
    const auto found = accounts_.find(account);
    HANSE_CHECK(found != accounts_.end() && found->second.erase(id));
    if (found->second.empty()) accounts_.erase(found);
  }
  [[nodiscard]] const OrderedSet<Id>* find(const model::AccountId& account) const {
    const auto found = accounts_.find(account);
    return found == accounts_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::size_t count(const model::AccountId& account) const {
    const auto* ids = find(account);
    return ids == nullptr ? 0 : ids->size();
  }

 private:
  boost::unordered_flat_map<model::AccountId, OrderedSet<Id>, KeyHash, KeyEqual> accounts_;
};

struct GrantIndex : NoIndex<model::KeyGrant> {
  std::set<GrantKey> by_owner;

  void added(const model::KeyGrant& grant) { by_owner.insert(key_of(grant)); }
  void removed(const model::KeyGrant& grant) { by_owner.erase(key_of(grant)); }
};

struct ProviderIndex : NoIndex<model::Provider> {
  OrderedSet<model::AccountId> all;

  void added(const model::Provider& provider) { all.insert(provider.account); }
  void removed(const model::Provider& provider) { all.erase(provider.account); }
};

struct OfferIndex {
  struct Position {
    bool spot = false;     // for rent on spot
    bool follows = false;  // its price follows its class

    bool operator==(const Position&) const = default;
  };
  OrderedSet<model::OfferId> all;
  IdsByAccount<model::OfferId> by_provider;
  std::set<std::pair<model::AccountId, std::string>> machines;       ///< Names in use, of each provider.
  std::map<std::uint64_t, OrderedSet<model::OfferId>> spot_classes;  ///< Those for rent on spot, by ClassId.
  std::map<model::ClassId, OrderedSet<model::OfferId>> following;    ///< Those whose price follows their class.

  void added(const model::Offer& offer);
  void removed(const model::Offer& offer);
  [[nodiscard]] Position position(const model::Offer& offer) const { return {is_spot(offer), follows(offer)}; }
  void moved(Position from, const model::Offer& offer);

 private:
  void move(Position from, Position to, const model::Offer& offer);
};

struct RequestIndex {
  using Position = std::pair<bool, model::OfferId>;  // whether it waits, and what it won
  OrderedSet<model::RequestId> all;
  OrderedSet<model::RequestId> waiting;                         ///< For capacity, oldest first.
  OrderedSet<model::RequestId> bidding;                         ///< For the spot auction.
  OrderedSet<std::pair<model::OfferId, model::RequestId>> won;  ///< Bidding ones that won there and wait for room.
  IdsByAccount<model::RequestId> by_consumer;
  Timers* timers = nullptr;

  void added(const model::Request& request);
  void removed(const model::Request& request);
  [[nodiscard]] Position position(const model::Request& r) const {
    return {r.state == model::RequestState::waiting, r.won};
  }
  void moved(const Position& from, const model::Request& request);

 private:
  void leave(const Position& from, const model::Request& request);
};

struct LeaseIndex {
  struct Position {
    Timer timer;
    bool spot;  // holds devices, and on spot
    bool operator==(const Position&) const = default;
  };
  OrderedSet<model::LeaseId> all;
  IdsByAccount<model::LeaseId> by_consumer;
  IdsByAccount<model::LeaseId> by_provider;
  OrderedSet<std::pair<model::OfferId, model::LeaseId>> spot;  ///< Those that hold devices.
  Timers* timers = nullptr;
  std::int64_t claim_window_s = 0;

  void added(const model::Lease& lease);
  void removed(const model::Lease& lease);
  [[nodiscard]] Timer timer(const model::Lease& lease) const;
  [[nodiscard]] Position position(const model::Lease& lease) const {
    return {timer(lease), is_spot(lease) && holds_devices(lease)};
  }
  void moved(const Position& from, const model::Lease& lease);
};

struct WatchIndex {
  using Position = std::pair<Time, model::AccountId>;
  OrderedSet<Position> due;

  void added(const Watch& watch) {
    if (watch.due.ms != 0) due.insert(position(watch));
  }
  void removed(const Watch& watch) {
    if (watch.due.ms != 0) due.erase(position(watch));
  }
  [[nodiscard]] Position position(const Watch& watch) const { return {watch.due, watch.provider}; }
  void moved(const Position& from, const Watch& watch);
};

struct SweepIndex {
  using Position = Time;
  Timers* timers = nullptr;

  void added(const Sweep& sweep) { timers->insert(timer(sweep, sweep.due)); }
  void removed(const Sweep& sweep) { timers->erase(timer(sweep, sweep.due)); }
  [[nodiscard]] Position position(const Sweep& sweep) const { return sweep.due; }
  void moved(Position from, const Sweep& sweep) {
    timers->erase(timer(sweep, from));
    added(sweep);
  }
  static Timer timer(const Sweep& sweep, Time at) { return {at, sweep.offer.value, TimerKind::sweep}; }
};

struct FormerPricesIndex {
  using Position = Timer;
  Timers* timers = nullptr;
  std::int64_t quote_s = 0;

  void added(const model::FormerPrices& former) { timers->insert(position(former)); }
  void removed(const model::FormerPrices& former) { timers->erase(position(former)); }
  /// When nobody can have any of them any more.
  [[nodiscard]] Position position(const model::FormerPrices& former) const {
    return {after_s(former.lists.back().until, quote_s), former.offer.value, TimerKind::former_prices};
  }
  void moved(const Position& from, const model::FormerPrices& former) {
    timers->erase(from);
    added(former);
  }
};

struct ClassIndex {
  using Position = Time;
  std::set<std::string> names;
  Timers* timers = nullptr;

  void added(const model::ClassPrices& prices);
  void removed(const model::ClassPrices& prices);
  [[nodiscard]] Position position(const model::ClassPrices& prices) const { return prices.due; }
  void moved(Position from, const model::ClassPrices& prices);
};

struct TradeIndex : NoIndex<model::Trade> {
  std::map<model::ClassId, std::set<std::uint32_t>> slots;  ///< In use, by class.

  void added(const model::Trade& trade) { slots[trade.price_class].insert(trade.slot); }
  void removed(const model::Trade& trade);
};

}  // namespace hanse::ledger
