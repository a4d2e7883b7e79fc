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

TEST(Bill, OfASpotLeaseGoesByWhatEachAuctionClearedAt) {
  auto view = lease_after(1000, Money{720'000}, Money{1'000'000}, Money{}, true);
  auto& lease = view.lease;
  lease.mode = model::Mode::spot;
  lease.gpu_count = 2;
  lease.bid_per_gpu_hour = Money{500'000};
  lease.rates = {{0, Money{360'000}, Money{}, 0}, {400, Money{720'000}, Money{40'000}, 0}};
  view.accrued = Money{160'000};  // 400 s × 0.36 and 600 s × 0.72
  lease.refunded = Money{840'000};
  view.pending = view.accrued;
  const auto bill = make_bill(view);
  EXPECT_EQ(bill.amount, view.accrued);
  EXPECT_TRUE(bill.adds_up());
  const auto text = bill_text(bill, view, false);
  for (const auto* said : {"bid 0.50, cleared at 0.36 per GPU-hour", "1000 s, at the prices of its auctions",
                           "seconds 0 to 400: cleared at 0.36/h", "seconds 400 to 1000: cleared at 0.72/h"}) {
    EXPECT_NE(text.find(said), std::string::npos) << text;
  }
}

/// The same, once its files are kept, or were for so long.
LeaseView kept_after(LeaseView view, std::int64_t kept_s, Money keep_rate, bool ended) {
  auto& lease = view.lease;
  lease.keep_s = 7 * 86'400;
  lease.keep_rate_per_hour = keep_rate;
  const Money whole = market::keep_at(keep_rate, lease.keep_s)->reserve;
  lease.locked.micros += whole.micros;
  lease.state = ended ? model::LeaseState::ended : model::LeaseState::kept;
  lease.end_reason = model::EndReason::completed;
  lease.ends_at = Time{1'800'000'000'000};
  lease.kept_until = after_s(lease.ends_at, ended ? kept_s : lease.keep_s);
  if (ended) lease.keep_end = model::EndReason::completed;
  view.keeping = *accrued(keep_rate, kept_s);
  lease.keep_reserve = ended ? view.keeping : whole;
  lease.refunded = {lease.locked.micros - view.accrued.micros - lease.keep_reserve.micros};
  view.accrued.micros += view.keeping.micros;
  view.pending.micros += view.keeping.micros;
  return view;
}

TEST(Bill, OfALeaseWhoseFilesWereKeptAddsUpAtEveryMoment) {
  const std::uint64_t seed = 20261128;
  Rng rng(seed);
  for (int i = 0; i < 2000; ++i) {
    const Money rate{rng.between(0, 50'000'000)};
    const auto used = rng.between(0, 90 * 86400);
    const Money released{rng.between(0, accrued(rate, used)->micros)};
    const bool ended = rng.one_in(2);
    const auto ran = lease_after(used, rate, Money{accrued(rate, used)->micros + 5}, released, true);
    const auto view = kept_after(ran, rng.between(0, 7 * 86'400), Money{rng.between(0, 1'000'000)}, ended);
    const auto bill = make_bill(view);
    EXPECT_TRUE(bill.adds_up()) << "seed " << seed << ", round " << i << ": " << bill_json(bill).dump();
    EXPECT_EQ(bill.unspent.micros, ended ? 0 : view.lease.keep_reserve.micros - view.keeping.micros);
  }
}

TEST(Bill, OfKeptFilesSaysWhatTheyCostAndForHowLong) {
  const auto ran = lease_after(3600, Money{1'200'000}, Money{2'400'000}, Money{}, true);
  const auto kept = kept_after(ran, 600, Money{36'000}, false);
  const auto text = bill_text(make_bill(kept), kept, false);
  for (const auto* said :
       {"kept until 2027-01-22T08:00:00Z", "0.006", "its files, 0.036/h for up to 7d", "unspent", "adds up"}) {
    EXPECT_NE(text.find(said), std::string::npos) << said << "\n" << text;
  }
  auto ended = kept_after(ran, 600, Money{36'000}, true);
  EXPECT_NE(bill_text(make_bill(ended), ended, false).find("its files, 0.036/h for 10m"), std::string::npos);
  EXPECT_EQ(bill_line(make_bill(ended)),
            "lease-7: 3600 s × 1.20/h = 1.20; 0.006 for keeping its files; 7.242 came back");
  ended.keeping.micros += 1;  // more than so many seconds can cost
  ended.accrued.micros += 1;
  ended.pending.micros += 1;
  EXPECT_FALSE(make_bill(ended).adds_up());
  auto lost = kept_after(ran, 0, Money{36'000}, true);
  lost.lease.keep_end = model::EndReason::provider_failed;
  EXPECT_NE(bill_text(make_bill(lost), lost, false).find("its files were lost: that costs nothing"), std::string::npos);
}

TEST(Bill, OfAReservedTermLeftLateIsNeverMoreThanWasPrepaidForRunning) {
  auto view = lease_after(68'400, Money{900'000}, Money{18'000'000}, Money{}, true);  // 19 hours of 20, at 1.00 alone
  view.accrued = view.pending = Money{18'000'000};
  view.lease.started_at = Time{1'800'000'000'000 - 68'400'000};
  view.lease.duration_s = 72'000;
  view.lease.mode = model::Mode::reserved;
  view.lease.early_rates = {{0, Money{1'000'000}}};
  const auto bill = make_bill(kept_after(view, 60, Money{36'000}, true));
  EXPECT_EQ(bill.amount, credits(18));
  EXPECT_TRUE(bill.adds_up()) << bill_json(bill).dump();
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
  EXPECT_EQ(plan_text(plan, false).find("files"), std::string::npos) << "none are kept";
  plan.demand.keep_s = 3600;
  plan.keep_most = Money{300};
  plan.most.micros += plan.keep_most.micros;
  plan.sent = {{"workdir", "12 files, 3.4 MB go to the machine"}};
  const auto text = plan_text(plan, false);
  for (const std::string_view part :
       {"workdir", "12 files", "render", "offer-3", "halle", "DE", "2 × RTX4090", "2.40/h", "1.20/h", "1h30m", "3.6003",
        "10.00 now", "6.3997 while", "files", "stay for up to 1h once it is over, for at most 0.0003 of that"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Bill, OfAReservedLeaseThatWasLeftEarlyIsAtTheRateOfTheTimeItWasKept) {
  auto view = lease_after(7200, Money{800'000}, Money{16'000'000}, Money{}, true);
  auto& lease = view.lease;
  lease.started_at = Time{1000};
  lease.ends_at = after_s(lease.started_at, 7200);
  lease.duration_s = 72'000;
  lease.end_reason = model::EndReason::completed;
  lease.early_rates = {{0, Money{1'000'000}}, {36'000, Money{800'000}}};
  view.accrued = view.pending = Money{2'000'000};
  lease.refunded = Money{14'000'000};
  const auto bill = make_bill(view);
  EXPECT_TRUE(bill.adds_up()) << bill_json(bill).dump();
  EXPECT_EQ(bill.rate_per_hour, Money{1'000'000});
  lease.end_reason = model::EndReason::provider_failed;
  EXPECT_FALSE(make_bill(view).adds_up()) << "then nothing is clawed back";
}

TEST(Plan, ShowsWhatLeavingAReservedTermEarlyCosts) {
  Plan plan;
  plan.demand.mode = model::Mode::reserved;
  plan.demand.duration_s = 86'400;
  plan.early_exits = {{21'600, credits(3), Money{2'400'000}}, {43'200, credits(6), Money{4'800'000}}};
  plan.most = Money{9'600'000};
  const auto text = plan_text(plan, false);
  for (const std::string_view part : {"reserved for", "1d", "9.60 credits, paid in advance",
                                      "after 6h 3.00 instead of 2.40, after 12h 6.00 instead of 4.80"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Plan, ShowsEveryMachineOfAGangAndHoldsToAllOfIt) {
  Plan plan;
  plan.demand.machines = 2;
  for (const std::int64_t price : {1'000'000, 1'500'000}) {
    OfferView member;
    member.offer.id.value = plan.members.size() + 3;
    member.offer.machine.country = "DE";
    member.price.rate_per_hour = member.price.per_gpu_hour = Money{price};
    plan.members.push_back(member);
  }
  plan.most = Money{2'500'000};
  const auto text = plan_text(plan, false);
  for (const std::string_view part : {"machine 1", "offer-3", "machine 2", "offer-4", "2.50/h all-in"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  model::Demand demand = plan.demand;
  hold_to(plan, demand);
  EXPECT_EQ(demand.max_price_per_gpu_hour, Money{1'500'000});
  EXPECT_EQ(demand.max_cost, Money{2'500'000});
}

TEST(Plan, ACountryThatNobodyGaveIsADash) {
  const auto text = plan_text({}, false);
  const auto line = text.substr(text.find("country"));
  EXPECT_TRUE(line.substr(0, line.find('\n')).ends_with(" -")) << text;
}

TEST(Plan, SaysWhenTheBalanceIsTooLittle) {
  Plan plan;
  plan.most = credits(5);
  plan.balance = credits(4);
  EXPECT_NE(plan_text(plan, false).find("too little"), std::string::npos);
}

}  // namespace
}  // namespace hanse::cli
