#include "ledger/ops/withdraw_offer.hpp"

#include "ledger/leases.hpp"
#include "ledger/quotes.hpp"
#include "ledger/rules.hpp"

namespace hanse::ledger {

Result<> check(const model::WithdrawOffer&, const model::Params&) {
  return {};
}

Result<model::Outcome> apply(const model::WithdrawOffer& op, Context& context) {
  if (auto offer = find_own_offer(context, op.offer); !offer) return fail(offer);
  context.tables.offers.change(op.offer, [&](model::Offer& o) {
    o.state = model::OfferState::withdrawn;
    o.updated_at = context.now();
  });
  forget_prices(context, op.offer);
  context.offer_changed(op.offer);
  auto& event = context.emit(model::EventKind::offer_withdrawn);
  event.account = context.account;
  event.offer = op.offer;
  erase_if_withdrawn(context, op.offer);
  model::Outcome outcome;
  outcome.offer = op.offer;
  return outcome;
}

}  // namespace hanse::ledger
