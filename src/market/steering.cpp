#include "market/steering.hpp"

#include <algorithm>

#include "base/int128.hpp"
#include "market/check.hpp"
#include "market/price.hpp"

namespace hanse::market {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

Money scaled(Money amount, std::int64_t by, std::int64_t of) {
  const Int128 micros = static_cast<Int128>(amount.micros) * by / of;
  return Money{static_cast<std::int64_t>(std::clamp<Int128>(micros, 1, kMaxPricePerGpuHour.micros))};
}

/// At least one micro-credit, so that the lowest prices can rise too.
Money moved(Money base, std::int64_t bps) {
  const Money to = scaled(base, kWholeBps + bps, kWholeBps);
  return bps > 0 && to == base ? Money{std::min(base.micros + 1, kMaxPricePerGpuHour.micros)} : to;
}

/// Of the index: from the floor of an idle class over the index itself at the target to the cap of a full one.
std::int64_t permille_at(std::int64_t use, std::int64_t target) {
  if (use > target) return 1000 + (kBaseCapPermille - 1000) * (use - target) / (kWholeBps - target);
  return target == 0 ? 1000 : kBaseFloorPermille + (1000 - kBaseFloorPermille) * use / target;
}

}  // namespace

Money median(std::vector<Money> prices) {
  if (prices.empty()) return {};
  const auto middle = prices.begin() + static_cast<std::ptrdiff_t>((prices.size() - 1) / 2);
  std::nth_element(prices.begin(), middle, prices.end());
  return *middle;
}

void step_base(model::ClassPrices& prices, const Capacity& capacity, Time now, const model::Params& params) {
  const auto hour = static_cast<std::uint64_t>(now.ms / kHourMs);
  if (prices.base.micros == 0) prices.base = prices.hour_base = prices.index;
  if (prices.hour != hour) {
    prices.hour = hour;
    prices.hour_base = prices.base;
  }
  prices.gpus = capacity.gpus;
  prices.leased = capacity.leased;
  if (prices.base.micros == 0 || capacity.gpus == 0) return;
  const auto use = static_cast<std::int64_t>(static_cast<Int128>(capacity.leased) * kWholeBps / capacity.gpus);
  const Money goal = scaled(prices.index, permille_at(use, params.target_use_bps), 1000);
  const std::int64_t step = params.max_step_bps, hourly = params.max_hour_bps;
  const Money low = std::max(moved(prices.base, -step), scaled(prices.hour_base, kWholeBps - hourly, kWholeBps));
  const Money high = std::min(moved(prices.base, step), moved(prices.hour_base, hourly));
  prices.base = std::min(std::max(goal, low), high);
}

Money posted_price(const model::PriceList& prices, Money index, Money base) {
  const Money figure = prices.rule == model::PriceRule::index ? index : base;
  if (prices.rule == model::PriceRule::fixed || figure.micros == 0) return prices.on_demand_per_gpu_hour;
  Money price = std::max(scaled(figure, prices.factor_permille, 1000), prices.floor_per_gpu_hour);
  if (prices.cap_per_gpu_hour.micros != 0) price = std::min(price, prices.cap_per_gpu_hour);
  return price;
}

}  // namespace hanse::market
