#pragma once

// What a node says of prices, as records. Blocking, as NodeApi is.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/node_api.hpp"
#include "model/prices.hpp"

namespace hanse::cli {

struct PriceHistory {
  struct Depth {
    Money price;             ///< Of a GPU-hour, as posted ...
    std::uint64_t gpus = 0;  ///< ... for so many free ones.
  };
  model::ClassPrices prices;
  std::vector<model::PricePoint> points;  ///< Oldest first; hours may be missing.
  std::vector<Depth> depth;               ///< Cheapest first.
  nlohmann::json raw;
};

/// Of classes whose GPU begins so; all with "".
Result<std::vector<model::ClassPrices>> list_prices(NodeApi& api, const std::string& gpu);
Result<PriceHistory> price_history(NodeApi& api, const std::string& price_class, std::uint64_t hours);

}  // namespace hanse::cli
