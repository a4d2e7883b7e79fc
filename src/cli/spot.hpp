#pragma once

// Spot as its renter has it: the bid, what a sealed one needs to be revealed, and the wait for the auction.

#include <nlohmann/json.hpp>

#include "cli/context.hpp"
#include "cli/interrupt.hpp"
#include "cli/table.hpp"
#include "model/transaction.hpp"

namespace hanse::cli {

struct SpotBid {
  Money per_gpu_hour;
  bool sealed = false;
};

/// The auction that a bid made now takes part in: none is taken in the last part of a period.
struct NextAuction {
  Time at, reveals_from;
  std::uint64_t notice_s = 0, period_s = 0;
};
/// unsupported where the network holds none.
Result<NextAuction> next_auction(NodeApi& api);

/// Shows what the bid comes to and asks, as confirm() does for other plans. no_match with the reason where no machine
/// that is for rent on spot fits. Returns the plan as --json reports it.
Result<nlohmann::json> confirm_spot(Context& context, const model::Demand& demand, const SpotBid& bid,
                                    const std::string& what, const Facts& sent, bool yes);

/// Puts the bid into the request. What a sealed one needs to be revealed is kept in the home folder before it is sent,
/// so that whoever is killed after that can still reveal it.
Result<> put_bid(Context& context, const SpotBid& bid, model::SubmitRequest& request);

/// Reveals what put_bid() kept. not_found where this home folder does not have it; wrong_state outside of the time.
Result<> reveal_bid(Context& context, const model::Request& request);

/// How long a request has to wait for its auction, and after it for those who must leave: not for the auction after
/// that, or what was pre-empted early would bid again with nobody there.
[[nodiscard]] Time end_of_wait(const NextAuction& auction);

/// Until the request has a lease; reveals its bid on the way. When it is interrupted, takes the request back.
Result<model::LeaseId> await_auction(Context& context, Interrupt& interrupt, model::RequestId request);

/// hanse reveal: at once, or when it is time.
Outcome reveal(Context& context, model::RequestId request);

}  // namespace hanse::cli
