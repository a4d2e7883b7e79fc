#include "ledger/leases.hpp"

#include "ledger/accrual.hpp"
#include "ledger/prices.hpp"
#include "ledger/requests.hpp"
#include "ledger/spending.hpp"
#include "ledger/spot.hpp"
#include "market/reserved.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

model::Event& emit_lease(Context& context, model::EventKind kind, const model::Lease& lease) {
  auto& event = context.emit(kind);
  event.account = lease.consumer;
  event.counterparty = lease.provider;
  event.offer = lease.offer;
  event.request = lease.request;
  event.lease = lease.id;
  return event;
}

void free_room(Context& context, const model::Lease& lease, std::uint64_t devices, std::uint64_t disk_bytes) {
  context.tables.offers.change(lease.offer, [&](model::Offer& o) {
    o.leased_devices &= ~devices;
    o.leased_disk_bytes -= disk_bytes;
  });
  context.offer_leased(lease.offer);
  erase_if_withdrawn(context, lease.offer);
}

/// What the end of a run, or of the keeping after it, says of the provider.
void count_end(Context& context, const model::Lease& lease, model::EndReason reason) {
  context.tables.providers.change(lease.provider, [&](model::Provider& p) {
    if (!is_live(lease)) --p.live_leases;
    // What a provider rents of itself shows nothing, and no more does what delivered nothing.
    const bool is_own = lease.consumer == lease.provider;
    const bool is_run = lease.keep_end == model::EndReason::none;
    switch (reason) {
      case model::EndReason::completed:
      case model::EndReason::exhausted:
        if (is_run && !is_own && lease.billed_s > 0) ++p.leases_completed;
        break;
      case model::EndReason::provider_failed:
      case model::EndReason::never_started:
        if (!is_own) ++p.leases_failed;
        break;
      default:
        break;
    }
  });
  context.provider_changed(lease.provider);
}

bool still_runs(const Tables& tables, const model::Request& request) {
  bool found = false;
  for_each_lease(tables, request, [&](const model::Lease& lease) { found = found || holds_devices(lease); });
  return found;
}

/// Was it the last lease of the request to be closed?
bool is_last(const Tables& tables, const model::Request& request, const model::Lease& closed) {
  if (!closed.gang) return request.lease == closed.id;
  bool is_empty = true;
  for_each_lease(tables, request, [&](const model::Lease&) { is_empty = false; });
  return is_empty;
}

void close_lease(Context& context, model::LeaseId id) {
  const model::Lease lease = context.tables.leases.erase(id);
  emit_lease(context, model::EventKind::lease_closed, lease);
  Archived archived{lease, std::nullopt};
  const auto* request = context.tables.requests.find(lease.request);
  if (request != nullptr && request->state == model::RequestState::ended && is_last(context.tables, *request, lease)) {
    archived.request = context.tables.requests.erase(lease.request);
  }
  context.archived.push_back(std::move(archived));
}

void release(Context& context, const model::Lease& lease, Money amount) {
  const auto& changed =
      context.tables.leases.change(lease.id, [&](model::Lease& l) { l.released.micros += amount.micros; });
  context.credit(changed.provider, amount);
  context.tables.providers.change(changed.provider, [&](model::Provider& p) {
    p.earned = add(p.earned, amount).value_or(kMaxMoney);  // money goes round: the sum of a life may pass any bound
  });
  emit_lease(context, model::EventKind::lease_released, changed).amount = amount;
}

