#pragma once

// Replaces an offer's prices, and its measured figures if any are given. Leases keep their price.

#include "ledger/context.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {

Result<> check(const model::UpdateOffer& op, const model::Params& params);
Result<model::Outcome> apply(const model::UpdateOffer& op, Context& context);

/// Nothing was measured after `now`. invalid_argument.
Result<> check_measured_by(const std::vector<model::Measurement>& measured, Time now);

}  // namespace hanse::ledger
