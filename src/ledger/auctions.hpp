#pragma once

// The spot auction: at each multiple of the period, class by class, for those that bid and those that run on spot.

#include "ledger/context.hpp"

namespace hanse::ledger {

inline constexpr std::size_t kMaxAuctionBids =
    131'072;  ///< Of one class: waiting ones beyond, youngest first, sit out.

/// Somebody bids: sets the clock, if it does not run.
void wake_auction(Context& context);

/// Clears the next class of the auction that is due; after the last, sets the clock for the next auction, or stops it
/// where nobody bids.
void hold_auction(Context& context);

}  // namespace hanse::ledger
