#include "ledger/spot.hpp"

#include <bit>

#include "ledger/accrual.hpp"
#include "ledger/leases.hpp"
#include "ledger/requests.hpp"
#include "market/price.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

model::Event& emit_spot(Context& context, model::EventKind kind, const model::Lease& lease) {
  auto& event = context.emit(kind);
  event.account = lease.consumer;
  event.counterparty = lease.provider;
  event.offer = lease.offer;
  event.request = lease.request;
  event.lease = lease.id;
  return event;
}

std::uint32_t free_gpus(const model::Offer& offer) {
  return offer.machine.gpu_count - static_cast<std::uint32_t>(std::popcount(offer.leased_devices));
}

bool has_room(const Tables& tables, const model::Offer& offer, const model::Demand& demand) {
  const bool there = tables.watches.at(offer.provider).liveness == Liveness::reachable;
  return there && is_spot(offer) && free_gpus(offer) >= demand.gpu_count &&
         offer.machine.disk_bytes - offer.leased_disk_bytes >= demand.disk_bytes;
}

std::uint64_t lowest_free(const model::Offer& offer, std::uint32_t count) {
  std::uint64_t out = 0;
  for (std::uint32_t i = 0; i < offer.machine.gpu_count && count > 0; ++i) {
    const std::uint64_t device = std::uint64_t{1} << i;
    if ((offer.leased_devices & device) != 0) continue;
    out |= device;
    --count;
  }
  return out;
}

/// The lease of a spot request on room that is free. The lock is out of the consumer's account already.
void match_spot(Context& context, const model::Request& request, const model::Offer& offer, Money price,
                const market::Keep& keep, Money lock) {
  market::Match match;
  match.offer = offer.id;
  match.provider = offer.provider;
  match.devices = lowest_free(offer, request.demand.gpu_count);
  match.price = {Money{price.micros * request.demand.gpu_count}, price, 0, 0};
  match.keep = keep;
  match.lock = lock;
  match_leases(context, request.id, {match});
}

}  // namespace

std::optional<Money> lock_of_bid(const model::Demand& demand, Money bid_per_gpu_hour, Money keep_reserve) {
  return market::lock_for(Money{bid_per_gpu_hour.micros * demand.gpu_count}, demand.duration_s, demand.max_cost,
                          keep_reserve);
}

void preempt(Context& context, model::LeaseId id) {
  const auto& before = context.tables.leases.at(id);
  if (before.state == model::LeaseState::matched) {
    end_lease(context, id, model::EndReason::preempted, context.now(), "others pay more for its place");
    return;
  }
  const Time at = after_s(context.now(), static_cast<std::int64_t>(context.params().preempt_notice_s));
  const auto& lease = context.tables.leases.change(id, [&](model::Lease& l) { l.preempt_at = at; });
  emit_spot(context, model::EventKind::lease_preempting, lease).note = model::format_time(at);
  context.offer_leased(lease.offer);
}

void reprice(Context& context, model::LeaseId id, Money per_gpu_hour) {
  const auto& before = context.tables.leases.at(id);
  const Money rate{per_gpu_hour.micros * before.gpu_count};
  if (before.rate_per_hour == rate) return;
  const auto& params = context.params();
  const auto& provider = context.tables.providers.at(before.provider);
  const bool runs = before.state == model::LeaseState::running;
  const std::int64_t downtime = runs ? downtime_ms(before, provider, context.now(), params) : 0;
  if (runs && end_of(before, downtime) <= context.now()) return;  // over: its timer is due as well
  const auto& lease = context.tables.leases.change(id, [&](model::Lease& l) {
    if (!runs) {
      l.rate_per_hour = rate;
      return;
    }
    const std::int64_t delivered = delivered_s(l, provider, context.now(), params);
    const auto margin_s = static_cast<std::int64_t>(params.claim_window_s + params.heartbeat_timeout_s) + 1;
    change_rate(l, delivered, rate, delivered - margin_s);
    l.ends_at = end_of(l, downtime);
  });
  emit_spot(context, model::EventKind::lease_repriced, lease).amount = rate;
}

void bid_again(Context& context, model::RequestId id, Money spent) {
  bool used_up = false;
  const auto& request = context.tables.requests.change(id, [&](model::Request& r) {
    r.state = model::RequestState::ended;  // until it waits
    r.lease = {};
    used_up = r.demand.max_cost.micros != 0 && r.demand.max_cost <= spent;
    if (r.demand.max_cost.micros != 0 && !used_up) r.demand.max_cost.micros -= spent.micros;
  });
  if (used_up) return end_request(context, id, "its max_cost is used up");
  if (request.wait_until <= context.now()) return end_request(context, id, "pre-empted, and it waits no longer");
  let_wait(context, id, "pre-empted: it bids again");
}

