#include "cli/bill.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/rng.hpp"
#include "cli/plan.hpp"

namespace hanse::cli {
namespace {

/// A lease as the ledger would have it after `billed_s` seconds, of which `released` is paid out.
LeaseView lease_after(std::int64_t billed_s, Money rate, Money locked, Money released, bool ended) {
  LeaseView view;
  view.lease.id.value = 7;
  view.lease.rate_per_hour = rate;
  view.lease.locked = locked;
  view.lease.released = released;
  view.lease.state = ended ? model::LeaseState::ended : model::LeaseState::running;
  view.billed_s = billed_s;
  view.accrued = std::min(*accrued(rate, billed_s), locked);
  view.pending = *subtract(view.accrued, released);
  if (ended) view.lease.refunded = *subtract(locked, view.accrued);
  return view;
}

TEST(Bill, OfALeaseThatRanAddsUpAtEveryMoment) {
  const std::uint64_t seed = 20261122;
  Rng rng(seed);
  for (int i = 0; i < 2000; ++i) {
    const Money rate{rng.between(0, 50'000'000)};
    const auto duration = rng.between(1, 90 * 86400);
    const Money locked{accrued(rate, duration)->micros + 1};
    const auto used = rng.between(0, duration);
    const Money released{rng.between(0, accrued(rate, used)->micros)};
    const auto bill = make_bill(lease_after(used, rate, locked, released, rng.one_in(2)));
    EXPECT_TRUE(bill.adds_up()) << "seed " << seed << ", round " << i << ": " << bill_json(bill).dump();
  }
}

TEST(Bill, SaysSoWhenItDoesNotAddUp) {
  auto view = lease_after(3600, Money{1'000'000}, Money{2'000'000}, Money{}, true);
  view.lease.refunded.micros -= 1;
  view.pending.micros -= 1;
  const auto bill = make_bill(view);
  EXPECT_FALSE(bill.adds_up());
  EXPECT_NE(bill_text(bill, view, false).find("DOES NOT ADD UP"), std::string::npos);
}

TEST(Bill, OfAnHourIsTheRate) {
  const auto bill = make_bill(lease_after(3600, Money{1'200'000}, Money{2'400'000}, Money{}, true));
  EXPECT_EQ(bill.amount.micros, 1'200'000);
  EXPECT_EQ(bill.refunded.micros, 1'200'000);
  EXPECT_EQ(bill.unspent.micros, 0);
}

TEST(Bill, OfALeaseThatMaxCostEndedIsItsWholeLock) {
  const auto bill = make_bill(lease_after(3600, Money{1'200'000}, Money{1'000'000}, Money{}, true));
  EXPECT_EQ(bill.amount.micros, 1'000'000);
  EXPECT_TRUE(bill.adds_up());
}

TEST(Bill, OfALeaseThatNeverRanIsNothing) {
  auto view = lease_after(0, Money{1'200'000}, Money{1'000'000}, Money{}, true);
  const auto bill = make_bill(view);
  EXPECT_EQ(bill.amount.micros, 0);
  EXPECT_EQ(bill.refunded, bill.locked);
  EXPECT_TRUE(bill.adds_up());
}

TEST(Plan, ShowsAllThatOneAgreesTo) {
  Plan plan;
  plan.offer.offer.id.value = 3;
  plan.offer.offer.machine.gpu_model = "RTX4090";
  plan.offer.offer.machine.country = "DE";
  plan.offer.provider_name = "halle";
  plan.what = "job render (localhost/hanse-render)";
  plan.demand.gpu_count = 2;
  plan.demand.duration_s = 5400;
  plan.price.rate_per_hour = Money{2'400'000};
  plan.price.per_gpu_hour = Money{1'200'000};
  plan.most = Money{3'600'000};
  plan.balance = credits(10);
  const auto text = plan_text(plan, false);
  for (const std::string_view part : {"render", "offer-3", "halle", "DE", "2 × RTX4090", "2.40/h", "1.20/h", "1h30m",
                                      "3.60", "10.00 now", "6.40 while"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Plan, SaysWhenTheBalanceIsTooLittle) {
  Plan plan;
  plan.most = credits(5);
  plan.balance = credits(4);
  EXPECT_NE(plan_text(plan, false).find("too little"), std::string::npos);
}

}  // namespace
}  // namespace hanse::cli
