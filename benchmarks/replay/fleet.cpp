#include "replay/fleet.hpp"

#include "base/check.hpp"
#include "crypto/hash.hpp"
#include "model/price_rule.hpp"
#include "model/text.hpp"

namespace hanse::replay {

model::AccountId account_of(std::string_view kind, std::uint64_t number) {
  // No signatures here, so that any bytes serve as an account.
  return model::AccountId(crypto::hash(kind, as_bytes(std::to_string(number))));
}

std::vector<FleetMachine> make_fleet(std::size_t models) {
  std::vector<FleetMachine> out;
  std::uint64_t provider = 0;
  for (std::size_t model = 0; model < models; ++model) {
    std::uint32_t number = 0;
    for (const auto& [gpus, count] : kMachines) {
      for (std::uint32_t i = 0; i < count; ++i, ++number) {
        if (number % kMachinesPerProvider == 0) ++provider;
        FleetMachine machine{account_of("provider", provider), model, gpus, model::PriceRule::fixed, 0, {}};
        // Kinds and places spread over sizes alike: multiples of numbers prime to 100 and 80.
        const int kind = static_cast<int>(number * 37 % 100);
        if (kind >= kFixedPercent) machine.rule = model::PriceRule::index;
        if (kind >= kFixedPercent + kIndexPercent) machine.rule = model::PriceRule::base;
        machine.percent = 10 + static_cast<int>(number * 29 % 81);
        out.push_back(machine);
      }
    }
  }
  return out;
}

model::PriceList first_prices(const FleetMachine& machine, const Trace& trace, bool spot) {
  const Money price = trace.models[machine.model].price_at(0).at_percent(machine.percent);
  const Money floor{price.micros / 2};
  model::PriceList out;
  std::string text = model::format_money(price);
  if (machine.rule == model::PriceRule::index) text = "index*0.98 from " + text;
  if (machine.rule == model::PriceRule::base) text = "auto from " + text;
  if (machine.rule != model::PriceRule::fixed) text += " floor " + model::format_money(floor);
  HANSE_CHECK(model::set_price(out, text).has_value());
  if (spot) out.spot_floor_per_gpu_hour = Money{price.micros * kSpotFloorPercent / 100};
  return out;
}

model::PostOffer post_of(const FleetMachine& machine, const Trace& trace, bool spot, std::size_t number) {
  model::PostOffer post;
  post.machine.name = "machine-" + std::to_string(number);
  post.machine.gpu_model = trace.models[machine.model].name;
  post.machine.gpu_count = machine.gpus;
  post.machine.vram_bytes = trace.models[machine.model].vram_bytes;
  post.machine.cpu_threads = 16 * machine.gpus;
  post.machine.memory_bytes = std::uint64_t{128'000'000'000} * machine.gpus;
  post.machine.disk_bytes = std::uint64_t{1'000'000'000'000} * machine.gpus;
  post.machine.inet_down_mbps = post.machine.inet_up_mbps = 10'000;
  post.machine.country = "DE";
  post.prices = first_prices(machine, trace, spot);
  return post;
}

}  // namespace hanse::replay
