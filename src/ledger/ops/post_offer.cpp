#include "ledger/ops/post_offer.hpp"

#include "ledger/ops/update_offer.hpp"
#include "ledger/prices.hpp"
#include "ledger/requests.hpp"
#include "ledger/rules.hpp"
#include "market/check.hpp"

namespace hanse::ledger {

Result<> check(const model::PostOffer& op, const model::Params&) {
  if (auto machine = market::check_machine(op.machine); !machine) return machine;
  return market::check_prices(op.prices);
}

Result<model::Outcome> apply(const model::PostOffer& op, Context& context) {
  auto& tables = context.tables;
  if (auto provider = find_provider(context, context.account); !provider) return fail(provider);
  const auto& index = tables.offers.index;
  if (auto room = check_limit(context, index.by_provider.count(context.account), "offers"); !room) return fail(room);
  if (index.machines.contains({context.account, op.machine.name})) {
    return fail(ErrorCode::already_exists, "an offer of machine \"" + op.machine.name +
                                               "\" is there already: update or withdraw that one, or wait until the "
                                               "last lease of the withdrawn one has ended");
  }
  if (auto times = check_measured_by(op.machine.measured, context.now()); !times) return fail(times);

  const model::OfferId id{tables.head.next_offer++};
  model::Offer offer;
  offer.id = id;
  offer.provider = context.account;
  offer.machine = op.machine;
  offer.prices = op.prices;
  offer.prices.on_demand_per_gpu_hour = price_now(context, op.machine, op.prices);
  offer.posted_at = context.now();
  offer.updated_at = context.now();
  tables.offers.insert(std::move(offer));
  tables.providers.change(context.account, [](model::Provider& p) { ++p.live_offers; });
  ensure_class(context, op.machine);
  context.offer_changed(id);
  context.liveness_changed(context.account);
  auto& event = context.emit(model::EventKind::offer_posted);
  event.account = context.account;
  event.offer = id;
  sweep_waiting(context, id);
  model::Outcome outcome;
  outcome.offer = id;
  return outcome;
}

}  // namespace hanse::ledger
