#include "ledger/requests.hpp"

#include <bit>

#include "ledger/auctions.hpp"
#include "ledger/leases.hpp"
#include "ledger/spot.hpp"

namespace hanse::ledger {
namespace {

constexpr std::size_t kMaxExcluded = 16;  // the bound of Request::excluded_providers

market::Wanted wanted_of(const model::Request& request) {
  auto wanted = market::Wanted::from(request.demand, request.excluded_providers);
  HANSE_CHECK(wanted.has_value());  // it was parsed when the request came in
  return std::move(*wanted);
}

model::Event& emit_request(Context& context, model::EventKind kind, const model::Request& request) {
  auto& event = context.emit(kind);
  event.account = request.consumer;
  event.request = request.id;
  event.lease = request.lease;
  return event;
}

/// Locks the money and makes the leases; false if the consumer is short of money by now.
bool try_match(Context& context, const model::Request& request, const market::Matches& matches) {
  if (matches.empty() || !context.debit(request.consumer, market::lock_of(matches))) return false;
  match_leases(context, request.id, matches);
  return true;
}

/// What fits now that there is room on the offer.
market::Matches place_on(const Context& context, const market::Wanted& wanted, model::OfferId offer) {
  const auto match = context.book.fits(wanted, offer);
  if (!match) return {};
  const bool is_plain = wanted.demand.machines == 1 && wanted.demand.mode == model::Mode::on_demand;
  return is_plain ? market::Matches{*match} : find_place(context, wanted);
}

/// Those of its leases that hold devices.
std::vector<model::OfferId> offers_of(const Context& context, const model::Request& request) {
  std::vector<model::OfferId> out;
  for_each_lease(context.tables, request, [&](const model::Lease& lease) {
    if (holds_devices(lease)) out.push_back(lease.offer);
  });
  return out;
}

market::Records records_of(const Context& context) {
  const Tables& tables = context.tables;
  return {[&tables](model::OfferId id) -> const model::Offer& { return tables.offers.at(id); },
          [&tables](const model::AccountId& id) -> const model::Provider& { return tables.providers.at(id); }};
}

void schedule(Context& context, model::OfferId offer, model::RequestId from) {
  const Sweep sweep{offer, from, after_ms(context.now(), 1)};
  auto& sweeps = context.tables.sweeps;
  if (!sweeps.find(offer)) {
    sweeps.insert(sweep);
    return;
  }
  sweeps.change(offer, [&](Sweep& s) {
    s.from = std::min(s.from, from);
    s.due = sweep.due;
  });
}

bool has_room(const Context& context, model::OfferId id) {
  if (!id) return true;
  const auto* offer = context.tables.offers.find(id);
  if (offer == nullptr || offer->state != model::OfferState::open) return false;
  if (context.tables.watches.at(offer->provider).liveness != Liveness::reachable) return false;
  return static_cast<std::uint32_t>(std::popcount(offer->leased_devices)) < offer->machine.gpu_count;
}

}  // namespace

market::Matches find_place(const Context& context, const market::Wanted& wanted) {
  return market::place(context.book, wanted, records_of(context));
}

std::string why_not(const Context& context, const market::Wanted& wanted) {
  return market::why_not(context.book, wanted, records_of(context));
}

void give_up_won(Context& context, model::RequestId id) {
  const auto& request = context.tables.requests.at(id);
  if (!request.won) return;
  context.credit(request.consumer, request.held);
  context.tables.requests.change(id, [](model::Request& r) {
    r.won = {};
    r.held = {};
    r.held_keep_rate = {};
  });
}

void capacity_freed(Context& context, model::OfferId offer) {
  sweep_waiting(context, offer);
  serve_won(context, offer);
}

void end_request(Context& context, model::RequestId id, std::string_view why) {
  give_up_won(context, id);
  context.tables.requests.change(id, [](model::Request& r) { r.state = model::RequestState::ended; });
  model::Request request = context.tables.requests.erase(id);
  emit_request(context, model::EventKind::request_ended, request).note = why;
  context.archived.push_back({std::nullopt, std::move(request)});
}

void end_matched_request(Context& context, model::RequestId id) {
  const auto& request =
      context.tables.requests.change(id, [](model::Request& r) { r.state = model::RequestState::ended; });
  emit_request(context, model::EventKind::request_ended, request);
}

void fail_start(Context& context, model::LeaseId id, std::string note) {
  const auto& lease = context.tables.leases.at(id);
  const auto request_id = lease.request;
  const auto provider = lease.provider;
  auto offers = offers_of(context, context.tables.requests.at(request_id));
  drop_leases(context, context.tables.requests.at(request_id), id, note);

  const auto& request = context.tables.requests.change(request_id, [&](model::Request& r) {
    if (r.excluded_providers.size() < kMaxExcluded) r.excluded_providers.push_back(provider);
    r.lease = {};
  });
  const bool may_go_on = request.excluded_providers.size() < kMaxExcluded;
  const auto wanted = wanted_of(request);
  // A spot request is matched by the auction alone.
  if (!may_go_on || is_spot(request) || !try_match(context, request, find_place(context, wanted))) {
    if (may_go_on && request.wait_until > context.now()) {
      let_wait(context, request_id, {});
      if (!is_spot(request)) make_room(context, request_id, wanted);
    } else {
      end_request(context, request_id, "its provider did not start it, and no other offer fits");
    }
  }
  for (const auto offer : offers) capacity_freed(context, offer);
}

void let_wait(Context& context, model::RequestId id, std::string_view note) {
  const auto& request =
      context.tables.requests.change(id, [](model::Request& r) { r.state = model::RequestState::waiting; });
  emit_request(context, model::EventKind::request_waiting, request).note = note;
  if (is_spot(request)) wake_auction(context);
}

void sweep_waiting(Context& context, model::OfferId offer, model::RequestId after) {
  const auto& waiting = context.tables.requests.index.waiting;
  if (waiting.empty() || !has_room(context, offer)) return;
  std::vector<model::RequestId> batch;
  bool more = false;
  waiting.for_each_after(after, [&](model::RequestId id) {
    more = batch.size() == kSweepSize;
    if (!more) batch.push_back(id);
    return !more;
  });
  for (const auto id : batch) {
    const auto& request = context.tables.requests.at(id);
    const auto wanted = wanted_of(request);
    try_match(context, request, offer ? place_on(context, wanted, offer) : find_place(context, wanted));
    if (!has_room(context, offer)) return;
  }
  if (more) schedule(context, offer, batch.back());
}

void sweep_later(Context& context, model::OfferId offer) {
  if (!context.tables.requests.index.waiting.empty()) schedule(context, offer, {});
}

}  // namespace hanse::ledger
