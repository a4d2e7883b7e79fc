#pragma once

// A request's way: it matches, waits, moves on to the next offer, ends.

#include "ledger/context.hpp"

namespace hanse::ledger {

inline constexpr std::size_t kSweepSize = 64;  ///< Waiting requests tried at once; the rest by timer.

/// Ends a waiting request, or one whose lease is gone: it moves to history.
void end_request(Context& context, model::RequestId request, std::string_view why);

/// Ends the request of a lease that ended; it leaves with that lease.
void end_matched_request(Context& context, model::RequestId request);

/// Where the request would go now: market::place().
[[nodiscard]] market::Matches find_place(const Context& context, const market::Wanted& wanted);
/// Why nowhere: market::why_not().
[[nodiscard]] std::string why_not(const Context& context, const market::Wanted& wanted);

/// A matched lease that its provider did not start: full refund, and the request goes to the next best offer, else
/// waits while it may, else ends. A gang starts whole or not at all: its other leases end with it, and all of it moves.
void fail_start(Context& context, model::LeaseId lease, std::string note);

/// From here on it waits: for capacity, or for the spot auction. `note` is the event's.
void let_wait(Context& context, model::RequestId request, std::string_view note);

/// Money that was held for what it won goes back to the consumer; it keeps bidding. Nothing if it won nothing.
void give_up_won(Context& context, model::RequestId request);

/// A lease on the offer left: tries those that wait, then those that won its room in the auction.
void capacity_freed(Context& context, model::OfferId offer);

/// Capacity appeared on the offer (0: on any): tries those that wait, oldest first, kSweepSize at once; a timer goes on
/// with the rest in the next block.
void sweep_waiting(Context& context, model::OfferId offer, model::RequestId after = {});

/// The same, all of it by timer.
void sweep_later(Context& context, model::OfferId offer);

}  // namespace hanse::ledger
