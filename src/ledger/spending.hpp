#pragma once

// The volume incentive: what an account's leases cost it lately lowers its fees, by the tiers that genesis publishes.
// Without tiers nothing is recorded.

#include "ledger/context.hpp"

namespace hanse::ledger {

/// The lease has ended and costs its consumer that much. One with oneself is no spending.
void note_spending(Context& context, const model::Lease& lease, Money cost);

/// What the leases that ended in the last kSpendingDays days, today included, came to.
[[nodiscard]] Money spent_lately(const Tables& tables, const model::AccountId& account, Time now);

/// The tier that so much spending reaches, and the one above it; nullptr: none.
[[nodiscard]] const model::FeeTier* tier_of(const model::Params& params, Money spent);
[[nodiscard]] const model::FeeTier* tier_above(const model::Params& params, Money spent);

/// A record of its full length, with valid amounts.
[[nodiscard]] bool is_whole(const model::Spending& spending);

}  // namespace hanse::ledger