void make_lease(Context& context, const model::Request& request, const market::Match& match,
                const model::PriceList& prices) {
  auto& tables = context.tables;
  const auto& demand = request.demand;
  model::Lease lease;
  lease.id = {tables.head.next_lease++};
  lease.request = request.id;
  lease.offer = match.offer;
  lease.provider = match.provider;
  lease.consumer = request.consumer;
  lease.access_key = request.access_key;
  lease.job_hash = request.job_hash;
  lease.gpu_count = demand.gpu_count;
  lease.devices = match.devices;
  lease.disk_bytes = demand.disk_bytes;
  lease.rate_per_hour = match.price.rate_per_hour;
  lease.duration_s = demand.duration_s;
  lease.matched_at = context.now();
  lease.start_deadline = after_s(context.now(), static_cast<std::int64_t>(context.params().start_deadline_s));
  lease.locked = match.lock;
  lease.mode = demand.mode;
  if (!is_spot(lease)) lease.posted_per_gpu_hour = prices.on_demand_per_gpu_hour;
  if (demand.mode == model::Mode::reserved) {
    lease.early_rates = market::early_rates(prices, demand, lease.rate_per_hour);
  }
  if (demand.machines > 1) lease.gang = request.lease;
  lease.bid_per_gpu_hour = request.bid_per_gpu_hour;
  lease.keep_s = static_cast<std::uint32_t>(demand.keep_s);
  lease.keep_rate_per_hour = match.keep.rate_per_hour;
  lease.keep_reserve = match.keep.reserve;
  const auto& made = tables.leases.insert(std::move(lease));

  tables.offers.change(match.offer, [&](model::Offer& o) {
    o.leased_devices |= made.devices;
    o.leased_disk_bytes += made.disk_bytes;
  });
  tables.providers.change(match.provider, [](model::Provider& p) { ++p.live_leases; });
  context.offer_leased(match.offer);
  emit_lease(context, model::EventKind::lease_matched, made).amount = made.locked;
}

/// Everything about the end of a run that concerns neither its request nor those that wait.
const model::Lease& finish(Context& context, model::LeaseId id, model::EndReason reason, Time at,
                           const std::string& note, bool keeps = false) {
  auto& tables = context.tables;
  const auto& before = tables.leases.at(id);
  const auto& provider = tables.providers.at(before.provider);
  const bool started = before.state == model::LeaseState::running;
  const std::int64_t billed_s = started ? delivered_s(before, provider, at, context.params()) : 0;
  const Money earned = std::max(owed(before, reason, at, billed_s), before.released);
  const Money reserve = keeps ? before.keep_reserve : Money{};
  const Money refund{before.locked.micros - before.refunded.micros - earned.micros - reserve.micros};
  const auto& lease = tables.leases.change(id, [&](model::Lease& l) {
    l.state = keeps ? model::LeaseState::kept : model::LeaseState::ended;
    l.end_reason = reason;
    l.ends_at = at;
    l.billed_s = billed_s;
    l.refunded.micros += refund.micros;
    l.keep_reserve = reserve;
    l.note = note;
    if (!keeps) return;
    l.kept_until = after_s(at, l.keep_s);
    l.downtime_at_start_ms = provider.downtime_ms + silence_ms(provider, at, context.params());
  });
  context.credit(lease.consumer, refund);
  note_spending(context, lease, earned);
  note_trade(context, lease);
  count_end(context, lease, reason);
  free_room(context, lease, lease.devices, keeps ? 0 : lease.disk_bytes);
  auto& event = emit_lease(context, keeps ? model::EventKind::lease_kept : model::EventKind::lease_ended, lease);
  event.amount = refund;
  event.note = name_of(reason);
  return lease;
}

/// The same, and what its request and those that wait make of it.
void end(Context& context, model::LeaseId id, model::EndReason reason, Time at, const std::string& note, bool keeps) {
  const auto& lease = finish(context, id, reason, at, note, keeps);
  const auto offer = lease.offer;
  if (reason == model::EndReason::preempted) {
    bid_again(context, lease.request, Money{lease.locked.micros - lease.refunded.micros});
  } else if (!lease.gang || !still_runs(context.tables, context.tables.requests.at(lease.request))) {
    end_matched_request(context, lease.request);
  }
  if (!keeps && escrow(lease).micros == 0) close_lease(context, id);
  capacity_freed(context, offer);
}

}  // namespace

model::LeaseId match_leases(Context& context, model::RequestId request_id, const market::Matches& matches,
                            const model::PriceList* prices) {
  auto& tables = context.tables;
  const model::LeaseId first{tables.head.next_lease};
  const auto& request = tables.requests.change(request_id, [&](model::Request& r) {
    r.state = model::RequestState::matched;
    r.lease = first;
    r.won = {};
    r.held = {};
    r.held_keep_rate = {};
  });
  auto& matched = context.emit(model::EventKind::request_matched);
  matched.account = request.consumer;
  matched.counterparty = matches.front().provider;
  matched.offer = matches.front().offer;
  matched.request = request_id;
  matched.lease = first;
  for (const auto& match : matches) {
    make_lease(context, request, match, prices != nullptr ? *prices : tables.offers.at(match.offer).prices);
  }
  return first;
}

