#include "market/steering.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace hanse::market {
namespace {

constexpr std::int64_t kStepMs = 600'000;

model::ClassPrices priced(std::int64_t micros) {
  model::ClassPrices prices;
  prices.index = Money{micros};
  return prices;
}

TEST(Median, IsTheMiddleOfTheSortedPrices) {
  Rng rng(3);
  EXPECT_EQ(median({}), Money{});
  for (int i = 0; i < 300; ++i) {
    std::vector<Money> prices(1 + rng.below(600));
    for (auto& price : prices) price = Money{static_cast<std::int64_t>(rng.below(1000))};
    auto sorted = prices;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(median(prices), sorted[(sorted.size() - 1) / 2]);
  }
}

TEST(BasePrice, StartsAtTheIndexAndNotBefore) {
  model::ClassPrices prices;
  step_base(prices, {1, 10, 10}, Time{1}, {});
  EXPECT_EQ(prices.base, Money{});
  prices.index = Money{2'000'000};
  step_base(prices, {1, 10, 8}, Time{1}, {});
  EXPECT_EQ(prices.base, Money{2'000'000}) << "80 % is aimed at";
}

TEST(BasePrice, RisesWithUseAndFallsWithoutAndStaysWithNothingOnOffer) {
  for (const auto& [leased, sign] : {std::pair{100U, 1}, {90U, 1}, {80U, 0}, {70U, -1}, {0U, -1}}) {
    auto prices = priced(1'000'000);
    step_base(prices, {1, 100, leased}, Time{1}, {});
    EXPECT_EQ((prices.base.micros > 1'000'000) - (prices.base.micros < 1'000'000), sign) << leased;
  }
  auto prices = priced(1'000'000);
  step_base(prices, {}, Time{1}, {});
  EXPECT_EQ(prices.base, Money{1'000'000});
}

TEST(BasePrice, NeverMovesMoreThanAStepAndAnHourAllowAndNeverLeavesTheIndexFar) {
  const model::Params params;
  Rng rng(11);
  for (int world = 0; world < 40; ++world) {
    auto prices = priced(static_cast<std::int64_t>(1 + rng.below(3'000'000)));
    Time now{1'800'000'000'000};
    step_base(prices, {}, now, params);
    std::vector<std::int64_t> of_hour{prices.base.micros};
    std::int64_t hour = now.ms / 3'600'000;
    for (int i = 0; i < 400; ++i, now.ms += kStepMs) {
      if (rng.below(50) == 0) prices.index = Money{static_cast<std::int64_t>(1 + rng.below(3'000'000))};
      const std::int64_t before = prices.base.micros;
      const std::uint64_t gpus = rng.below(100);
      step_base(prices, {1, gpus, gpus == 0 ? 0 : rng.below(gpus + 1)}, now, params);
      const std::int64_t after = prices.base.micros;
      ASSERT_GE(after, 1);
      ASSERT_LE(std::abs(after - before), before / 100 + 1);
      if (now.ms / 3'600'000 != hour) {
        hour = now.ms / 3'600'000;
        of_hour = {before};
      }
      of_hour.push_back(after);
      const auto [low, high] = std::minmax_element(of_hour.begin(), of_hour.end());
      if (prices.index.micros / 2 <= *low && prices.index.micros * 2 >= *high) {
        ASSERT_LE(std::abs(after - of_hour.front()), of_hour.front() / 20 + 1);
      }
    }
  }
}

TEST(BasePrice, FullClassesReachTwiceTheIndexAndIdleOnesHalf) {
  for (const std::uint64_t leased : {0U, 100U}) {
    auto prices = priced(1'000'000);
    for (Time now{1}; now.ms < 30LL * 24 * 3'600'000; now.ms += kStepMs) step_base(prices, {1, 100, leased}, now, {});
    EXPECT_EQ(prices.base, Money{leased == 0 ? 500'000 : 2'000'000});
  }
}

TEST(BasePrice, SettlesWhereUseDoesWhereverItComesFrom) {
  for (const auto& [leased, micros] : {std::pair{90U, 1'500'000}, {80U, 1'000'000}, {85U, 1'250'000}, {40U, 750'000}}) {
    for (const std::int64_t from : {500'000, 1'000'000, 2'000'000}) {
      auto prices = priced(1'000'000);
      prices.base = prices.hour_base = Money{from};
      for (Time now{1}; now.ms < 5LL * 24 * 3'600'000; now.ms += kStepMs) step_base(prices, {1, 100, leased}, now, {});
      EXPECT_EQ(prices.base, Money{micros}) << leased << " from " << from;
    }
  }
  for (const std::uint32_t target : {0U, 10'000U}) {
    model::Params params;
    params.target_use_bps = target;
    for (const std::uint64_t leased : {0U, 50U, 100U}) {
      auto prices = priced(1'000'000);
      for (Time now{1}; now.ms < 5LL * 24 * 3'600'000; now.ms += kStepMs)
        step_base(prices, {1, 100, leased}, now, params);
      const std::int64_t expected = target == 0 ? 1'000'000 + 10'000 * static_cast<std::int64_t>(leased)
                                                : 500'000 + 5'000 * static_cast<std::int64_t>(leased);
      EXPECT_EQ(prices.base, Money{expected}) << target << " " << leased;
    }
  }
}

TEST(PostedPrice, FollowsItsFigureWithinFloorAndCap) {
  model::PriceList prices;
  prices.on_demand_per_gpu_hour = Money{777};
  EXPECT_EQ(posted_price(prices, Money{1000}, Money{2000}), Money{777}) << "no rule";
  prices.rule = model::PriceRule::index;
  prices.factor_permille = 950;
  EXPECT_EQ(posted_price(prices, Money{}, Money{2000}), Money{777}) << "no index yet";
  EXPECT_EQ(posted_price(prices, Money{1000}, Money{2000}), Money{950});
  prices.rule = model::PriceRule::base;
  EXPECT_EQ(posted_price(prices, Money{1000}, Money{2000}), Money{1900});
  prices.cap_per_gpu_hour = Money{1500};
  EXPECT_EQ(posted_price(prices, Money{1000}, Money{2000}), Money{1500});
  prices.cap_per_gpu_hour = Money{};
  prices.floor_per_gpu_hour = Money{1950};
  EXPECT_EQ(posted_price(prices, Money{1000}, Money{2000}), Money{1950});
  prices.factor_permille = 1;
  prices.floor_per_gpu_hour = Money{};
  EXPECT_EQ(posted_price(prices, Money{1}, Money{1}), Money{1}) << "nothing is for nothing";
}

}  // namespace
}  // namespace hanse::market
