// Gangs: several machines or none, in one transaction.

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using model::EndLease;
using model::EndReason;
using model::LeaseState;
using model::RequestState;
using ::testing::HasSubstr;

class Gang : public Rental {
 protected:
  void machines(std::uint64_t provider, int count, std::uint32_t gpus = 1, Money price = credits(1)) {
    if (!net.state().provider(actor(provider))) net.done(provider, registration(provider));
    for (int i = 0; i < count; ++i) net.done(provider, offer_of(gpus, price, "box " + std::to_string(++boxes_)));
  }
  static model::SubmitRequest gang_of(std::uint32_t count, std::uint64_t duration_s = 7200) {
    auto request = request_for(1, duration_s);
    request.demand.machines = count;
    return request;
  }
  void confirm(model::LeaseId id) {
    for (const std::uint64_t provider : {5, 6, 7}) {
      if (lease(id).provider == actor(provider)) net.done(provider, confirmation(provider, id));
    }
  }
  static model::LeaseId member(model::LeaseId first, std::uint64_t rank) { return {first.value + rank}; }

 private:
  int boxes_ = 0;
};

TEST_F(Gang, takes_several_machines_in_one_transaction) {
  machines(5, 2);
  machines(6, 2);
  const auto before = net.balance(1);
  const auto outcome = net.done(1, gang_of(3));
  const auto* request = net.state().request(outcome.request);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->lease, outcome.lease);
  std::set<model::OfferId> offers;
  for (std::uint64_t rank = 0; rank < 3; ++rank) {
    const auto& one = lease(member(outcome.lease, rank));
    EXPECT_EQ(one.gang, outcome.lease);
    EXPECT_EQ(one.request, outcome.request);
    EXPECT_EQ(one.locked, credits(2));
    offers.insert(one.offer);
  }
  EXPECT_EQ(offers.size(), 3U);
  EXPECT_EQ(net.balance(1).micros, before.micros - kFee.micros - credits(6).micros);
  EXPECT_EQ(net.count(model::EventKind::request_matched), 1U);
  EXPECT_EQ(net.count(model::EventKind::lease_matched), 3U);
}

TEST_F(Gang, all_or_none) {
  machines(5, 2);
  EXPECT_THAT(net.refused(1, gang_of(3), ErrorCode::no_match), HasSubstr("3 machines are wanted, and 2 fit"));
  auto bounded = gang_of(2);
  bounded.demand.max_cost = Money{3'999'999};
  EXPECT_THAT(net.refused(1, bounded, ErrorCode::no_match), HasSubstr("2 machines for 2h cost 4.00 credits"));
  machines(6, 1, 1, credits(600));
  net.refused(1, gang_of(3), ErrorCode::insufficient_funds);
}

