// Leaving a reserved lease early, against the plain reading: the used time at the price that it would have had.

#include "market/reserved.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"
#include "market/price.hpp"
#include "market/testing.hpp"

namespace hanse::market {
namespace {

constexpr std::uint64_t kDay = 86400;

model::PriceList list_with(std::vector<model::Discount> terms) {
  model::PriceList prices;
  prices.on_demand_per_gpu_hour = credits(1);
  prices.term_discounts = std::move(terms);
  return prices;
}
model::Demand term_of(std::uint64_t duration_s) {
  model::Demand demand;
  demand.duration_s = duration_s;
  demand.mode = model::Mode::reserved;
  return demand;
}

TEST(Reserved, HasAStepForEachDiscountThatTheTermReaches) {
  const auto prices = list_with({{kDay, 1000}, {7 * kDay, 2000}, {30 * kDay, 3000}});
  const auto steps = early_rates(prices, term_of(7 * kDay), Money{800'000});
  const std::vector<model::TermRate> expected{
      {0, Money{1'000'000}}, {kDay, Money{900'000}}, {7 * kDay, Money{800'000}}};
  EXPECT_EQ(steps, expected);
  EXPECT_EQ(rate_after(steps, 0, Money{800'000}), Money{1'000'000});
  EXPECT_EQ(rate_after(steps, kDay - 1, Money{800'000}), Money{1'000'000});
  EXPECT_EQ(rate_after(steps, kDay, Money{800'000}), Money{900'000});
  EXPECT_EQ(rate_after(steps, 40 * kDay, Money{800'000}), Money{800'000});
}

TEST(Reserved, HasNoStepsWithoutADiscount) {
  EXPECT_TRUE(early_rates(list_with({}), term_of(kDay), credits(1)).empty());
  EXPECT_TRUE(early_rates(list_with({{kDay, 1000}}), term_of(kDay - 1), credits(1)).empty());
  EXPECT_TRUE(early_exits({}, kDay, credits(1)).empty());
}

TEST(Reserved, SaysWhatLeavingEarlyCostsAndNeverMoreThanTheTerm) {
  const auto prices = list_with({{10 * kDay, 5000}});
  const auto steps = early_rates(prices, term_of(10 * kDay), Money{500'000});
  const auto exits = early_exits(steps, 10 * kDay, Money{500'000});
  ASSERT_EQ(exits.size(), 3U);
  EXPECT_EQ(exits[0], (EarlyExit{10 * kDay / 4, credits(60), credits(30)}));
  EXPECT_EQ(exits[1], (EarlyExit{5 * kDay, credits(120), credits(60)}));
  EXPECT_EQ(exits[2], (EarlyExit{10 * kDay * 3 / 4, credits(120), credits(90)})) << "what was prepaid, not 180";
}

TEST(Reserved, CostsWhatTheUsedTimeWouldHaveCostAtRandomPricesAndTimes) {
  Rng rng(11);
  for (int i = 0; i < 20'000; ++i) {
    auto offer = testing::random_offer(rng, 1);
    auto& terms = offer.prices.term_discounts;
    terms.clear();
    std::uint64_t from = 0;
    std::uint32_t bps = 0;
    for (auto n = rng.below(9); n > 0; --n)
      terms.push_back({from += 1 + rng.below(5000), bps += static_cast<std::uint32_t>(rng.below(900))});
    auto demand = testing::random_demand(rng);
    demand.mode = model::Mode::reserved;
    const auto price = price_of(offer.prices, demand);
    ASSERT_TRUE(price);
    model::Lease lease;
    lease.started_at = Time{1000};
    lease.duration_s = demand.duration_s;
    lease.rate_per_hour = price->rate_per_hour;
    lease.keep_reserve = Money{rng.between(0, 100)};
    lease.locked = *lock_for(lease.rate_per_hour, lease.duration_s, Money{}, lease.keep_reserve);
    lease.early_rates = early_rates(offer.prices, demand, lease.rate_per_hour);
    ASSERT_LE(lease.early_rates.size(), model::kMaxTermRates);
    const auto used = rng.below(demand.duration_s + 1);
    auto used_demand = demand;
    used_demand.duration_s = used;
    const auto rate = price_of(offer.prices, used_demand)->rate_per_hour;
    const auto seconds = static_cast<std::int64_t>(used);
    const auto cost = final_cost(lease, model::EndReason::completed, after_s(lease.started_at, seconds), seconds);
    ASSERT_EQ(cost, std::min(*accrued(rate, seconds), run_lock(lease))) << i;
    const auto fair = accrued(lease.rate_per_hour, seconds);
    ASSERT_GE(cost, *fair);
    for (const auto reason : {model::EndReason::provider_failed, model::EndReason::never_started,
                              model::EndReason::preempted, model::EndReason::cancelled}) {
      ASSERT_EQ(final_cost(lease, reason, after_s(lease.started_at, seconds), seconds), *fair);
    }
  }
}

}  // namespace
}  // namespace hanse::market
