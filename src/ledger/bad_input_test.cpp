// What makes no sense is refused with its reason, and nothing has changed (refused() proves that).

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using ::testing::HasSubstr;

class BadInput : public Rental {
 protected:
  void SetUp() override { list(); }
};

struct BadWhere {
  std::string where;
  ErrorCode code;
  std::string_view said;
};

TEST_F(BadInput, constraints) {
  std::string long_one;
  for (int i = 0; i < 10'000; ++i) long_one += "gpu=H100 ";
  std::string many;
  for (int i = 1; i <= 65; ++i) many += "machine!=m" + std::to_string(i) + " ";
  const BadWhere cases[] = {
      {"vram>80GB vram<40GB", ErrorCode::invalid_argument, "contradicts vram>80GB"},
      {"country=DE country in [US,FR]", ErrorCode::invalid_argument, "contradicts country=DE"},
      {"country in [EU] country in [US,CH]", ErrorCode::invalid_argument, "contradicts country in [EU]"},
      {"price<0", ErrorCode::invalid_argument, "no offer can have price<0"},
      {"interconnect>infiniband", ErrorCode::invalid_argument, "no offer can have interconnect>infiniband"},
      {"vrm>=80GB", ErrorCode::malformed, "did you mean \"vram\""},
      {"interconect=nvlink", ErrorCode::malformed, "did you mean \"interconnect\""},
      {"interconnect>=nvswitch", ErrorCode::malformed, "write none, pcie, nvlink or infiniband"},
      {"vram>=80", ErrorCode::malformed, "80GB"},
      {"vram>=80Mbps", ErrorCode::malformed, "is not a size"},
      {"inet_down>=500GB", ErrorCode::malformed, "is not a speed"},
      {"duration>=3", ErrorCode::malformed, "unit"},
      {"reliability>1.5", ErrorCode::malformed, "from 0 to 1"},
      {"gpus>=9999999", ErrorCode::too_large, "counts go up to"},
      {many, ErrorCode::too_large, "at most"},
  };
  for (const auto& [where, code, said] : cases) {
    EXPECT_THAT(net.refused(kConsumer, request_for(1, 3600, where), code), HasSubstr(said)) << where;
  }
  // Too long even to be decoded: it comes to nothing and costs nothing.
  EXPECT_EQ(net.act(kConsumer, {request_for(1, 3600, long_one)}).code, ErrorCode::too_large);
}

TEST_F(BadInput, demands) {
  auto request = request_for(65, 3600);
  net.refused(kConsumer, request, ErrorCode::invalid_argument);
  request = request_for(0, 3600);
  net.refused(kConsumer, request, ErrorCode::invalid_argument);
  request = request_for(1, 0);
  net.refused(kConsumer, request, ErrorCode::invalid_argument);
  request = request_for(1, 3600);
  request.demand.machines = model::kMaxMachines + 1;
  net.refused(kConsumer, request, ErrorCode::invalid_argument);
  request.demand.machines = model::kMaxMachines;
  EXPECT_THAT(net.refused(kConsumer, request, ErrorCode::no_match), HasSubstr("64 machines are wanted, and 1 fits"));
  request = request_for(1, 3600);
  request.demand.max_cost = Money{-1};
  net.refused(kConsumer, request, ErrorCode::invalid_argument);
}

TEST_F(BadInput, offers) {
  const auto refuse = [&](auto&& spoil, std::string_view said) {
    auto post = offer_of(4, credits(2), "another");
    spoil(post);
    const auto message = net.refused(kProvider, post, ErrorCode::invalid_argument);
    EXPECT_THAT(message, HasSubstr(said));
  };
  using Post = model::PostOffer;
  refuse([](Post& p) { p.prices.term_discounts = {{86'400, 1000}, {604'800, 500}}; },
         "must not be below the one before");
  refuse([](Post& p) { p.prices.volume_discounts = {{2, 1000}, {4, 500}}; }, "must not be below the one before");
  refuse([](Post& p) { p.prices.term_discounts = {{86'400, 500}, {86'400, 1000}}; }, "must be above the one before");
  refuse([](Post& p) { p.prices.volume_discounts = {{4, 500}, {2, 1000}}; }, "must be above the one before");
  refuse([](Post& p) { p.prices.term_discounts = {{86'400, 9'001}}; }, "discount_bps");
  refuse([](Post& p) { p.prices.on_demand_per_gpu_hour = Money{0}; }, "on_demand_per_gpu_hour");
  refuse([](Post& p) { p.prices.min_duration_s = 7200, p.prices.max_duration_s = 3600; }, "no lease would fit");
  refuse([](Post& p) { p.machine.gpu_count = 65; }, "gpu_count is 65: it takes 1 to 64");
  refuse([](Post& p) { p.machine.gpu_count = 0; }, "gpu_count");
  refuse([](Post& p) { p.machine.country = "EU"; }, "country");
  refuse([](Post& p) { p.machine.measured = {{"interconnect", 4, kBegin}}; }, "takes 0 (none) to 3");
  // The same for a change of prices.
  auto prices = offer_of(4, credits(2)).prices;
  prices.volume_discounts = {{2, 1000}, {4, 500}};
  net.refused(kProvider, model::UpdateOffer{{1}, prices, {}}, ErrorCode::invalid_argument);
}

TEST_F(BadInput, nobody_gets_more_devices_than_the_machine_has) {
  net.refused(kConsumer, request_for(5, 3600), ErrorCode::no_match);
  const auto first = match(3);
  EXPECT_THAT(net.refused(kOther, request_for(2, 3600), ErrorCode::no_match), HasSubstr("at most 1"));
  const auto second = match(1);
  EXPECT_EQ(lease(first).devices | lease(second).devices, 0b1111U);
  EXPECT_EQ(lease(first).devices & lease(second).devices, 0U);
}

}  // namespace
}  // namespace hanse::ledger
