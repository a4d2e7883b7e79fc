#pragma once

// Takes back what authorize_key gave.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::RevokeKey& op, const model::Params& params);
Result<model::Outcome> apply(const model::RevokeKey& op, Context& context);

}  // namespace hanse::ledger
