#include "ledger/indices.hpp"

#include "ledger/accrual.hpp"

namespace hanse::ledger {
namespace {

Timer expiry(const model::Request& request) {
  return {request.wait_until, request.id.value, TimerKind::request_expiry};
}

Timer class_timer(const model::ClassPrices& prices, Time at) {
  return {at, model::id_of_class(prices.price_class).value, TimerKind::price_class};
}

template <class Sets, class Value>
void forget(Sets& sets, const typename Sets::key_type& key, const Value& value) {
  const auto found = sets.find(key);
  HANSE_CHECK(found != sets.end() && found->second.erase(value));
  if (found->second.empty()) sets.erase(found);
}

}  // namespace

void OfferIndex::added(const model::Offer& offer) {
  all.insert(offer.id);
  by_provider.insert(offer.provider, offer.id);
  machines.emplace(offer.provider, offer.machine.name);
  move({}, position(offer), offer);
}

void OfferIndex::removed(const model::Offer& offer) {
  all.erase(offer.id);
  by_provider.erase(offer.provider, offer.id);
  machines.erase({offer.provider, offer.machine.name});
  move(position(offer), {}, offer);
}

void OfferIndex::moved(Position from, const model::Offer& offer) {
  move(from, position(offer), offer);
}

void OfferIndex::move(Position from, Position to, const model::Offer& offer) {
  if (from == to) return;
  const auto price_class = model::id_of(model::class_of(offer.machine));
  const auto keep = [&](auto& sets, auto key, bool was, bool is) {
    if (was && !is) forget(sets, key, offer.id);
    if (is && !was) sets[key].insert(offer.id);
  };
  keep(spot_classes, price_class.value, from.spot, to.spot);
  keep(following, price_class, from.follows, to.follows);
}

void RequestIndex::added(const model::Request& request) {
  all.insert(request.id);
  by_consumer.insert(request.consumer, request.id);
  moved({}, request);
}

void RequestIndex::removed(const model::Request& request) {
  all.erase(request.id);
  by_consumer.erase(request.consumer, request.id);
  leave(position(request), request);
}

void RequestIndex::leave(const Position& from, const model::Request& request) {
  if (!from.first) return;
  (is_spot(request) ? bidding : waiting).erase(request.id);
  if (from.second) won.erase({from.second, request.id});
  timers->erase(expiry(request));
}

void RequestIndex::moved(const Position& from, const model::Request& request) {
  const Position to = position(request);
  if (from == to) return;
  leave(from, request);
  if (!to.first) return;
  (is_spot(request) ? bidding : waiting).insert(request.id);
  if (to.second) won.insert({to.second, request.id});
  timers->insert(expiry(request));
}

void LeaseIndex::added(const model::Lease& lease) {
  all.insert(lease.id);
  by_consumer.insert(lease.consumer, lease.id);
  by_provider.insert(lease.provider, lease.id);
  timers->insert(timer(lease));
  if (position(lease).spot) spot.insert({lease.offer, lease.id});
}

void LeaseIndex::removed(const model::Lease& lease) {
  all.erase(lease.id);
  by_consumer.erase(lease.consumer, lease.id);
  by_provider.erase(lease.provider, lease.id);
  timers->erase(timer(lease));
  if (position(lease).spot) spot.erase({lease.offer, lease.id});
}

Timer LeaseIndex::timer(const model::Lease& lease) const {
  if (lease.state == model::LeaseState::matched) return {lease.start_deadline, lease.id.value, TimerKind::lease_start};
  if (lease.state == model::LeaseState::running) return {due_end(lease), lease.id.value, TimerKind::lease_end};
  // What the run came to is released on its own; what keeping the files came to follows.
  const bool run_is_paid = lease.released >= run_cost(lease);
  const Time paid_after = run_is_paid ? std::max(lease.ends_at, lease.kept_until) : lease.ends_at;
  const Time release = after_s(paid_after, claim_window_s);
  if (lease.state == model::LeaseState::kept && lease.kept_until <= release) {
    return {lease.kept_until, lease.id.value, TimerKind::lease_keep};
  }
  return {release, lease.id.value, TimerKind::lease_release};
}

void LeaseIndex::moved(const Position& from, const model::Lease& lease) {
  const Position to = position(lease);
  if (from == to) return;
  timers->erase(from.timer);
  timers->insert(to.timer);
  if (from.spot && !to.spot) spot.erase({lease.offer, lease.id});
}

void WatchIndex::moved(const Position& from, const Watch& watch) {
  if (from == position(watch)) return;
  if (from.first.ms != 0) due.erase(from);
  added(watch);
}

void ClassIndex::added(const model::ClassPrices& prices) {
  names.insert(prices.price_class);
  timers->insert(class_timer(prices, prices.due));
}

void ClassIndex::removed(const model::ClassPrices& prices) {
  names.erase(prices.price_class);
  timers->erase(class_timer(prices, prices.due));
}

void ClassIndex::moved(Position from, const model::ClassPrices& prices) {
  if (from == prices.due) return;
  timers->erase(class_timer(prices, from));
  timers->insert(class_timer(prices, prices.due));
}

void TradeIndex::removed(const model::Trade& trade) {
  forget(slots, trade.price_class, trade.slot);
}

}  // namespace hanse::ledger