void award(Context& context, model::RequestId id, model::OfferId offer_id, Money per_gpu_hour) {
  const auto& request = context.tables.requests.at(id);
  const auto& offer = context.tables.offers.at(offer_id);
  const bool free = has_room(context.tables, offer, request.demand);
  if (!free && !held_on_spot(context.tables, offer_id).someone_leaves) return;
  const auto keep = market::keep_of(offer.prices.storage_per_gib_hour, request.demand);
  const auto lock = keep ? lock_of_bid(request.demand, request.bid_per_gpu_hour, keep->reserve) : std::nullopt;
  if (!lock || !context.debit(request.consumer, *lock)) return;
  if (free) return match_spot(context, request, offer, per_gpu_hour, *keep, *lock);
  context.tables.requests.change(id, [&](model::Request& r) {
    r.won = offer_id;
    r.held = *lock;
    r.held_keep_rate = keep->rate_per_hour;
  });
}

void serve_won(Context& context, model::OfferId offer_id) {
  auto& tables = context.tables;
  std::vector<model::RequestId> winners;
  tables.requests.index.won.for_each_after({offer_id, {}}, [&](const auto& won) {
    if (won.first == offer_id) winners.push_back(won.second);
    return won.first == offer_id;
  });
  for (const auto id : winners) {
    const auto* offer = tables.offers.find(offer_id);
    const auto& request = tables.requests.at(id);
    if (offer != nullptr && has_room(tables, *offer, request.demand)) {
      const auto* auction = tables.auctions.find(model::id_of(model::class_of(offer->machine)));
      HANSE_CHECK(auction != nullptr);  // it won there, in the last auction
      const auto keep = market::keep_at(request.held_keep_rate, request.demand.keep_s);
      HANSE_CHECK(keep.has_value());  // it was priced when it won
      match_spot(context, request, *offer, auction->price_per_gpu_hour, *keep, request.held);
    } else if (offer == nullptr || !is_spot(*offer) || !held_on_spot(tables, offer_id).someone_leaves) {
      give_up_won(context, id);
    }
  }
}

void make_room(Context& context, model::RequestId id, const market::Wanted& wanted) {
  auto& tables = context.tables;
  if (tables.leases.index.spot.empty() || wanted.demand.machines > 1) return;
  const auto match = context.spot_book.find(wanted);
  if (!match) return;
  const auto* payer = tables.accounts.find(tables.requests.at(id).consumer);
  if (payer == nullptr || payer->balance < match->lock) return;

  const auto& offer = tables.offers.at(match->offer);
  const auto gpus_short = static_cast<std::int64_t>(wanted.demand.gpu_count) - free_gpus(offer);
  const auto disk_free = offer.machine.disk_bytes - offer.leased_disk_bytes;
  const auto disk_short =
      wanted.demand.disk_bytes > disk_free ? static_cast<std::int64_t>(wanted.demand.disk_bytes - disk_free) : 0;
  auto held = held_on_spot(tables, match->offer).leases;
  std::sort(held.begin(), held.end(), [&](model::LeaseId a, model::LeaseId b) {
    const Money bid_a = tables.leases.at(a).bid_per_gpu_hour;
    const Money bid_b = tables.leases.at(b).bid_per_gpu_hour;
    return bid_a != bid_b ? bid_a < bid_b : a > b;  // of equals the youngest: it has lost the least
  });
  // The cheapest until it is enough; then whoever of them is not needed stays, the dearest first.
  std::int64_t gpus = 0, disk = 0;
  std::size_t count = 0;
  for (; count < held.size() && (gpus < gpus_short || disk < disk_short); ++count) {
    gpus += tables.leases.at(held[count]).gpu_count;
    disk += static_cast<std::int64_t>(tables.leases.at(held[count]).disk_bytes);
  }
  held.resize(count);
  for (std::size_t i = count; i-- > 0;) {
    const auto& lease = tables.leases.at(held[i]);
    const auto its_disk = static_cast<std::int64_t>(lease.disk_bytes);
    if (gpus - lease.gpu_count < gpus_short || disk - its_disk < disk_short) continue;
    gpus -= lease.gpu_count;
    disk -= its_disk;
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (const auto lease : held) preempt(context, lease);
}

}  // namespace hanse::ledger
