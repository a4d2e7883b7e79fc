#pragma once

// Replaces a provider's name, endpoint and host key.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::UpdateProvider& op, const model::Params& params);
Result<model::Outcome> apply(const model::UpdateProvider& op, Context& context);

}  // namespace hanse::ledger
