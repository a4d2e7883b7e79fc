#pragma once

// The providers' side: accounts, machines, prices.

#include "ledger/ledger.hpp"
#include "replay/world.hpp"

namespace hanse::replay {

struct FleetMachine {
  model::AccountId provider;
  std::size_t model = 0;
  std::uint32_t gpus = 0;
  model::PriceRule rule = model::PriceRule::fixed;
  int percent = 50;  ///< Where it stands among the list prices.
  model::OfferId offer;
};

[[nodiscard]] model::AccountId account_of(std::string_view kind, std::uint64_t number);
[[nodiscard]] std::vector<FleetMachine> make_fleet(std::size_t models);
/// Its price list when it begins.
[[nodiscard]] model::PriceList first_prices(const FleetMachine& machine, const Trace& trace, bool spot);
[[nodiscard]] model::PostOffer post_of(const FleetMachine& machine, const Trace& trace, bool spot, std::size_t number);

}  // namespace hanse::replay
