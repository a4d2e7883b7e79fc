// A lease whose rate changes, against a sum second by second.

#include "ledger/accrual.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace hanse::ledger {
namespace {

struct Life {
  model::Lease lease;
  std::vector<std::int64_t> numerators{0};  // what the first i seconds cost, in 1/3600 micros

  explicit Life(Money rate) {
    lease.rate_per_hour = rate;
    lease.duration_s = 1'000'000;
    lease.locked = credits(1'000'000);
  }
  void pass(std::int64_t seconds) {
    for (; seconds > 0; --seconds) numerators.push_back(numerators.back() + lease.rate_per_hour.micros);
  }
  /// The last of them turn out to be downtime.
  void lose(std::int64_t seconds) {
    numerators.resize(static_cast<std::size_t>(std::max<std::int64_t>(now() - seconds, 0)) + 1);
  }
  [[nodiscard]] std::int64_t now() const { return static_cast<std::int64_t>(numerators.size()) - 1; }
  void change(Money rate, std::int64_t forget_before_s) { change_rate(lease, now(), rate, forget_before_s); }
};

TEST(Accrual, rates_that_change_cost_what_the_seconds_cost_floored_once) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    Life life(Money{rng.between(0, 5'000'000)});
    constexpr std::int64_t kWindow = 500, kMostLost = 60;
    for (int i = 0; i < 60; ++i) {
      const auto passed = rng.between(0, kMostLost);
      life.pass(passed);
      if (rng.between(0, 3) == 0) {
        life.change(Money{rng.between(0, 5'000'000)}, life.now() - kWindow - kMostLost);
        life.lose(rng.between(0, passed));
      }
      life.change(Money{rng.between(0, 5'000'000)}, life.now() - kWindow - kMostLost);
      ASSERT_LE(life.lease.rates.size(), model::kMaxRateChanges);
      for (std::int64_t s = std::max<std::int64_t>(life.now() - kWindow, 0); s <= life.now(); ++s) {
        ASSERT_EQ(price_of(life.lease, s).micros, life.numerators[static_cast<std::size_t>(s)] / 3600) << s;
      }
    }
  }
}

TEST(Accrual, too_many_rates_release_later_and_never_more_and_end_exactly) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    Life life(Money{rng.between(1, 5'000'000)});
    for (int i = 0; i < 200; ++i) {
      life.pass(rng.between(0, 20));
      life.change(Money{rng.between(1, 5'000'000)}, 0);
      ASSERT_LE(life.lease.rates.size(), model::kMaxRateChanges);
    }
    std::int64_t before = 0;
    for (std::int64_t s = 0; s <= life.now(); ++s) {
      const auto price = price_of(life.lease, s).micros;
      ASSERT_LE(price, life.numerators[static_cast<std::size_t>(s)] / 3600) << s;
      ASSERT_GE(price, before) << s;
      before = price;
    }
    life.pass(100);
    EXPECT_EQ(price_of(life.lease, life.now()).micros, life.numerators.back() / 3600);
  }
}

TEST(Accrual, money_lasts_as_long_as_the_rates_let_it) {
  Life life(Money{3600});  // a micro a second
  life.lease.locked = Money{100};
  life.pass(40);
  life.change(Money{7200}, 0);
  EXPECT_EQ(end_of(life.lease, 0), Time{70'000}) << "40 micros in 40 s, the other 60 in 30 s";
  EXPECT_TRUE(is_bounded_by_money(life.lease, 0));
  EXPECT_EQ(price_of(life.lease, 500), Money{100}) << "never more than was locked";
}

TEST(Accrual, an_equal_rate_is_no_change) {
  Life life(Money{3600});
  life.pass(10);
  life.change(Money{3600}, 0);
  EXPECT_TRUE(life.lease.rates.empty());
}

}  // namespace
}  // namespace hanse::ledger
