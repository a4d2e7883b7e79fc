#include "ledger/ops/update_offer.hpp"

#include "ledger/prices.hpp"
#include "ledger/quotes.hpp"
#include "ledger/requests.hpp"
#include "ledger/rules.hpp"
#include "market/check.hpp"

namespace hanse::ledger {

Result<> check(const model::UpdateOffer& op, const model::Params&) {
  if (auto prices = market::check_prices(op.prices); !prices) return prices;
  return market::check_measured(op.measured);
}

Result<> check_measured_by(const std::vector<model::Measurement>& measured, Time now) {
  for (const auto& figure : measured) {
    if (figure.measured_at > now) {
      return fail(ErrorCode::invalid_argument,
                  "the figure for " + figure.field + " was measured in the future: set this machine's clock");
    }
  }
  return {};
}

Result<model::Outcome> apply(const model::UpdateOffer& op, Context& context) {
  const auto before = find_own_offer(context, op.offer);
  if (!before) return fail(before);
  if (auto times = check_measured_by(op.measured, context.now()); !times) return fail(times);
  const auto& machine = (*before)->machine;
  model::PriceList prices = op.prices;
  prices.on_demand_per_gpu_hour = price_now(context, machine, op.prices);
  ensure_class(context, machine);
  if ((*before)->prices != prices) keep_prices(context, **before);
  context.tables.offers.change(op.offer, [&](model::Offer& o) {
    o.prices = std::move(prices);
    if (!op.measured.empty()) o.machine.measured = op.measured;
    o.updated_at = context.now();
  });
  op.measured.empty() ? context.offer_repriced(op.offer) : context.offer_changed(op.offer);
  auto& event = context.emit(model::EventKind::offer_updated);
  event.account = context.account;
  event.offer = op.offer;
  sweep_waiting(context, op.offer);
  model::Outcome outcome;
  outcome.offer = op.offer;
  return outcome;
}

}  // namespace hanse::ledger
