#pragma once

// Spot leases: who gets room and who has to leave. What an auction decides (auctions.hpp), what an on-demand request
// that finds nothing free asks for, and what comes of both when a lease leaves.

#include "ledger/context.hpp"

namespace hanse::ledger {

/// What must be locked for it: its bid for the whole duration, and the reserve for keeping its files; max_cost at most.
/// nullopt: more than money can express, or the reserve alone is more than max_cost.
[[nodiscard]] std::optional<Money> lock_of_bid(const model::Demand& demand, Money bid_per_gpu_hour,
                                               Money keep_reserve = {});

/// A spot lease must leave: one that runs at the end of the notice, one that does not run yet at once.
void preempt(Context& context, model::LeaseId lease);

/// From now on the spot lease pays this price, which is at most its bid.
void reprice(Context& context, model::LeaseId lease, Money per_gpu_hour);

/// The request of a pre-empted lease bids again while it may wait, with what is left of its max_cost; else it ends.
void bid_again(Context& context, model::RequestId request, Money spent);

/// The request won room on the offer at that price: a lease if the room is free, else its money is held until those
/// under notice there have left. Nothing if neither, or if the consumer is short of money.
void award(Context& context, model::RequestId request, model::OfferId offer, Money per_gpu_hour);

/// Those that won room on the offer get it, oldest first, if it is free by now. Where nobody is under notice any more,
/// they lose what they won: somebody on demand came first.
void serve_won(Context& context, model::OfferId offer);

/// An on-demand request that waits: gives notice to the cheapest spot leases of the best offer that it would fit
/// without them. Only for one machine, and only if its consumer could pay now.
void make_room(Context& context, model::RequestId request, const market::Wanted& wanted);

}  // namespace hanse::ledger
