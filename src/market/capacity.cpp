#include "market/capacity.hpp"

#include "base/check.hpp"

namespace hanse::market {

Capacities::Capacities() {
  for (std::size_t country = 0; country < kCountries; ++country) {
    const auto region = model::region_of(country_code(static_cast<std::uint16_t>(country)));
    region_of_country_[country] = region ? static_cast<std::uint8_t>(*region) : kRegions;
  }
}

void Capacities::add(const Row& row) {
  Model& model = models_[row.rows().models.folded(row.model())];
  if (row.model() >= model_of_number_.size()) model_of_number_.resize(row.model() + 1);
  model_of_number_[row.model()] = &model;
  ++model.offers;
  ++place_of(row).offers;
  put_back(row);
}

void Capacities::remove(const Row& row) {
  take_out(row);
  --place_of(row).offers;
  if (--model_of_number_[row.model()]->offers == 0) models_.erase(row.rows().models.folded(row.model()));
}

Capacity& Capacities::place_of(const Row& row) {
  return model_of_number_[row.model()]->regions[region_of_country_[row.country()]];
}

void Capacities::count(const Row& row, bool add) {
  if (!row.reachable()) return;
  auto& capacity = place_of(row);
  const std::uint64_t gpus = row.gpu_count(), leased = gpus - row.free_count();
  HANSE_CHECK(add || (capacity.gpus >= gpus && capacity.leased >= leased));
  capacity.gpus += add ? gpus : -gpus;
  capacity.leased += add ? leased : -leased;
}

Capacity Capacities::of(const model::PriceClass& price_class) const {
  const auto found = models_.find(price_class.gpu);
  return found == models_.end() ? Capacity{} : found->second.regions[static_cast<std::size_t>(price_class.region)];
}

}  // namespace hanse::market
