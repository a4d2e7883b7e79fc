#include "base/money.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace hanse {
namespace {

TEST(Money, AddAndSubtractRefuseToLeaveTheRange) {
  EXPECT_EQ(add(kMaxMoney, Money{0}), kMaxMoney);
  EXPECT_EQ(add(kMaxMoney, Money{1}), std::nullopt);
  EXPECT_EQ(add(Money{-1}, Money{5}), std::nullopt);
  EXPECT_EQ(add(Money{INT64_MAX}, Money{INT64_MAX}), std::nullopt);
  EXPECT_EQ(subtract(Money{3}, Money{3}), Money{0});
  EXPECT_EQ(subtract(Money{3}, Money{4}), std::nullopt);
}

TEST(Money, ScaleFloorsAndNeverOverflows) {
  EXPECT_EQ(scale(Money{10}, 2, 3), Money{6});
  EXPECT_EQ(scale(kMaxMoney, 1, 1), kMaxMoney);
  EXPECT_EQ(scale(kMaxMoney, 2, 1), std::nullopt);
  EXPECT_EQ(scale(kMaxMoney, INT64_MAX, INT64_MAX), kMaxMoney);
  EXPECT_EQ(scale(Money{1}, -1, 1), std::nullopt);
  EXPECT_EQ(scale(Money{1}, 1, 0), std::nullopt);
}

TEST(Money, ManySettlementsPayWhatOneWould) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    const Money rate{rng.between(1, 50'000'000)};
    std::int64_t elapsed_s = 0;
    Money paid;
    for (int i = 0; i < 100; ++i) {
      elapsed_s += rng.between(0, 1000);
      const Money due = *accrued(rate, elapsed_s);
      ASSERT_GE(due, paid) << "seed " << seed;
      paid = due;
    }
    EXPECT_EQ(paid, *accrued(rate, elapsed_s)) << "seed " << seed;
    EXPECT_LE(paid.micros * 3600, rate.micros * elapsed_s) << "seed " << seed;
    EXPECT_GT((paid.micros + 1) * 3600, rate.micros * elapsed_s) << "seed " << seed;
  }
}

}  // namespace
}  // namespace hanse
