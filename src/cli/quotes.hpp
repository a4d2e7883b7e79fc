#pragma once

// The prices that `hanse offers` showed last, kept in the home folder, so that `rent` and `run` can hold the network to
// them: the price seen is the price paid, for as long as a quote holds.

#include "cli/context.hpp"

namespace hanse::cli {

/// Of a listing for such a demand. A folder that cannot be written to is no error: then nothing is remembered.
void remember_quotes(Context& context, const model::Demand& demand, const std::vector<OfferView>& offers);

/// What the last listing for such a demand (GPUs, duration, disk) on this node showed of the offer. Only on demand.
std::optional<SeenQuote> recall_quote(Context& context, const model::Demand& demand, model::OfferId offer);

}  // namespace hanse::cli
