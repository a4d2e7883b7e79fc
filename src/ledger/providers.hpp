#pragma once

// Whether a provider is there: its heartbeats, and what their absence brings.

#include "ledger/context.hpp"

namespace hanse::ledger {

inline constexpr std::size_t kLostLeasesAtOnce = 64;  ///< Leases of a lost provider that one firing ends.

/// The provider shows that it is there now (heartbeat, confirm_lease): a gap over the timeout counts as downtime, and
/// one that was given up is back on the market.
void sign_of_life(Context& context, const model::AccountId& provider);

/// Its watch is due: see Watch.
void watch_due(Context& context, const model::AccountId& provider);

}  // namespace hanse::ledger
