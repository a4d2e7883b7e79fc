#include "ledger/indices.hpp"

namespace hanse::ledger {
namespace {

Timer expiry(const model::Request& request) {
  return {request.wait_until, request.id.value, TimerKind::request_expiry};
}

}  // namespace

void OfferIndex::added(const model::Offer& offer) {
  all.insert(offer.id);
  by_provider.insert(offer.provider, offer.id);
  machines.emplace(offer.provider, offer.machine.name);
}

void OfferIndex::removed(const model::Offer& offer) {
  all.erase(offer.id);
  by_provider.erase(offer.provider, offer.id);
  machines.erase({offer.provider, offer.machine.name});
}

void RequestIndex::added(const model::Request& request) {
  all.insert(request.id);
  by_consumer.insert(request.consumer, request.id);
  moved(false, request);
}

void RequestIndex::removed(const model::Request& request) {
  all.erase(request.id);
  by_consumer.erase(request.consumer, request.id);
  if (!position(request)) return;
  waiting.erase(request.id);
  timers->erase(expiry(request));
}

void RequestIndex::moved(Position waited, const model::Request& request) {
  if (waited == position(request)) return;
  if (waited) {
    waiting.erase(request.id);
    timers->erase(expiry(request));
  } else {
    waiting.insert(request.id);
    timers->insert(expiry(request));
  }
}

void LeaseIndex::added(const model::Lease& lease) {
  all.insert(lease.id);
  by_consumer.insert(lease.consumer, lease.id);
  by_provider.insert(lease.provider, lease.id);
  timers->insert(position(lease));
}

void LeaseIndex::removed(const model::Lease& lease) {
  all.erase(lease.id);
  by_consumer.erase(lease.consumer, lease.id);
  by_provider.erase(lease.provider, lease.id);
  timers->erase(position(lease));
}

Timer LeaseIndex::position(const model::Lease& lease) const {
  switch (lease.state) {
    case model::LeaseState::matched:
      return {lease.start_deadline, lease.id.value, TimerKind::lease_start};
    case model::LeaseState::running:
      return {lease.ends_at, lease.id.value, TimerKind::lease_end};
    case model::LeaseState::ended:
      break;
  }
  return {after_s(lease.ends_at, claim_window_s), lease.id.value, TimerKind::lease_release};
}

void LeaseIndex::moved(const Position& from, const model::Lease& lease) {
  const Timer to = position(lease);
  if (from == to) return;
  timers->erase(from);
  timers->insert(to);
}

void WatchIndex::moved(const Position& from, const Watch& watch) {
  if (from == position(watch)) return;
  if (from.first.ms != 0) due.erase(from);
  added(watch);
}

}  // namespace hanse::ledger
