#pragma once

// The prices of classes: what leases paid is remembered, each step moves index and base price, and the offers that
// follow them are repriced in batches. A class is there while it has offers, or leases that ended lately. With
// params.price_step_s 0 nothing of this is.

#include "ledger/context.hpp"

namespace hanse::ledger {

inline constexpr std::uint64_t kHourMs = 3'600'000;
[[nodiscard]] constexpr std::uint64_t hour_of(Time time) {
  return static_cast<std::uint64_t>(time.ms) / kHourMs;
}

/// What the machine's GPUs cost now under that price list: market::posted_price() with the figures of its class.
[[nodiscard]] Money price_now(const Context& context, const model::Machine& machine, const model::PriceList& prices);

/// Call when an offer comes or changes.
void ensure_class(Context& context, const model::Machine& machine);

/// The lease has ended; its offer is still there. Counts if it was rented at a posted price by somebody else than its
/// provider, and ran for params.index_min_lease_s.
void note_trade(Context& context, const model::Lease& lease);

/// The class's timer: its next step, or the next batch of the offers that follow it.
void class_due(Context& context, model::ClassId id);

/// It names a class, and its figures are of one piece.
[[nodiscard]] bool is_whole(const model::ClassPrices& prices);

}  // namespace hanse::ledger
