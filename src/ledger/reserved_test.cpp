// Reserved mode: prepaid whole, and what it costs to leave before the term is over.

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using model::EndLease;
using model::EndReason;
using model::LeaseState;
using ::testing::HasSubstr;

constexpr std::int64_t kHour = 3600;

/// 1.00 an hour; from 10 hours on 10 % off, from 20 hours on 20 %.
class Reserved : public Rental {
 protected:
  model::OfferId offer_with_terms(std::uint64_t provider = kProvider) {
    if (!net.state().provider(actor(provider))) net.done(provider, registration(provider));
    auto post = offer_of(4, credits(1));
    post.prices.term_discounts = {{10 * kHour, 1000}, {20 * kHour, 2000}};
    return net.done(provider, post).offer;
  }
  static model::SubmitRequest reservation(std::uint64_t duration_s) {
    auto request = request_for(1, duration_s);
    request.demand.mode = model::Mode::reserved;
    request.job_hash.data.fill(7);
    return request;
  }
  model::LeaseId reserve(std::uint64_t duration_s) {
    const auto id = net.done(kConsumer, reservation(duration_s)).lease;
    net.done(kProvider, confirmation(kProvider, id));
    return id;
  }
  [[nodiscard]] Money kept(model::LeaseId id) const { return {lease(id).locked.micros - lease(id).refunded.micros}; }
};

