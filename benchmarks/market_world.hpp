#pragma once

// A market of any size with the statistics of real ones: the models, prices and counts that marketplaces list, in the
// countries where they stand. From a seed, always the same.

#include <vector>

#include "base/rng.hpp"
#include "market/book.hpp"

namespace hanse::bench {

struct MarketWorld {
  std::vector<model::Offer> offers;  ///< Offer i has id i + 1.
  std::vector<model::Provider> providers;

  explicit MarketWorld(std::size_t count, std::uint64_t seed = 1);
  [[nodiscard]] const model::Provider& provider_of(const model::Offer& offer) const;
  [[nodiscard]] market::Book book() const;
};

/// A request as consumers write them: six constraints, by demand some models more than others.
model::Demand typical_demand(Rng& rng);

}  // namespace hanse::bench
