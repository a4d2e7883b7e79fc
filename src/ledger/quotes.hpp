#pragma once

// The price seen is the price paid: for Params::quote_s after a price list changed, a request that names a quote of it
// still gets it. Only offers that changed lately cost anything: one record each, gone by its own timer.

#include "ledger/context.hpp"

namespace hanse::ledger {

/// Keeps the price list that an offer is about to leave. Of those of the last quote_s the first kMaxFormerPrices stay,
/// so that changing prices in a loop does not push out the one that people have seen.
void keep_prices(Context& context, const model::Offer& before);

/// Nobody can have the offer's former prices any more: it is withdrawn, or their time is over.
void forget_prices(Context& context, model::OfferId offer);

/// Where a request with a quote goes, and the price list that it goes there at.
struct QuotedPlace {
  market::Matches matches;
  model::PriceList prices;
};

/// The quoted offer at its price now, or, if that is higher, at the quoted one where that held within quote_s. Refused
/// with what changed: price_changed, no_match (it is taken or withdrawn), invalid_argument (a quote from the future).
[[nodiscard]] Result<QuotedPlace> place_quoted(const Context& context, market::Wanted wanted,
                                               const model::Quote& quote);

}  // namespace hanse::ledger
