#pragma once

// Moves money between two accounts.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::Transfer& op, const model::Params& params);
Result<model::Outcome> apply(const model::Transfer& op, Context& context);

}  // namespace hanse::ledger
