#pragma once

// The provider says that the lease is ready: payment starts now.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::ConfirmLease& op, const model::Params& params);
Result<model::Outcome> apply(const model::ConfirmLease& op, Context& context);

}  // namespace hanse::ledger