void start_lease(Context& context, model::LeaseId id, std::string endpoint, const crypto::PublicKey& host_key) {
  const auto& provider = context.tables.providers.at(context.tables.leases.at(id).provider);
  const auto& lease = context.tables.leases.change(id, [&](model::Lease& l) {
    l.state = model::LeaseState::running;
    l.started_at = context.now();
    l.downtime_at_start_ms = provider.downtime_ms;
    l.ends_at = end_of(l, 0);
    l.endpoint = std::move(endpoint);
    l.host_key = host_key;
  });
  emit_lease(context, model::EventKind::lease_running, lease).note = lease.endpoint;
}

void end_run(Context& context, model::LeaseId id, model::EndReason reason, Time at, const std::string& note) {
  end(context, id, reason, at, note, context.tables.leases.at(id).keep_s > 0);
}

void end_lease(Context& context, model::LeaseId id, model::EndReason reason, Time at, const std::string& note) {
  end(context, id, reason, at, note, false);
}

void end_keeping(Context& context, model::LeaseId id, model::EndReason reason, Time at) {
  auto& tables = context.tables;
  const auto& before = tables.leases.at(id);
  const bool is_lost = reason == model::EndReason::provider_failed;
  const Money cost = is_lost ? Money{} : keep_cost(before, tables.providers.at(before.provider), at, context.params());
  const Money refund{before.keep_reserve.micros - cost.micros};
  const auto& lease = tables.leases.change(id, [&](model::Lease& l) {
    l.state = model::LeaseState::ended;
    l.keep_end = reason;
    l.kept_until = at;
    l.keep_reserve = cost;
    l.refunded.micros += refund.micros;
  });
  context.credit(lease.consumer, refund);
  note_spending(context, lease, cost);
  count_end(context, lease, reason);
  free_room(context, lease, 0, lease.disk_bytes);
  auto& event = emit_lease(context, model::EventKind::lease_ended, lease);
  event.amount = refund;
  event.note = name_of(reason);
  const auto offer = lease.offer;
  if (escrow(lease).micros == 0) close_lease(context, id);
  capacity_freed(context, offer);
}

void drop_leases(Context& context, const model::Request& request, model::LeaseId failed, const std::string& note) {
  for_each_lease(context.tables, request, [&](const model::Lease& member) {
    if (!holds_devices(member)) return;
    const auto id = member.id;
    const bool is_failed = id == failed;
    const bool runs = member.state == model::LeaseState::running;
    const Time at = runs ? std::min(context.now(), due_end(member)) : context.now();
    const std::string why = is_failed ? note : model::format_id(failed) + " of its gang did not start";
    const auto& lease =
        finish(context, id, is_failed ? model::EndReason::never_started : model::EndReason::cancelled, at, why);
    if (escrow(lease).micros == 0) close_lease(context, id);
  });
}

void settle_lease(Context& context, model::LeaseId id) {
  const auto& lease = context.tables.leases.at(id);
  const auto& provider = context.tables.providers.at(lease.provider);
  const Money due = releasable(lease, provider, context.now(), context.params());
  HANSE_CHECK(due >= lease.released);
  if (due > lease.released) release(context, lease, Money{due.micros - lease.released.micros});
  if (lease.state == model::LeaseState::ended && escrow(lease).micros == 0) close_lease(context, id);
}

void erase_if_withdrawn(Context& context, model::OfferId id) {
  auto& tables = context.tables;
  const auto& offer = tables.offers.at(id);
  if (offer.state != model::OfferState::withdrawn || offer.leased_devices != 0 || offer.leased_disk_bytes != 0) return;
  tables.providers.change(offer.provider, [](model::Provider& p) { --p.live_offers; });
  tables.offers.erase(id);
  if (tables.sweeps.find(id)) tables.sweeps.erase(id);
  context.offer_changed(id);
}

}  // namespace hanse::ledger
