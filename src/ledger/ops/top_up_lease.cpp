#include "ledger/ops/top_up_lease.hpp"

#include "ledger/accrual.hpp"
#include "ledger/rules.hpp"
#include "market/price.hpp"
#include "model/text.hpp"

namespace hanse::ledger {

Result<> check(const model::TopUpLease& op, const model::Params&) {
  if (op.amount.micros > 0 && is_valid(op.amount)) return {};
  return fail(ErrorCode::invalid_argument, "the amount must be above 0 and at most 9000000000 credits");
}

Result<model::Outcome> apply(const model::TopUpLease& op, Context& context) {
  auto found = find_own_working_lease(context, op.lease);
  if (!found) return fail(found);
  const auto& lease = **found;
  const auto whole = market::lock_for(most_per_hour(lease), lease.duration_s, Money{});
  if (!whole) return fail(ErrorCode::overflow, "the whole duration costs more than money can express");
  const Money missing{std::max<std::int64_t>(whole->micros - run_lock(lease).micros, 0)};
  if (op.amount > missing) {
    return fail(ErrorCode::invalid_argument, "the rest of " + model::format_id(op.lease) + "'s duration takes " +
                                                 model::format_money(missing) +
                                                 " credits more at most: 'hanse extend' makes it last longer");
  }
  if (auto spent = context.spend(op.amount, "the top-up"); !spent) return fail(spent);
  const auto& provider = context.tables.providers.at(lease.provider);
  context.tables.leases.change(op.lease, [&](model::Lease& l) {
    l.locked.micros += op.amount.micros;
    if (l.state == model::LeaseState::running) {
      l.ends_at = end_of(l, downtime_ms(l, provider, context.now(), context.params()));
    }
  });
  auto& event = context.emit(model::EventKind::lease_topped_up);
  event.account = lease.consumer;
  event.counterparty = lease.provider;
  event.offer = lease.offer;
  event.request = lease.request;
  event.lease = lease.id;
  event.amount = op.amount;
  model::Outcome outcome;
  outcome.lease = op.lease;
  return outcome;
}

}  // namespace hanse::ledger
