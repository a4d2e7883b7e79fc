#pragma once

// Makes the account a provider.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::RegisterProvider& op, const model::Params& params);
Result<model::Outcome> apply(const model::RegisterProvider& op, Context& context);

}  // namespace hanse::ledger
