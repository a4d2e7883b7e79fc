#include "market/steering.hpp"

#include <algorithm>

#include "market/check.hpp"

namespace hanse::market {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t kWhole = 10'000;  // basis points
constexpr std::int64_t kDamping = 20;
constexpr std::int64_t kHourMs = 3'600'000;

Money scaled(Money amount, std::int64_t by, std::int64_t of) {
  const Wide micros = static_cast<Wide>(amount.micros) * by / of;
  return Money{static_cast<std::int64_t>(std::clamp<Wide>(micros, 1, kMaxPricePerGpuHour.micros))};
}

/// At least one micro-credit, so that the lowest prices can rise too.
Money moved(Money base, std::int64_t bps) {
  const Money to = scaled(base, kWhole + bps, kWhole);
  return bps > 0 && to == base ? Money{std::min(base.micros + 1, kMaxPricePerGpuHour.micros)} : to;
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
  const auto use = static_cast<std::int64_t>(static_cast<Wide>(capacity.leased) * kWhole / capacity.gpus);
  const std::int64_t most = params.max_step_bps, hourly = params.max_hour_bps;
  const std::int64_t by = std::clamp((use - std::int64_t{params.target_use_bps}) / kDamping, -most, most);
  const Money low =
      std::max(scaled(prices.hour_base, kWhole - hourly, kWhole), scaled(prices.index, kBaseFloorPermille, 1000));
  const Money high = std::min(moved(prices.hour_base, hourly), scaled(prices.index, kBaseCapPermille, 1000));
  const Money step_low = moved(prices.base, -most), step_high = moved(prices.base, most);
  // The index may have left the base price behind: it follows at the pace of any other move.
  const Money wanted = std::min(std::max(moved(prices.base, by), low), high);
  prices.base = std::clamp(wanted, step_low, step_high);
}

Money posted_price(const model::PriceList& prices, Money index, Money base) {
  const Money figure = prices.rule == model::PriceRule::index ? index : base;
  if (prices.rule == model::PriceRule::fixed || figure.micros == 0) return prices.on_demand_per_gpu_hour;
  Money price = std::max(scaled(figure, prices.factor_permille, 1000), prices.floor_per_gpu_hour);
  if (prices.cap_per_gpu_hour.micros != 0) price = std::min(price, prices.cap_per_gpu_hour);
  return price;
}

}  // namespace hanse::market
