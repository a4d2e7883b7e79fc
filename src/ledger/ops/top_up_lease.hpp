#pragma once

// More money for a lease that its escrow would end before its duration does.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::TopUpLease& op, const model::Params& params);
Result<model::Outcome> apply(const model::TopUpLease& op, Context& context);

}  // namespace hanse::ledger
