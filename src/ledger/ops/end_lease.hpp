#pragma once

// Ends a lease, by its consumer or its provider.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::EndLease& op, const model::Params& params);
Result<model::Outcome> apply(const model::EndLease& op, Context& context);

}  // namespace hanse::ledger
