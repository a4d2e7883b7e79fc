#include "ledger/ops/extend_lease.hpp"

#include "ledger/accrual.hpp"
#include "ledger/rules.hpp"
#include "market/price.hpp"
#include "model/text.hpp"

namespace hanse::ledger {

Result<> check(const model::ExtendLease& op, const model::Params& params) {
  if (op.duration_s > 0 && op.duration_s <= params.max_duration_s) return {};
  return fail(ErrorCode::invalid_argument,
              "the new duration must be from 1s to " + model::format_duration(params.max_duration_s));
}

namespace {

Result<> check_offer(const Context& context, const model::Lease& lease, std::uint64_t duration_s) {
  const auto& offer = context.tables.offers.at(lease.offer);
  if (offer.state != model::OfferState::open) {
    return fail(ErrorCode::wrong_state,
                model::format_id(lease.offer) + " is withdrawn: its leases run out and cannot be extended");
  }
  if (offer.prices.max_duration_s != 0 && duration_s > offer.prices.max_duration_s) {
    return fail(ErrorCode::invalid_argument, model::format_id(lease.offer) + " is rented for " +
                                                 model::format_duration(offer.prices.max_duration_s) + " at most");
  }
  return {};
}

}  // namespace

Result<model::Outcome> apply(const model::ExtendLease& op, Context& context) {
  auto found = find_own_working_lease(context, op.lease);
  if (!found) return fail(found);
  const auto& lease = **found;
  if (op.duration_s <= lease.duration_s) {
    return fail(ErrorCode::invalid_argument, model::format_id(op.lease) + " lasts " +
                                                 model::format_duration(lease.duration_s) +
                                                 " already: give a longer duration, counted from its start");
  }
  if (auto offer = check_offer(context, lease, op.duration_s); !offer) return fail(offer);
  const auto whole = market::lock_for(most_per_hour(lease), op.duration_s, Money{});
  if (!whole) return fail(ErrorCode::overflow, "that duration costs more than money can express");
  const Money missing{std::max<std::int64_t>(whole->micros - run_lock(lease).micros, 0)};
  if (auto spent = context.spend(missing, "the extension"); !spent) return fail(spent);
  const auto& provider = context.tables.providers.at(lease.provider);
  context.tables.leases.change(op.lease, [&](model::Lease& l) {
    l.duration_s = op.duration_s;
    l.locked.micros += missing.micros;
    if (l.state == model::LeaseState::running) {
      l.ends_at = end_of(l, downtime_ms(l, provider, context.now(), context.params()));
    }
  });
  auto& event = context.emit(model::EventKind::lease_extended);
  event.account = lease.consumer;
  event.counterparty = lease.provider;
  event.offer = lease.offer;
  event.request = lease.request;
  event.lease = lease.id;
  event.amount = missing;
  model::Outcome outcome;
  outcome.lease = op.lease;
  return outcome;
}

}  // namespace hanse::ledger
