#include "market/price.hpp"

#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_int.hpp>

#include "base/rng.hpp"

namespace hanse::market {
namespace {

using boost::multiprecision::cpp_int;

model::PriceList list_of(std::int64_t micros) {
  model::PriceList prices;
  prices.on_demand_per_gpu_hour = Money{micros};
  return prices;
}

model::Demand demand_of(std::uint32_t gpus, std::uint64_t duration_s, std::uint64_t disk_bytes = 0) {
  model::Demand demand;
  demand.gpu_count = gpus;
  demand.duration_s = duration_s;
  demand.disk_bytes = disk_bytes;
  return demand;
}

model::Demand reserved(model::Demand demand) {
  demand.mode = model::Mode::reserved;
  return demand;
}

TEST(Price, IsThePostedPriceForOneGpu) {
  const auto price = price_of(list_of(1'200'000), demand_of(1, 3600));
  ASSERT_TRUE(price);
  EXPECT_EQ(price->rate_per_hour, Money{1'200'000});
  EXPECT_EQ(price->per_gpu_hour, Money{1'200'000});
}

TEST(Price, TakesTermAndVolumeDiscountsAndAddsStorage) {
  auto prices = list_of(1'000'000);
  prices.storage_per_gib_hour = Money{100};
  prices.term_discounts = {{86'400, 500}, {604'800, 1'000}};
  prices.volume_discounts = {{2, 100}, {8, 2'000}};
  const auto price = price_of(prices, reserved(demand_of(8, 700'000, (10ULL << 30) + 1)));
  ASSERT_TRUE(price);
  EXPECT_EQ(price->term_discount_bps, 1'000U);
  EXPECT_EQ(price->volume_discount_bps, 2'000U);
  EXPECT_EQ(price->rate_per_hour, Money{8'000'000 * 9 / 10 * 8 / 10 + 11 * 100});
  EXPECT_EQ(price->per_gpu_hour, Money{720'138});  // 5,761,100 / 8 = 720,137.5, rounded up
}

TEST(Price, DiscountsHoldFromTheirThresholdOn) {
  auto prices = list_of(1'000'000);
  prices.term_discounts = {{100, 1'000}};
  EXPECT_EQ(price_of(prices, reserved(demand_of(1, 99)))->rate_per_hour, Money{1'000'000});
  EXPECT_EQ(price_of(prices, reserved(demand_of(1, 100)))->rate_per_hour, Money{900'000});
}

TEST(Price, OnDemandEarnsNoTermDiscount) {
  auto prices = list_of(1'000'000);
  prices.term_discounts = {{100, 1'000}};
  prices.volume_discounts = {{2, 500}};
  const auto price = price_of(prices, demand_of(2, 1'000'000));
  EXPECT_EQ(price->term_discount_bps, 0U);
  EXPECT_EQ(price->rate_per_hour, Money{1'900'000});
}

TEST(Price, StorageIsRoundedUpToWholeGib) {
  auto prices = list_of(1);
  prices.storage_per_gib_hour = Money{10};
  EXPECT_EQ(price_of(prices, demand_of(1, 1, 0))->rate_per_hour, Money{1});
  EXPECT_EQ(price_of(prices, demand_of(1, 1, 1))->rate_per_hour, Money{11});
  EXPECT_EQ(price_of(prices, demand_of(1, 1, 1ULL << 30))->rate_per_hour, Money{11});
  EXPECT_EQ(price_of(prices, demand_of(1, 1, (1ULL << 30) + 1))->rate_per_hour, Money{21});
}

TEST(Price, IsNoneWhereMoneyWouldOverflow) {
  EXPECT_FALSE(price_of(list_of(kMaxMoney.micros), demand_of(2, 1)));
  EXPECT_TRUE(price_of(list_of(kMaxMoney.micros), demand_of(1, 1)));
  EXPECT_FALSE(price_of(list_of(kMaxMoney.micros + 1), demand_of(1, 1)));
  EXPECT_FALSE(price_of(list_of(-1), demand_of(1, 1)));
  EXPECT_FALSE(price_of(list_of(1), demand_of(0, 1)));
  auto prices = list_of(1);
  prices.storage_per_gib_hour = kMaxMoney;
  EXPECT_FALSE(price_of(prices, demand_of(1, 1, 2ULL << 30)));
  EXPECT_FALSE(price_of(prices, demand_of(1, 1, UINT64_MAX)));
  EXPECT_FALSE(price_of(prices, demand_of(1, 1, 1)));  // the sum
  prices = list_of(5);
  prices.term_discounts = {{1, 10'001}};
  EXPECT_FALSE(price_of(prices, reserved(demand_of(1, 1))));
}

/// Random of any magnitude up to `most`, so that small and huge are as likely.
std::uint64_t any_size(Rng& rng, std::uint64_t most) {
  return rng.below((most >> rng.below(60)) + 1);
}

TEST(Price, AgreesWithArithmeticOfAnyWidth) {
  int none = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Rng rng(seed);
    auto prices = list_of(static_cast<std::int64_t>(any_size(rng, kMaxMoney.micros)));
    prices.storage_per_gib_hour = Money{static_cast<std::int64_t>(any_size(rng, kMaxMoney.micros))};
    const auto term = static_cast<std::uint32_t>(rng.below(10'001));
    const auto volume = static_cast<std::uint32_t>(rng.below(10'001));
    if (rng.one_in(2)) prices.term_discounts = {{1, term}};
    if (rng.one_in(2)) prices.volume_discounts = {{1, volume}};
    auto demand = demand_of(static_cast<std::uint32_t>(1 + any_size(rng, 63)), 1 + any_size(rng, 1ULL << 40),
                            any_size(rng, 1ULL << 60));
    if (rng.one_in(2)) demand.mode = model::Mode::reserved;
    const bool earns_term = demand.mode == model::Mode::reserved && !prices.term_discounts.empty();

    cpp_int gpus = cpp_int(prices.on_demand_per_gpu_hour.micros) * demand.gpu_count;
    gpus *= 10'000 - (earns_term ? term : 0);
    gpus *= 10'000 - (prices.volume_discounts.empty() ? 0 : volume);
    gpus /= 100'000'000;
    const cpp_int gib = (cpp_int(demand.disk_bytes) + (1ULL << 30) - 1) / (1ULL << 30);
    const cpp_int rate = gpus + gib * prices.storage_per_gib_hour.micros;

    const auto price = price_of(prices, demand);
    ASSERT_EQ(price.has_value(), rate <= kMaxMoney.micros) << "seed " << seed;
    if (!price) {
      ++none;
      continue;
    }
    ASSERT_EQ(rate, price->rate_per_hour.micros) << "seed " << seed;
    ASSERT_EQ((rate + demand.gpu_count - 1) / demand.gpu_count, price->per_gpu_hour.micros) << "seed " << seed;
  }
  EXPECT_GT(none, 100);
}

TEST(Price, LongerAndMoreNeverCostMoreAGpuHour) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    Rng rng(seed);
    auto prices = list_of(rng.between(1, 100'000'000));
    const auto ladder = [&](std::uint64_t step) {
      std::vector<model::Discount> out;
      std::uint64_t from = 0;
      std::uint32_t bps = 0;
      for (auto n = rng.below(5); n > 0; --n) {
        from += 1 + rng.below(step);
        bps = std::min<std::uint32_t>(9'000, bps + static_cast<std::uint32_t>(rng.below(3'000)));
        out.push_back({from, bps});
      }
      return out;
    };
    prices.term_discounts = ladder(100'000);
    prices.volume_discounts = ladder(16);
    const auto gpus = static_cast<std::uint32_t>(rng.between(1, 32));
    const auto duration = static_cast<std::uint64_t>(rng.between(1, 400'000));
    const auto base = *price_of(prices, reserved(demand_of(gpus, duration)));
    const auto longer = *price_of(prices, reserved(demand_of(gpus, duration + rng.below(400'000))));
    ASSERT_LE(longer.rate_per_hour, base.rate_per_hour) << "seed " << seed;
    const auto more =
        *price_of(prices, reserved(demand_of(gpus + static_cast<std::uint32_t>(rng.below(32)), duration)));
    // Each is floored and rounded up once: they may differ by that one micro.
    ASSERT_LE(more.per_gpu_hour.micros, base.per_gpu_hour.micros + 1) << "seed " << seed;
  }
}

TEST(Lock, CoversTheWholeDurationRoundedUpAndNoMoreThanTheCeiling) {
  EXPECT_EQ(lock_for(Money{3600}, 10, Money{}), Money{10});
  EXPECT_EQ(lock_for(Money{1}, 1, Money{}), Money{1});
  EXPECT_EQ(lock_for(Money{1}, 0, Money{}), Money{0});
  EXPECT_EQ(lock_for(Money{3600}, 10, Money{7}), Money{7});
  EXPECT_EQ(lock_for(Money{3600}, 10, Money{11}), Money{10});
  EXPECT_EQ(lock_for(kMaxMoney, 3600, Money{}), kMaxMoney);
  EXPECT_EQ(lock_for(kMaxMoney, 3601, Money{}), std::nullopt);
  EXPECT_EQ(lock_for(kMaxMoney, UINT64_MAX, Money{5}), Money{5});
  EXPECT_EQ(lock_for(Money{-1}, 1, Money{}), std::nullopt);
  EXPECT_EQ(lock_for(Money{1}, 1, Money{-1}), std::nullopt);
}

TEST(Lock, HoldsTheReserveForKeepingItsFilesWithinTheCeiling) {
  EXPECT_EQ(lock_for(Money{3600}, 10, Money{}, Money{5}), Money{15});
  EXPECT_EQ(lock_for(Money{3600}, 10, Money{12}, Money{5}), Money{12});
  EXPECT_EQ(lock_for(Money{3600}, 10, Money{5}, Money{5}), Money{5});
  EXPECT_EQ(lock_for(Money{3600}, 10, Money{4}, Money{5}), std::nullopt);
  EXPECT_EQ(lock_for(kMaxMoney, 3600, Money{}, Money{1}), std::nullopt);
  EXPECT_EQ(lock_for(Money{1}, 1, Money{}, Money{-1}), std::nullopt);
}

TEST(Keep, CostsTheStorageOfWholeGibRoundedUpAndNothingWhereNothingIsKept) {
  auto demand = demand_of(8, 3600, (10ULL << 30) + 1);
  EXPECT_EQ(keep_of(Money{100}, demand), Keep{});
  demand.keep_s = 3600;
  EXPECT_EQ(keep_of(Money{100}, demand), (Keep{Money{1100}, Money{1100}}));
  demand.keep_s = 10;
  EXPECT_EQ(keep_of(Money{100}, demand), (Keep{Money{1100}, Money{4}}));  // 11,000 / 3600 = 3.06
  EXPECT_EQ(keep_of(Money{0}, demand), Keep{});
  demand.disk_bytes = 1ULL << 60;
  demand.keep_s = UINT64_MAX;
  EXPECT_EQ(keep_of(credits(1000), demand), std::nullopt);
  EXPECT_EQ(keep_of(Money{-1}, demand), std::nullopt);
  EXPECT_EQ(keep_at(Money{1100}, 10), (Keep{Money{1100}, Money{4}}));
  EXPECT_EQ(keep_at(Money{1100}, 0), Keep{});
}

TEST(Lock, IsWhatTheLeaseAccruesRoundedUp) {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Rng rng(seed);
    const Money rate{static_cast<std::int64_t>(any_size(rng, kMaxMoney.micros))};
    const auto duration = any_size(rng, 1ULL << 60);
    const cpp_int whole = (cpp_int(rate.micros) * duration + 3599) / 3600;
    const auto lock = lock_for(rate, duration, Money{});
    ASSERT_EQ(lock.has_value(), whole <= kMaxMoney.micros) << "seed " << seed;
    if (!lock) continue;
    ASSERT_EQ(whole, lock->micros) << "seed " << seed;
    const auto paid = accrued(rate, static_cast<std::int64_t>(duration));
    ASSERT_TRUE(paid && *paid <= *lock && lock->micros - paid->micros <= 1) << "seed " << seed;
  }
}

TEST(Reliability, StartsAtNineTenthsGrowsWithSuccessAndFallsWithFailure) {
  model::Provider provider;
  EXPECT_EQ(reliability_millionths(provider), 900'000);
  provider.leases_completed = 90;
  EXPECT_EQ(reliability_millionths(provider), 990'000);
  provider.leases_failed = 100;
  EXPECT_EQ(reliability_millionths(provider), 495'000);
  provider.leases_completed = UINT64_MAX;
  provider.leases_failed = UINT64_MAX;
  EXPECT_EQ(reliability_millionths(provider), 500'000);
}

}  // namespace
}  // namespace hanse::market
