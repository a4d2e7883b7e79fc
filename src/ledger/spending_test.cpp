// The volume incentive: what leases cost lately lowers the fees, by published tiers.

#include "ledger/spending.hpp"

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using model::EndLease;
using model::EndReason;

constexpr std::int64_t kDay = 86'400;

class Spending : public Rental {
 protected:
  Spending() {
    auto params = test_params();
    params.fee_tiers = {{credits(2), 1000}, {credits(5), 2500}};
    net = Network(test_genesis(8, params));
    list(kProvider, 4, credits(1));
  }
  /// Rents for so many hours and gives the lease back; the provider is there.
  void spend(std::int64_t hours, std::uint64_t consumer = kConsumer) {
    const auto id = net.done(consumer, request_for(1, static_cast<std::uint64_t>(hours * 3600))).lease;
    net.done(kProvider, confirmation(kProvider, id));
    net.wait_alive_s(hours * 3600, {kProvider});
  }
  /// Of a transfer now.
  Money fee(std::uint64_t number = kConsumer) {
    const auto before = net.balance(number);
    const auto receipt = net.act(number, {model::Transfer{actor(4), Money{1}, ""}});
    EXPECT_EQ(before.micros - net.balance(number).micros, receipt.fee.micros + 1) << "the receipt has what was charged";
    return receipt.fee;
  }
  [[nodiscard]] Money spent(std::uint64_t number = kConsumer) const {
    return net.state().incentive(actor(number), net.now).spent;
  }
};

TEST_F(Spending, lowers_the_fees_by_the_tier_that_it_reaches) {
  EXPECT_EQ(fee(), Money{100});
  spend(1);
  EXPECT_EQ(spent(), credits(1));
  EXPECT_EQ(fee(), Money{100});
  spend(1);
  EXPECT_EQ(fee(), Money{90}) << "from 2 credits on, 10 %";
  const auto now = net.state().incentive(actor(kConsumer), net.now);
  EXPECT_EQ(now.fee_discount_bps, 1000U);
  EXPECT_EQ(now.next, (model::FeeTier{credits(5), 2500}));
  spend(3);
  EXPECT_EQ(fee(), Money{75});
  EXPECT_FALSE(net.state().incentive(actor(kConsumer), net.now).next);
  EXPECT_EQ(fee(2), Money{100}) << "its own only";
}

TEST_F(Spending, counts_what_a_lease_cost_and_not_what_it_locked) {
  const auto id = run(1, 10 * 3600);
  net.wait_alive_s(1800, {5});
  EXPECT_EQ(spent(), Money{}) << "while it runs nothing is settled";
  net.done(1, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(spent(), Money{500'000});
}

TEST_F(Spending, falls_out_of_the_window_after_thirty_days) {
  spend(2);
  net.wait_s(10 * kDay);
  net.done(5, model::Heartbeat{});
  spend(1);
  EXPECT_EQ(spent(), credits(3));
  net.wait_s(20 * kDay - 2 * 3600);
  EXPECT_EQ(spent(), credits(1)) << "the first two are 30 days old";
  EXPECT_EQ(fee(), Money{100});
  net.wait_s(10 * kDay);
  EXPECT_EQ(spent(), Money{});
  net.wait_s(100 * kDay);
  net.done(5, model::Heartbeat{});
  spend(1);
  EXPECT_EQ(spent(), credits(1)) << "nothing of long ago comes back";
}

TEST_F(Spending, agrees_with_adding_up_every_day) {
  Rng rng(3);
  std::map<std::int64_t, std::int64_t> by_day;
  for (int i = 0; i < 60; ++i) {
    net.wait_s(static_cast<std::int64_t>(rng.below(6)) * kDay + static_cast<std::int64_t>(rng.below(kDay)));
    net.done(5, model::Heartbeat{});
    spend(1);
    const auto today = net.now.ms / 1000 / kDay;
    by_day[today] += 1'000'000;
    std::int64_t expected = 0;
    for (const auto& [day, amount] : by_day) expected += day > today - 30 ? amount : 0;
    ASSERT_EQ(spent().micros, expected) << i;
  }
  auto again = reload(net.ledger);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->state().incentive(actor(kConsumer), net.now).spent, spent());
}

TEST_F(Spending, a_lease_with_oneself_is_none) {
  spend(3, kProvider);
  EXPECT_EQ(spent(kProvider), Money{});
}

TEST_F(Spending, a_transaction_that_fails_pays_the_lowered_fee_too) {
  spend(5);
  const auto receipt = net.act(kConsumer, {model::Transfer{actor(4), credits(5000), ""}});
  EXPECT_EQ(receipt.code, ErrorCode::insufficient_funds);
  EXPECT_EQ(receipt.fee, Money{75});
}

TEST(SpendingWithoutTiers, is_not_recorded) {
  Network net;
  net.done(5, registration(5));
  net.done(5, offer_of(4, credits(1)));
  const auto id = net.done(1, request_for(1, 60)).lease;
  net.done(5, confirmation(5, id));
  net.wait_s(60);
  for (const auto& record : net.ledger.dump()) EXPECT_NE(record.key[0], 13);
  EXPECT_EQ(net.state().incentive(actor(1), net.now).spent, Money{});
}

}  // namespace
}  // namespace hanse::ledger