TEST_F(Reserved, is_prepaid_whole_at_the_terms_rate) {
  offer_with_terms();
  const auto id = reserve(20 * kHour);
  EXPECT_EQ(lease(id).mode, model::Mode::reserved);
  EXPECT_EQ(lease(id).rate_per_hour, Money{800'000});
  EXPECT_EQ(lease(id).locked, credits(16));
  EXPECT_EQ(lease(id).early_rates.size(), 3U);
  EXPECT_THAT(net.refused(1, model::TopUpLease{id, credits(1)}, ErrorCode::invalid_argument), HasSubstr("0 credits"));
}

TEST_F(Reserved, a_max_cost_below_the_term_is_refused_with_what_the_term_costs) {
  offer_with_terms();
  auto request = reservation(20 * kHour);
  request.demand.max_cost = Money{15'999'999};
  EXPECT_THAT(net.refused(1, request, ErrorCode::no_match), HasSubstr("a term of 20h cost 16.00 credits"));
  request.demand.max_cost = credits(16);
  net.done(1, request);
}

TEST_F(Reserved, kept_to_its_end_it_costs_the_terms_rate) {
  offer_with_terms();
  const auto id = reserve(20 * kHour);
  net.wait_alive_s(20 * kHour, {5});
  EXPECT_EQ(lease(id).end_reason, EndReason::completed);
  EXPECT_EQ(kept(id), credits(16));
  net.wait_s(3600);
  EXPECT_EQ(net.closed(id).released, credits(16));
}

TEST_F(Reserved, left_early_the_used_time_costs_what_it_would_have_alone) {
  offer_with_terms();
  const auto soon = reserve(20 * kHour);
  const auto later = reserve(20 * kHour);
  const auto last = reserve(20 * kHour);
  net.wait_alive_s(5 * kHour, {5});
  net.done(1, model::Settle{soon});
  EXPECT_EQ(lease(soon).released, Money{3'200'000}) << "at the term's rate while it runs";
  net.done(1, EndLease{soon, EndReason::completed, ""});
  EXPECT_EQ(kept(soon), credits(5)) << "under 10 hours there is no discount";
  net.wait_alive_s(10 * kHour, {5});
  net.done(5, EndLease{later, EndReason::completed, "the job is done"});
  EXPECT_EQ(kept(later), Money{13'500'000}) << "from 10 hours on, 10 %";
  net.wait_alive_s(4 * kHour + 1800, {5});
  net.done(1, EndLease{last, EndReason::completed, ""});
  EXPECT_EQ(kept(last), credits(16)) << "19.5 hours at 0.90 would be 17.55: never more than was prepaid";
  net.wait_s(3600);
  EXPECT_EQ(net.closed(soon).released, credits(5));
}

TEST_F(Reserved, what_the_offer_becomes_meanwhile_changes_nothing) {
  const auto offer = offer_with_terms();
  const auto id = reserve(20 * kHour);
  net.done(5, model::UpdateOffer{offer, offer_of(4, credits(9)).prices, {}});
  net.wait_alive_s(5 * kHour, {5});
  net.done(1, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(kept(id), credits(5));
}

TEST_F(Reserved, nothing_is_clawed_back_when_the_provider_fails) {
  offer_with_terms();
  const auto gives_up = reserve(20 * kHour);
  net.wait_alive_s(5 * kHour, {5});
  net.done(5, EndLease{gives_up, EndReason::provider_failed, ""});
  EXPECT_EQ(kept(gives_up), credits(4));
  const auto lost = reserve(20 * kHour);
  net.wait_alive_s(5 * kHour, {5});
  net.wait_s(1000);
  EXPECT_EQ(lease(lost).end_reason, EndReason::provider_failed);
  EXPECT_EQ(kept(lost), credits(4));
}

TEST_F(Reserved, never_started_and_cancelled_ones_cost_nothing) {
  offer_with_terms();
  const auto cancelled = net.done(1, reservation(20 * kHour)).lease;
  net.done(1, EndLease{cancelled, EndReason::cancelled, ""});
  EXPECT_EQ(net.closed(cancelled).refunded, credits(16));
  const auto declined = net.done(1, reservation(20 * kHour)).lease;
  net.done(5, EndLease{declined, EndReason::provider_failed, ""});
  EXPECT_EQ(net.closed(declined).refunded, credits(16));
}

TEST_F(Reserved, a_provider_cannot_end_an_empty_machine_early_as_done) {
  offer_with_terms();
  auto empty = reservation(20 * kHour);
  empty.job_hash = {};
  const auto id = net.done(1, empty).lease;
  net.done(5, confirmation(5, id));
  net.wait_alive_s(5 * kHour, {5});
  EXPECT_THAT(net.refused(5, EndLease{id, EndReason::completed, ""}, ErrorCode::wrong_state), HasSubstr("no job"));
  net.done(5, EndLease{id, EndReason::provider_failed, ""});
  EXPECT_EQ(kept(id), credits(4));
}

TEST_F(Reserved, the_providers_downtime_is_not_paid_but_counts_towards_the_term) {
  offer_with_terms();
  const auto id = reserve(20 * kHour);
  net.wait_alive_s(10 * kHour - 600, {5});
  net.wait_s(600);
  net.done(5, model::Heartbeat{});
  net.done(1, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(lease(id).billed_s, 10 * kHour - 600);
  EXPECT_EQ(kept(id), (Money{900'000 * (10 * kHour - 600) / 3600}));
}

TEST_F(Reserved, extended_it_is_prepaid_whole_again_at_the_same_rate) {
  offer_with_terms();
  const auto id = reserve(10 * kHour);
  EXPECT_EQ(lease(id).locked, credits(9));
  net.done(1, model::ExtendLease{id, 30 * kHour});
  EXPECT_EQ(lease(id).locked, credits(27)) << "the rate of the term that it began with";
  net.wait_alive_s(15 * kHour, {5});
  net.done(1, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(kept(id), Money{13'500'000}) << "10 hours were kept: their discount stays";
}

TEST_F(Reserved, a_job_that_is_done_early_keeps_its_files_and_pays_for_the_term_that_it_used) {
  offer_with_terms();
  auto prices = net.state().offer({1})->prices;
  prices.storage_per_gib_hour = Money{100'000};
  net.done(5, model::UpdateOffer{{1}, prices, {}});
  auto request = reservation(20 * kHour);
  request.demand.disk_bytes = 1ULL << 30;
  request.demand.keep_s = kHour;
  request.demand.max_cost = Money{20 * 900'000 + 100'000};
  request.demand.max_cost.micros -= 1;
  EXPECT_THAT(net.refused(1, request, ErrorCode::no_match),
              HasSubstr("a term of 20h and keeping the files for 1h cost"));
  request.demand.max_cost.micros += 1;
  const auto id = net.done(1, request).lease;
  net.done(5, confirmation(5, id));
  EXPECT_EQ(lease(id).locked, request.demand.max_cost);
  net.wait_alive_s(19 * kHour, {5});
  net.done(5, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(lease(id).state, LeaseState::kept);
  EXPECT_EQ(run_cost(lease(id)), credits(18)) << "at the price of so short a term it would be 19.00";
  EXPECT_EQ(lease(id).keep_reserve, Money{100'000});
  net.wait_alive_s(kHour, {5});
  EXPECT_EQ(lease(id).keep_end, EndReason::completed);
  EXPECT_EQ(kept(id), Money{18'100'000});
}

}  // namespace
}  // namespace hanse::ledger
