#include "market_world.hpp"

#include <array>

namespace hanse::bench {
namespace {

struct Model {
  const char* name;
  std::uint64_t vram_gb;
  std::int64_t cents;  ///< Usual price of a GPU-hour.
  std::uint32_t weight;
};
// Usual prices as marketplaces listed them in autumn 2025; weights are guesses at how common each is.
constexpr std::array<Model, 24> kModels{{
    {"RTX4090", 24, 40, 20},   {"RTX3090", 24, 20, 14},    {"RTX5090", 32, 60, 8},   {"RTX3080", 10, 12, 6},
    {"RTX3070", 8, 9, 5},      {"RTX3060", 12, 8, 6},      {"RTX4080", 16, 25, 4},   {"RTX4070", 12, 15, 4},
    {"A100-SXM", 80, 135, 5},  {"A100-PCIe", 80, 120, 5},  {"A100-40GB", 40, 85, 3}, {"H100-SXM", 80, 220, 6},
    {"H100-PCIe", 80, 199, 4}, {"H200", 141, 300, 3},      {"B200", 180, 450, 2},    {"GH200", 96, 149, 1},
    {"L40S", 48, 87, 4},       {"L40", 48, 70, 2},         {"L4", 24, 44, 3},        {"A40", 48, 40, 3},
    {"A6000", 48, 45, 4},      {"RTX6000-Ada", 48, 75, 3}, {"V100", 16, 20, 3},      {"T4", 16, 15, 4},
}};
constexpr std::array<const char*, 16> kCountries{"US", "US", "US", "US", "CA", "DE", "DE", "FR",
                                                 "NL", "NO", "SE", "PL", "GB", "JP", "SG", "IN"};

model::AccountId account(std::uint64_t n) {
  model::AccountId id;
  for (std::size_t i = 0; i < 8; ++i) id.data[i] = static_cast<std::uint8_t>(n >> (8 * i));
  id.data[31] = 7;
  return id;
}

const Model& random_model(Rng& rng) {
  static const std::uint32_t total = [] {
    std::uint32_t sum = 0;
    for (const auto& m : kModels) sum += m.weight;
    return sum;
  }();
  auto at = rng.below(total);
  for (const auto& m : kModels) {
    if (at < m.weight) return m;
    at -= m.weight;
  }
  return kModels[0];
}

model::Offer random_offer(Rng& rng, std::uint64_t id, std::uint64_t provider) {
  const Model& kind = random_model(rng);
  model::Offer offer;
  offer.id = {id};
  offer.provider = account(provider);
  offer.posted_at = Time{1'700'000'000'000 + static_cast<std::int64_t>(id) * 40};
  auto& m = offer.machine;
  m.name = "m" + std::to_string(id);
  m.gpu_model = kind.name;
  m.gpu_count = 1U << rng.below(4);
  m.vram_bytes = kind.vram_gb * 1'000'000'000;
  m.cpu_threads = static_cast<std::uint32_t>(m.gpu_count * (4 + 4 * rng.below(7)));
  m.memory_bytes = m.gpu_count * (16 + 16 * rng.below(12)) * 1'000'000'000;
  m.disk_bytes = (100 + rng.below(4000)) * 1'000'000'000;
  m.inet_down_mbps = static_cast<std::uint32_t>(50 * (1 + rng.below(rng.one_in(3) ? 200 : 20)));
  m.inet_up_mbps = m.inet_down_mbps / 2;
  m.country = kCountries[rng.below(kCountries.size())];
  m.cuda_version = rng.one_in(3) ? "12.8" : "12.4";
  m.driver_version = rng.one_in(2) ? "550.90" : "570.86";
  if (rng.one_in(2)) m.measured.push_back({"inet_down", static_cast<std::int64_t>(m.inet_down_mbps) * 9 / 10, Time{1}});
  auto& p = offer.prices;
  // Around the usual price, to a tenth of a cent.
  p.on_demand_per_gpu_hour = Money{kind.cents * 10'000 * rng.between(70, 160) / 100 / 1'000 * 1'000};
  p.storage_per_gib_hour = Money{rng.one_in(2) ? 0 : 140};
  p.max_duration_s = rng.one_in(3) ? 0 : 86'400 * (1 + rng.below(30));
  if (rng.one_in(4)) p.term_discounts = {{86'400, 300}, {7 * 86'400, 800}, {30 * 86'400, 1'500}};
  if (rng.one_in(8)) p.volume_discounts = {{4, 200}, {8, 500}};
  const std::uint64_t all = (std::uint64_t{1} << m.gpu_count) - 1;
  if (!rng.one_in(3))
    offer.leased_devices = all;  // demand outruns supply
  else if (rng.one_in(2))
    offer.leased_devices = rng.next() & all;
  return offer;
}

}  // namespace

MarketWorld::MarketWorld(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  for (std::size_t n = 0; n <= count / 20; ++n) {
    model::Provider provider;
    provider.account = account(n);
    provider.name = "provider " + std::to_string(n);
    provider.leases_completed = rng.below(rng.one_in(2) ? 5000 : 100);
    provider.leases_failed = rng.one_in(3) ? provider.leases_completed / (10 + rng.below(200)) : 0;
    providers.push_back(std::move(provider));
  }
  offers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) offers.push_back(random_offer(rng, i + 1, rng.below(providers.size())));
}

const model::Provider& MarketWorld::provider_of(const model::Offer& offer) const {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < 8; ++i) n |= static_cast<std::uint64_t>(offer.provider.data[i]) << (8 * i);
  return providers[n];
}

market::Book MarketWorld::book() const {
  market::Book book;
  for (const auto& offer : offers) book.put(offer, provider_of(offer));
  return book;
}

model::Demand typical_demand(Rng& rng) {
  static constexpr std::array<const char*, 6> kGpus{"[H100,A100]", "[RTX4090]",        "[RTX4090,RTX3090]",
                                                    "[H100,H200]", "[L40S,A6000,A40]", "[RTX5090]"};
  static constexpr std::array<const char*, 3> kPlaces{"[EU]", "[US,CA]", "[EU,NO,GB]"};
  const std::size_t gpu = rng.below(kGpus.size());
  const bool is_large = gpu == 0 || gpu == 3;
  model::Demand demand;
  demand.where = std::string("gpu in ") + kGpus[gpu] + " vram>=" + (is_large ? "80GB" : "24GB") + " reliability>" +
                 (rng.one_in(2) ? "0.99" : "0.95") + " country in " + kPlaces[rng.below(kPlaces.size())] +
                 " inet_down>=" + (rng.one_in(2) ? "200Mbps" : "500Mbps") + " price<=" + (is_large ? "3.50" : "0.90");
  demand.gpu_count = 1U << rng.below(3);
  demand.duration_s = 3600 * (1 + rng.below(48));
  demand.disk_bytes = rng.one_in(2) ? 0 : 50'000'000'000;
  return demand;
}

}  // namespace hanse::bench
