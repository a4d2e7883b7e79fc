#pragma once

// Takes back a request that waits, or whose lease does not run yet (full refund).

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::CancelRequest& op, const model::Params& params);
Result<model::Outcome> apply(const model::CancelRequest& op, Context& context);

}  // namespace hanse::ledger
