#pragma once

// How many GPUs each price class has, and how many of them are leased: kept in step offer by offer. Inside the market;
// not thread-safe.

#include <array>
#include <map>
#include <string>
#include <vector>

#include "market/rows.hpp"
#include "market/steering.hpp"
#include "model/price_class.hpp"

namespace hanse::market {

class Capacities {
 public:
  Capacities();

  /// A row that came, or goes: before anything of it is gone.
  void add(const Row& row);
  void remove(const Row& row);
  /// Around a change of what is leased of a row, or of its provider's being reachable.
  void take_out(const Row& row) { count(row, false); }
  void put_back(const Row& row) { count(row, true); }

  [[nodiscard]] Capacity of(const model::PriceClass& price_class) const;

 private:
  static constexpr std::size_t kRegions = model::Names<model::Region>::names.size();
  struct Model {
    std::array<Capacity, kRegions + 1> regions{};  // the last: of no known region
    std::uint64_t offers = 0;
  };
  Capacity& place_of(const Row& row);
  void count(const Row& row, bool add);

  std::array<std::uint8_t, kCountries> region_of_country_{};
  std::map<std::string, Model> models_;  // by folded name
  std::vector<Model*> model_of_number_;  // by the number of the text as given
};

}  // namespace hanse::market
