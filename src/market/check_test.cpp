#include "market/check.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace hanse::market {
namespace {

model::PriceList good_prices() {
  model::PriceList prices;
  prices.on_demand_per_gpu_hour = credits(1);
  prices.storage_per_gib_hour = Money{100};
  prices.min_duration_s = 60;
  prices.max_duration_s = 86'400;
  prices.term_discounts = {{3600, 100}, {7200, 100}, {10'000, 9'000}};
  prices.volume_discounts = {{2, 500}};
  return prices;
}

model::Machine good_machine() {
  model::Machine machine;
  machine.name = "rack 1";
  machine.gpu_model = "H100-SXM";
  machine.gpu_count = 8;
  machine.vram_bytes = 80'000'000'000;
  machine.cpu_threads = 128;
  machine.memory_bytes = 1ULL << 40;
  machine.disk_bytes = 1ULL << 42;
  machine.country = "DE";
  machine.cuda_version = "12.4";
  machine.measured = {{"vram", 80'000'000'000, Time{1}}, {"inet_up", 900, Time{1}}};
  return machine;
}

template <class T>
struct Spoilt {
  std::string_view names;  // the field that the error must name
  std::function<void(T&)> spoil;
};

TEST(CheckPrices, TakesAnHonestListAndTheLeastOne) {
  EXPECT_TRUE(check_prices(good_prices()));
  model::PriceList least;
  least.on_demand_per_gpu_hour = Money{1};
  EXPECT_TRUE(check_prices(least));
}

TEST(CheckPrices, NamesWhatIsWrong) {
  using P = model::PriceList;
  for (const auto& [names, spoil] : std::vector<Spoilt<P>>{
           {"on_demand_per_gpu_hour", [](P& p) { p.on_demand_per_gpu_hour = Money{0}; }},
           {"on_demand_per_gpu_hour", [](P& p) { p.on_demand_per_gpu_hour = Money{-1}; }},
           {"on_demand_per_gpu_hour", [](P& p) { p.on_demand_per_gpu_hour = kMaxMoney; }},
           {"spot_floor_per_gpu_hour", [](P& p) { p.spot_floor_per_gpu_hour = Money{-1}; }},
           {"storage_per_gib_hour", [](P& p) { p.storage_per_gib_hour = Money{INT64_MIN}; }},
           {"storage_per_gib_hour", [](P& p) { p.storage_per_gib_hour = kMaxMoney; }},
           {"min_duration_s", [](P& p) { p.min_duration_s = 86'401; }},
           {"max_duration_s", [](P& p) { p.max_duration_s = UINT64_MAX; }},
           {"term_discounts[0].from", [](P& p) { p.term_discounts[0].from = 0; }},
           {"term_discounts[1].from", [](P& p) { p.term_discounts[1].from = 3600; }},
           {"term_discounts[1].discount_bps", [](P& p) { p.term_discounts[1].discount_bps = 99; }},
           {"term_discounts[2].discount_bps", [](P& p) { p.term_discounts[2].discount_bps = 9'001; }},
           {"term_discounts", [](P& p) { p.term_discounts.resize(9); }},
           {"volume_discounts[0].discount_bps", [](P& p) { p.volume_discounts[0].discount_bps = 0; }},
       }) {
    auto prices = good_prices();
    spoil(prices);
    const auto checked = check_prices(prices);
    ASSERT_FALSE(checked) << names;
    EXPECT_TRUE(checked.error().message.starts_with(names)) << checked.error().message;
  }
}

TEST(CheckMachine, TakesAnHonestMachineAndACpu) {
  EXPECT_TRUE(check_machine(good_machine()));
  auto cpu = good_machine();
  cpu.device_kind = model::DeviceKind::cpu;
  cpu.gpu_model = "CPU";
  cpu.gpu_count = 1;
  cpu.cuda_version = cpu.driver_version = "";
  cpu.measured.clear();
  EXPECT_TRUE(check_machine(cpu));
}

TEST(CheckMachine, NamesWhatIsWrong) {
  using M = model::Machine;
  for (const auto& [names, spoil] : std::vector<Spoilt<M>>{
           {"name", [](M& m) { m.name = ""; }},
           {"name", [](M& m) { m.name = std::string(65, 'a'); }},
           {"name", [](M& m) { m.name = "caf\xc3\xa9"; }},
           {"name", [](M& m) { m.name = "two\nlines"; }},
           {"name", [](M& m) { m.name = " a"; }},
           {"gpu_model", [](M& m) { m.gpu_model = ""; }},
           {"gpu_model", [](M& m) { m.gpu_model = "-_-"; }},
           {"device_kind", [](M& m) { m.device_kind = static_cast<model::DeviceKind>(9); }},
           {"gpu_count", [](M& m) { m.gpu_count = 0; }},
           {"gpu_count", [](M& m) { m.gpu_count = 65; }},
           {"vram_bytes", [](M& m) { m.vram_bytes = (1ULL << 60) + 1; }},
           {"cpu_threads", [](M& m) { m.cpu_threads = 0; }},
           {"memory_bytes", [](M& m) { m.memory_bytes = UINT64_MAX; }},
           {"disk_bytes", [](M& m) { m.disk_bytes = UINT64_MAX; }},
           {"inet_down_mbps", [](M& m) { m.inet_down_mbps = UINT32_MAX; }},
           {"inet_up_mbps", [](M& m) { m.inet_up_mbps = UINT32_MAX; }},
           {"country", [](M& m) { m.country = "de"; }},
           {"country", [](M& m) { m.country = "EU"; }},
           {"country", [](M& m) { m.country = " "; }},
           {"driver_version", [](M& m) { m.driver_version = "a\tb"; }},
           {"cuda_version", [](M& m) { m.cuda_version = "twelve"; }},
           {"measured[1].field", [](M& m) { m.measured[1].field = "price"; }},
           {"measured[1].field", [](M& m) { m.measured[1].field = "vram"; }},
           {"measured[0].value", [](M& m) { m.measured[0].value = -1; }},
           {"measured[0].value", [](M& m) { m.measured[0].value = INT64_MAX; }},
           {"measured[0].measured_at", [](M& m) { m.measured[0].measured_at = Time{0}; }},
           {"measured", [](M& m) { m.measured.resize(33); }},
       }) {
    auto machine = good_machine();
    spoil(machine);
    const auto checked = check_machine(machine);
    ASSERT_FALSE(checked) << names;
    EXPECT_TRUE(checked.error().message.starts_with(names)) << checked.error().message;
  }
}

}  // namespace
}  // namespace hanse::market
