#pragma once

// The best offers for a demand, out of the index. Inside the market.

#include <vector>

#include "market/index.hpp"

namespace hanse::market {

struct Found {
  Rank rank;
  std::uint32_t slot = 0;
  Price price;
};

/// The best `limit` of all that fit, best first.
[[nodiscard]] std::vector<Found> search(const Rows& rows, const Index& index, const Wanted& wanted, std::size_t limit);

}  // namespace hanse::market
