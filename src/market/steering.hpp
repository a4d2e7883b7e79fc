#pragma once

// How the prices of a class move: the index follows what was paid, the base price follows use. Integer arithmetic;
// pure.

#include <vector>

#include "model/account.hpp"
#include "model/offer.hpp"
#include "model/prices.hpp"

namespace hanse::market {

/// What a class has on offer.
struct Capacity {
  std::uint64_t offers = 0;  ///< All of them.
  std::uint64_t gpus = 0;    ///< Of those whose providers can be reached.
  std::uint64_t leased = 0;  ///< Of these GPUs; for steering without those on spot, which leave for who pays the price.

  bool operator==(const Capacity&) const = default;
};

/// The middle one; of an even number the lower of the two. To leave out as many of the dearest as of the cheapest would
/// not change it: half of those who count would have to lie to move it. 0 of none.
[[nodiscard]] Money median(std::vector<Money> prices);

/// Where an idle class's base price goes, and a full one's, of the index: it steers, but cannot leave what is really
/// paid.
inline constexpr std::int64_t kBaseFloorPermille = 500;
inline constexpr std::int64_t kBaseCapPermille = 2000;

/// One step of the base price towards its goal: the index where use is at its target, more above it and less below, in
/// proportion (with 80 % aimed at, 1.5 × the index at 90 %, and 0.75 × at 40 %). So use that stays where it is leads to
/// a price that stays. At most max_step_bps a step and max_hour_bps an hour. It starts at the index, and is 0 while
/// that is. Without GPUs on offer it stays. `now` decides the hour.
void step_base(model::ClassPrices& prices, const Capacity& capacity, Time now, const model::Params& params);

/// What an offer's GPUs cost under its rule: figure × factor, floored to a micro-credit, within floor and cap. While
/// the figure is 0, and without a rule: what it costs already.
[[nodiscard]] Money posted_price(const model::PriceList& prices, Money index, Money base);

}  // namespace hanse::market
