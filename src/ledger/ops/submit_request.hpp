#pragma once

// Asks for a lease: matches at once, waits, or says why nothing fits.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::SubmitRequest& op, const model::Params& params);
Result<model::Outcome> apply(const model::SubmitRequest& op, Context& context);

}  // namespace hanse::ledger
