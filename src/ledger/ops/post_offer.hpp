#pragma once

// Puts a machine up for rent.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::PostOffer& op, const model::Params& params);
Result<model::Outcome> apply(const model::PostOffer& op, Context& context);

}  // namespace hanse::ledger
