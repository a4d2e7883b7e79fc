#pragma once

// The provider is here.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::Heartbeat& op, const model::Params& params);
Result<model::Outcome> apply(const model::Heartbeat& op, Context& context);

}  // namespace hanse::ledger
