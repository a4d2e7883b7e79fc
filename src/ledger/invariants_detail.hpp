#pragma once

// What must hold of one record and what it refers to. Inside the ledger, shared by both checks.

#include "ledger/accrual.hpp"
#include "ledger/tables.hpp"
#include "model/text.hpp"

namespace hanse::ledger {

[[nodiscard]] std::unexpected<Error> broken(std::string what);

/// Its money adds up, its state is of one piece, its offer, provider and request are there, its timer is set.
Result<> check_lease(const Tables& tables, const model::Lease& lease);
/// A waiting one waits and has a timer; a matched one has a lease that is its own and holds devices.
Result<> check_request(const Tables& tables, const model::Request& request);
/// Whoever bids has an auction coming.
Result<> check_next_auction(const Tables& tables);
/// Its offer is open, its lists are in order and in number, its timer is set.
Result<> check_former_prices(const Tables& tables, const model::FormerPrices& former);
/// What is leased lies within what is offered; a withdrawn one has leases.
Result<> check_offer(const model::Offer& offer);

}  // namespace hanse::ledger