TEST_F(Gang, that_costs_more_than_any_account_can_hold_is_no_match) {
  machines(5, 3, 64, credits(100'000));
  for (const std::uint32_t gpus : {64U, 32U, 16U, 1U}) {
    for (const std::uint32_t count : {1U, 2U, 3U}) {
      auto request = gang_of(count, test_params().max_duration_s);
      request.demand.gpu_count = gpus;
      const bool is_beyond = 100'000 * 24 * 90 * std::int64_t{gpus} * count > 9'000'000'000;
      const auto code = is_beyond ? ErrorCode::no_match : ErrorCode::insufficient_funds;
      const auto why = net.refused(1, request, code);
      if (is_beyond) {
        EXPECT_THAT(why, HasSubstr("account can hold"));
      }
      if (count > 1) continue;
      request.demand.offer = {2};
      net.refused(1, request, code);
    }
  }
}

TEST_F(Gang, that_cannot_be_is_refused) {
  machines(5, 2);
  net.refused(1, gang_of(0), ErrorCode::invalid_argument);
  net.refused(1, gang_of(65), ErrorCode::invalid_argument);
  auto alone = gang_of(1);
  alone.demand.placement = model::Placement::same_country;
  net.refused(1, alone, ErrorCode::invalid_argument);
  auto named = gang_of(2);
  named.demand.offer = {1};
  net.refused(1, named, ErrorCode::invalid_argument);
}

TEST_F(Gang, counts_its_machines_against_what_an_account_may_hold) {
  auto params = test_params();
  params.max_live_per_account = 3;
  net = Network(test_genesis(8, params));
  machines(5, 3);
  machines(6, 3);
  net.done(1, gang_of(2));
  EXPECT_THAT(net.refused(1, gang_of(2), ErrorCode::limit_reached), HasSubstr("leases"));
}

TEST_F(Gang, waits_until_all_of_it_fits) {
  machines(5, 2);
  auto waiting = gang_of(3);
  waiting.wait_until = after_s(net.now, 3600);
  const auto outcome = net.done(1, waiting);
  EXPECT_THAT(outcome.explanation, HasSubstr("and 2 fit"));
  EXPECT_EQ(net.state().counts().leases, 0U);
  machines(6, 1);
  EXPECT_EQ(net.state().request(outcome.request)->state, RequestState::matched);
  EXPECT_EQ(net.state().counts().leases, 3U);
}

TEST_F(Gang, a_member_that_ends_leaves_the_others_alone) {
  machines(5, 3);
  const auto outcome = net.done(1, gang_of(3));
  for (std::uint64_t rank = 0; rank < 3; ++rank) confirm(member(outcome.lease, rank));
  net.wait_alive_s(1800, {5});
  net.done(1, EndLease{outcome.lease, EndReason::completed, ""});
  net.done(5, EndLease{member(outcome.lease, 1), EndReason::provider_failed, ""});
  EXPECT_EQ(lease(member(outcome.lease, 2)).state, LeaseState::running);
  EXPECT_EQ(net.state().request(outcome.request)->state, RequestState::matched);
  net.wait_alive_s(1800, {5});
  net.done(1, EndLease{member(outcome.lease, 2), EndReason::completed, ""});
  EXPECT_EQ(net.state().request(outcome.request)->state, RequestState::ended);
  net.wait_alive_s(1800, {5});
  EXPECT_EQ(net.state().counts().leases, 1U) << "the first two are paid and closed";
  EXPECT_EQ(net.state().counts().requests, 1U) << "and their request stays with the third";
  net.wait_alive_s(1800, {5});
  EXPECT_EQ(net.state().counts().requests, 0U);
  EXPECT_EQ(net.closed(member(outcome.lease, 2)).released, credits(1));
}

TEST_F(Gang, starts_whole_or_moves_on_whole) {
  machines(5, 1);
  machines(6, 1);
  machines(7, 2, 1, credits(2));
  const auto outcome = net.done(1, gang_of(2));
  const auto first = outcome.lease;
  confirm(first);
  net.wait_alive_s(180, {5, 6, 7});
  EXPECT_EQ(lease(first).provider, actor(5));
  net.done(6, EndLease{member(first, 1), EndReason::provider_failed, "no power"});
  // The one that ran is paid for what it delivered, and is not to blame.
  EXPECT_EQ(lease(first).end_reason, EndReason::cancelled);
  EXPECT_EQ(lease(first).note, "lease-2 of its gang did not start");
  EXPECT_EQ(lease(first).locked.micros - lease(first).refunded.micros, 50'000);
  EXPECT_EQ(net.state().provider(actor(5))->leases_failed, 0U);
  EXPECT_EQ(net.state().provider(actor(6))->leases_failed, 1U);
  EXPECT_EQ(net.closed(member(first, 1)).note, "no power");
  // All of it is placed anew, without the provider that failed.
  const auto* request = net.state().request(outcome.request);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->state, RequestState::matched);
  EXPECT_EQ(request->lease, model::LeaseId{3});
  EXPECT_EQ(lease({3}).provider, actor(5));
  EXPECT_EQ(lease({4}).provider, actor(7));
  EXPECT_EQ(lease({4}).gang, model::LeaseId{3});
  net.wait_alive_s(200, {5, 6, 7});
  confirm({3});
  confirm({4});
  net.wait_alive_s(3600, {5, 6, 7});
  EXPECT_EQ(net.closed(first).released, Money{50'000});
  net.done(1, EndLease{{3}, EndReason::completed, ""});
  net.done(1, EndLease{{4}, EndReason::completed, ""});
  net.wait_alive_s(3600, {5, 6, 7});
  EXPECT_EQ(net.state().counts().requests, 0U);
  EXPECT_EQ(net.state().counts().leases, 0U);
}

TEST_F(Gang, a_missed_start_deadline_ends_all_and_the_request_ends_where_nothing_else_fits) {
  machines(5, 1);
  machines(6, 1);
  const auto before = net.balance(1);
  const auto outcome = net.done(1, gang_of(2));
  confirm(outcome.lease);
  net.wait_alive_s(330, {5, 6});
  EXPECT_EQ(net.state().counts().requests, 0U);
  EXPECT_EQ(lease(outcome.lease).end_reason, EndReason::cancelled);
  net.wait_alive_s(3600, {5, 6});
  EXPECT_EQ(net.state().counts().leases, 0U) << "its money came out though the request had gone";
  EXPECT_EQ(net.balance(1).micros, before.micros - kFee.micros - net.closed(outcome.lease).released.micros);
}

TEST_F(Gang, of_one_lost_provider_ends_once) {
  machines(5, 3);
  const auto outcome = net.done(1, gang_of(3));
  static_cast<void>(outcome);
  net.wait_s(200);
  net.done(5, model::Heartbeat{});
  net.wait_s(2000);
  EXPECT_EQ(net.state().counts().leases, 0U);
  EXPECT_EQ(net.state().counts().requests, 0U);
  EXPECT_EQ(net.state().provider(actor(5))->leases_failed, 1U);
}

TEST_F(Gang, lost_while_no_start_deadline_has_passed) {
  auto params = test_params();
  params.start_deadline_s = 5000;
  net = Network(test_genesis(8, params));
  machines(5, 3);
  auto request = gang_of(3, 20'000);
  request.wait_until = after_s(net.now, 50'000);
  const auto outcome = net.done(1, request);
  net.wait_s(2000);
  EXPECT_EQ(net.state().request(outcome.request)->state, RequestState::waiting);
  EXPECT_EQ(net.state().provider(actor(5))->live_leases, 0U);
}

TEST_F(Gang, is_cancelled_whole_before_it_runs) {
  machines(5, 2);
  const auto first = net.done(1, gang_of(2));
  net.done(1, model::CancelRequest{first.request});
  EXPECT_EQ(net.state().counts().leases, 0U);
  EXPECT_EQ(net.state().counts().requests, 0U);
  const auto second = net.done(1, gang_of(2));
  confirm(second.lease);
  net.refused(1, model::CancelRequest{second.request}, ErrorCode::wrong_state);
}

TEST_F(Gang, reserved_is_prepaid_whole_and_each_machine_is_left_by_itself) {
  net.done(5, registration(5));
  for (int i = 0; i < 2; ++i) {
    auto post = offer_of(1, credits(1), "box " + std::to_string(i));
    post.prices.term_discounts = {{7200, 5000}};
    post.prices.volume_discounts = {{2, 2000}};
    net.done(5, post);
  }
  auto request = gang_of(2);
  request.demand.mode = model::Mode::reserved;
  const auto first = net.done(1, request).lease;
  EXPECT_EQ(lease(first).rate_per_hour, Money{400'000}) << "two machines count as two GPUs";
  EXPECT_EQ(lease(first).locked, Money{800'000});
  confirm(first);
  confirm(member(first, 1));
  net.wait_alive_s(1800, {5});
  net.done(1, EndLease{first, EndReason::completed, ""});
  EXPECT_EQ(lease(first).locked.micros - lease(first).refunded.micros, 400'000);
  net.wait_alive_s(5400, {5});
  const auto& whole = lease(member(first, 1));
  EXPECT_EQ(whole.locked.micros - whole.refunded.micros, 800'000);
}

TEST_F(Gang, each_lease_is_kept_by_itself_and_the_request_closes_with_the_last) {
  machines(5, 1);
  machines(6, 1);
  auto request = gang_of(2);
  request.demand.disk_bytes = 1ULL << 30;
  request.demand.keep_s = 600;
  const auto outcome = net.done(1, request);
  const auto first = outcome.lease, second = member(first, 1);
  confirm(first);
  confirm(second);
  net.wait_alive_s(60, {5, 6});
  const auto end_by_provider = [&](model::LeaseId id) {
    net.done(lease(id).provider == actor(5) ? 5 : 6, EndLease{id, EndReason::completed, ""});
  };
  end_by_provider(first);
  EXPECT_EQ(lease(first).state, LeaseState::kept);
  EXPECT_EQ(lease(second).state, LeaseState::running);
  EXPECT_EQ(net.state().request(outcome.request)->state, RequestState::matched);
  net.wait_alive_s(300, {5, 6});
  end_by_provider(second);
  EXPECT_EQ(net.state().request(outcome.request)->state, RequestState::ended) << "nothing of it runs any more";
  EXPECT_EQ(net.count(model::EventKind::request_ended), 1U);
  net.wait_alive_s(300, {5, 6});
  EXPECT_EQ(lease(first).state, LeaseState::ended);
  EXPECT_EQ(lease(second).state, LeaseState::kept);
  net.wait_alive_s(2999, {5, 6});
  EXPECT_EQ(net.count(model::EventKind::lease_closed), 0U);
  net.wait_alive_s(1, {5, 6});
  EXPECT_EQ(net.closed(first).released.micros, 1'000'000 / 60);
  EXPECT_NE(net.state().request(outcome.request), nullptr);
  net.wait_alive_s(300, {5, 6});
  EXPECT_EQ(net.state().counts().leases, 0U);
  EXPECT_EQ(net.state().counts().requests, 0U);
}

TEST_F(Gang, a_kept_member_stays_when_another_never_starts) {
  machines(5, 1);
  machines(6, 1);
  auto request = gang_of(2);
  request.demand.disk_bytes = 1ULL << 30;
  request.demand.keep_s = 3600;
  const auto outcome = net.done(1, request);
  confirm(outcome.lease);
  net.wait_alive_s(60, {5, 6});
  net.done(lease(outcome.lease).provider == actor(5) ? 5 : 6, EndLease{outcome.lease, EndReason::completed, ""});
  net.wait_alive_s(300, {5, 6});
  EXPECT_EQ(net.state().counts().requests, 0U);
  EXPECT_EQ(lease(outcome.lease).state, LeaseState::kept);
  net.done(1, EndLease{outcome.lease, EndReason::completed, ""});
  EXPECT_EQ(lease(outcome.lease).keep_end, EndReason::completed);
}

}  // namespace
}  // namespace hanse::ledger
