#pragma once

// Takes an offer off the market; its live leases run on, and it is gone with the last of them.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::WithdrawOffer& op, const model::Params& params);
Result<model::Outcome> apply(const model::WithdrawOffer& op, Context& context);

}  // namespace hanse::ledger
