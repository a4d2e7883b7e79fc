#pragma once

// Says what a sealed bid was, in the last part of an auction's period.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::RevealBid& op, const model::Params& params);
Result<model::Outcome> apply(const model::RevealBid& op, Context& context);

}  // namespace hanse::ledger
