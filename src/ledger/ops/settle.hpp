#pragma once

// Pays out what has passed the claim window. Anyone may ask.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::Settle& op, const model::Params& params);
Result<model::Outcome> apply(const model::Settle& op, Context& context);

}  // namespace hanse::ledger
