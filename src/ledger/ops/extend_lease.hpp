#pragma once

// A longer duration (the new total, from the start), and the money for it.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::ExtendLease& op, const model::Params& params);
Result<model::Outcome> apply(const model::ExtendLease& op, Context& context);

}  // namespace hanse::ledger
