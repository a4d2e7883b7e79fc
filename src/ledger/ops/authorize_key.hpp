#pragma once

// Lets another key sign named operations, up to an amount, until a date. Replaces what that key was allowed before.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::AuthorizeKey& op, const model::Params& params);
Result<model::Outcome> apply(const model::AuthorizeKey& op, Context& context);

}  // namespace hanse::ledger
