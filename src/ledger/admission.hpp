#pragma once

// Whether a transaction may enter a block at all: nothing here changes anything, and what is refused here pays no fee.

#include "ledger/context.hpp"

namespace hanse::ledger {

/// In the validity window, not replayed, signed by a key that may. The grant is set when an authorised key signed.
/// expired, too_far_ahead, replayed, not_authorized, and what the envelope failed with.
Result<std::optional<GrantKey>> admit(const Tables& tables, const Envelope& envelope);

/// The flat fees of its operations, summed, less the discount of the account's fee tier (rounded down). overflow cannot
/// happen: genesis bounds each.
Money fee_of(const Tables& tables, const model::Transaction& tx);

}  // namespace hanse::ledger
