#pragma once

// What a reserved lease costs when it is left before its term is over: the time used, as if it had been rented for that
// long, so at the term discount that the used time earns. Integer arithmetic; pure.

#include <vector>

#include "model/lease.hpp"
#include "model/offer.hpp"

namespace hanse::market {

/// The rates of a reserved lease by the time it is kept: the list price from 0 on, then a step for each term discount
/// that the whole term reaches; the last step is `rate`, the lease's own. Empty where the term earns no discount.
/// Requires that the demand has a price at these prices.
[[nodiscard]] std::vector<model::TermRate> early_rates(const model::PriceList& prices, const model::Demand& demand,
                                                       Money rate);

/// What an hour costs if it is kept for so long and then left; `rate` where there are no early rates.
[[nodiscard]] Money rate_after(const std::vector<model::TermRate>& early_rates, std::int64_t kept_s, Money rate);

/// The rate that a lease is billed at if it ends for that reason at that time: its own, but for a reserved lease that
/// is left early (completed before its time is over; all other reasons are not the consumer's doing).
[[nodiscard]] Money final_rate(const model::Lease& lease, model::EndReason reason, Time ends_at);

/// What so many delivered seconds cost if it ends so. Never more than was locked for its run, and never less than the
/// same seconds at the lease's own rate.
[[nodiscard]] Money final_cost(const model::Lease& lease, model::EndReason reason, Time ends_at, std::int64_t billed_s);

/// What leaving early costs at some time of the term, beside what the term's own rate would come to.
struct EarlyExit {
  std::uint64_t after_s = 0;
  Money cost;
  Money at_term_rate;

  bool operator==(const EarlyExit&) const = default;
};
/// At 25, 50 and 75 % of the term; empty where leaving early costs no more.
[[nodiscard]] std::vector<EarlyExit> early_exits(const std::vector<model::TermRate>& early_rates,
                                                 std::uint64_t duration_s, Money rate);

}  // namespace hanse::market
