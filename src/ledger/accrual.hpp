#pragma once

// What a lease has earned, and when. Pure integer arithmetic over the lease, its provider's heartbeats and a time.
//
// Delivered time is running time less the provider's downtime: the sum of its gaps between heartbeats that were longer
// than the timeout, the one going on included. A gap counts whole once it is longer than the timeout, so what is
// delivered "so far" may fall by up to one timeout; nothing younger than the claim window (at least that long) is ever
// paid out, so nothing ever has to be taken back.

#include "model/account.hpp"
#include "model/lease.hpp"
#include "model/offer.hpp"

namespace hanse::ledger {

/// The silence going on at `at`, if it is longer than the heartbeat timeout; else 0.
[[nodiscard]] std::int64_t silence_ms(const model::Provider& provider, Time at, const model::Params& params);

/// The provider's downtime since the lease started, or since its keeping began, as known at `at`. Requires a started
/// lease.
[[nodiscard]] std::int64_t downtime_ms(const model::Lease& lease, const model::Provider& provider, Time at,
                                       const model::Params& params);

/// Whole seconds delivered up to `at`, at most the lease's duration. Requires a started lease.
[[nodiscard]] std::int64_t delivered_s(const model::Lease& lease, const model::Provider& provider, Time at,
                                       const model::Params& params);

/// What an hour of it can come to cost: its rate, or on spot its bid.
[[nodiscard]] Money most_per_hour(const model::Lease& lease);

/// When a lease that started ends by itself: by ends_at, or by its notice if that is earlier.
[[nodiscard]] Time due_end(const model::Lease& lease);

/// What so many seconds cost, never more than was locked for its run. Of a lease whose rate changed: by the rates that
/// it remembers, floored once over the whole; nothing for seconds before the first of them, which are paid long since.
[[nodiscard]] Money price_of(const model::Lease& lease, std::int64_t seconds);

/// What a lease costs in all if it ends so: by its rates, and for a reserved one left early by what that costs.
[[nodiscard]] Money owed(const model::Lease& lease, model::EndReason reason, Time ends_at, std::int64_t billed_s);

/// What keeping the files of a kept lease has come to by `at`: the time since its run ended, less the provider's
/// downtime, floored once, and never more than its reserve. A gap that began before counts whole.
[[nodiscard]] Money keep_cost(const model::Lease& lease, const model::Provider& provider, Time at,
                              const model::Params& params);

/// What the provider may have received by `now`: what has passed the claim window. What keeping the files cost passes
/// it as one, counted from the end of that. Never falls.
[[nodiscard]] Money releasable(const model::Lease& lease, const model::Provider& provider, Time now,
                               const model::Params& params);

/// From `from_s` delivered seconds on, the lease costs `rate_per_hour`. Forgets what was changed before the second
/// `forget_before_s`: nothing asks for less any more. Were it still too much to remember, the oldest two rates become
/// one, the lower: their part is released a little later, and in whole all the same.
void change_rate(model::Lease& lease, std::int64_t from_s, Money rate_per_hour, std::int64_t forget_before_s);

/// When a lease that started runs out of time or, with the downtime so far, of money.
[[nodiscard]] Time end_of(const model::Lease& lease, std::int64_t downtime_so_far_ms);

/// Would it be money, not time, that ends it at end_of()?
[[nodiscard]] bool is_bounded_by_money(const model::Lease& lease, std::int64_t downtime_so_far_ms);

}  // namespace hanse::ledger
