#include "replay/trace.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::replay {

Money ListPrice::at_percent(int percent) const {
  std::size_t above = 0;
  while (above < kQuantiles && kQuantilePercent[above] < percent) ++above;
  if (above == 0) return quantiles.front();
  if (above == kQuantiles) return quantiles.back();
  const auto low = quantiles[above - 1].micros, high = quantiles[above].micros;
  const int from = kQuantilePercent[above - 1], to = kQuantilePercent[above];
  return Money{low + (high - low) * (percent - from) / (to - from)};
}

const ListPrice& Model::price_at(std::int64_t at_s) const {
  HANSE_CHECK(!prices.empty() && at_s >= 0);
  const auto after = std::upper_bound(prices.begin(), prices.end(), at_s % kPeriodS,
                                      [](std::int64_t at, const ListPrice& price) { return at < price.at_s; });
  return after == prices.begin() ? prices.front() : *std::prev(after);
}

}  // namespace hanse::replay
