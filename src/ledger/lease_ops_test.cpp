// A lease's life: confirm, pay, end, settle, and what happens when somebody is missing.

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using model::EndLease;
using model::EndReason;
using model::EventKind;
using model::LeaseState;

class LeaseOps : public Rental {};

TEST_F(LeaseOps, only_its_provider_confirms_and_only_once) {
  list();
  const auto id = match();
  net.refused(1, confirmation(5, id), ErrorCode::not_authorized);
  net.refused(5, confirmation(5, {99}), ErrorCode::not_found);
  auto bad = confirmation(5, id);
  bad.endpoint = "nowhere";
  net.refused(5, bad, ErrorCode::invalid_argument);
  bad = confirmation(5, id);
  bad.host_key.data.fill(0xff);
  net.refused(5, bad, ErrorCode::invalid_argument);
  bad.host_key = {};
  net.refused(5, bad, ErrorCode::invalid_argument);
  net.wait_s(10);
  net.done(5, confirmation(5, id));
  EXPECT_EQ(lease(id).state, LeaseState::running);
  EXPECT_EQ(lease(id).started_at, net.now);
  EXPECT_EQ(lease(id).ends_at, after_s(net.now, 7200));
  EXPECT_EQ(lease(id).host_key, actor(1005));
  net.refused(5, confirmation(5, id), ErrorCode::wrong_state);
}

TEST_F(LeaseOps, what_was_delivered_is_paid_after_the_claim_window_and_the_rest_returned_at_once) {
  list();
  const auto before = net.balance(1);
  const auto provider_before = net.balance(5);
  const auto id = run();
  net.wait_alive_s(1800, {5});
  const auto beats = net.count(EventKind::lease_released);
  EXPECT_EQ(beats, 0U);
  const auto fees = before.micros - net.balance(1).micros - lease(id).locked.micros;
  net.done(1, EndLease{id, EndReason::completed, "thanks"});
  EXPECT_EQ(lease(id).billed_s, 1800);
  EXPECT_EQ(escrow(lease(id)), credits(1));
  EXPECT_EQ(net.balance(1).micros, before.micros - fees - kFee.micros - credits(1).micros);
  net.wait_s(3599);
  EXPECT_EQ(lease(id).released.micros, 0);
  net.wait_s(1);
  EXPECT_EQ(net.state().lease(id), nullptr);
  EXPECT_EQ(net.closed(id).released, credits(1));
  EXPECT_EQ(net.closed(id).note, "thanks");
  EXPECT_EQ(net.state().provider(actor(5))->earned, credits(1));
  EXPECT_EQ(net.balance(5).micros, provider_before.micros + credits(1).micros - (60 + 1) * kFee.micros);
  EXPECT_EQ(net.count(EventKind::lease_closed), 1U);
  EXPECT_EQ(net.state().counts().requests, 0U);
}

TEST_F(LeaseOps, anyone_may_settle_and_gets_the_provider_what_passed_the_window) {
  list();
  const auto id = run(1, 4 * 3600);
  net.wait_alive_s(3600, {5});
  net.done(2, model::Settle{id});
  EXPECT_EQ(lease(id).released, Money{});
  net.wait_alive_s(1800, {5});
  net.done(2, model::Settle{id});
  EXPECT_EQ(lease(id).released, credits(1));
  net.done(2, model::Settle{id});
  EXPECT_EQ(lease(id).released, credits(1));
  net.done(1, EndLease{id, EndReason::completed, ""});
  net.wait_s(1800);
  net.done(2, model::Settle{id});
  EXPECT_EQ(lease(id).released, credits(2));
  net.wait_s(1800);
  EXPECT_EQ(net.closed(id).released, credits(3));
  net.refused(2, model::Settle{id}, ErrorCode::not_found);
}

TEST_F(LeaseOps, ends_by_itself_when_its_time_is_over) {
  list();
  const auto id = run(1, 600);
  net.wait_alive_s(590, {5});
  net.now = after_ms(net.now, 12'345);  // the block comes late: the end does not
  net.block({});
  EXPECT_EQ(lease(id).state, LeaseState::ended);
  EXPECT_EQ(lease(id).end_reason, EndReason::completed);
  EXPECT_EQ(lease(id).billed_s, 600);
  EXPECT_EQ(net.state().provider(actor(5))->leases_completed, 1U);
}

TEST_F(LeaseOps, of_a_provider_with_itself_or_of_nothing_shows_nothing_of_it) {
  list();
  const auto counted = [&] { return net.state().provider(actor(5))->leases_completed; };
  for (const auto& [renter, seconds] : {std::pair{5, 60}, {1, 0}}) {
    const auto id = net.done(static_cast<std::uint64_t>(renter), request_for(1, 3600)).lease;
    net.done(5, confirmation(5, id));
    net.wait_s(seconds);
    net.done(static_cast<std::uint64_t>(renter), EndLease{id, EndReason::completed, ""});
    EXPECT_EQ(counted(), 0U) << renter;
  }
  const auto id = run(1, 3600);
  net.wait_s(1);
  net.done(1, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(counted(), 1U);
}

TEST_F(LeaseOps, ends_exhausted_when_its_money_is_over) {
  list();
  auto request = request_for(1, 7200);
  request.demand.max_cost = credits(1);
  const auto id = net.done(1, request).lease;
  net.done(5, confirmation(5, id));
  EXPECT_EQ(lease(id).ends_at, after_s(net.now, 1800));
  net.wait_alive_s(1800, {5});
  EXPECT_EQ(lease(id).end_reason, EndReason::exhausted);
  EXPECT_EQ(lease(id).billed_s, 1800);
  EXPECT_EQ(lease(id).refunded, Money{});
}

TEST_F(LeaseOps, money_lasts_longer_by_the_providers_downtime) {
  list();
  auto request = request_for(1, 7200);
  request.demand.max_cost = credits(1);
  const auto id = net.done(1, request).lease;
  net.done(5, confirmation(5, id));
  net.wait_s(200);
  net.done(5, model::Heartbeat{});
  EXPECT_EQ(net.state().provider(actor(5))->downtime_ms, 200'000);
  net.wait_alive_s(1999 - 200, {5});
  EXPECT_EQ(lease(id).state, LeaseState::running);
  net.wait_alive_s(1, {5});
  EXPECT_EQ(lease(id).end_reason, EndReason::exhausted);
  EXPECT_EQ(lease(id).billed_s, 1800);
}

TEST_F(LeaseOps, downtime_is_not_paid_for_but_a_gap_within_the_timeout_is) {
  list();
  const auto id = run();
  net.wait_s(90);
  net.done(5, model::Heartbeat{});
  net.wait_s(91);
  net.done(5, model::Heartbeat{});
  net.wait_s(60);
  EXPECT_EQ(net.state().accrual(lease(id), net.now).billed_s, 150);
  net.done(1, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(lease(id).billed_s, 150);
}

TEST_F(LeaseOps, silence_before_the_start_does_not_count_against_the_lease) {
  list();
  const auto id = match();
  net.wait_s(89);
  net.done(5, confirmation(5, id));
  net.wait_s(80);
  net.done(5, model::Heartbeat{});
  net.wait_s(20);
  net.done(1, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(lease(id).billed_s, 100);
}

TEST_F(LeaseOps, a_provider_that_does_not_start_in_time_loses_it_to_the_next_best) {
  list(kProvider, 4, credits(2));
  list(kSecond, 4, credits(3));
  const auto outcome = net.done(1, request_for(1, 3600));
  EXPECT_EQ(lease(outcome.lease).provider, actor(kProvider));
  net.wait_alive_s(299, {kProvider, kSecond});
  EXPECT_EQ(lease(outcome.lease).state, LeaseState::matched);
  net.wait_s(1);
  EXPECT_EQ(net.closed(outcome.lease).end_reason, EndReason::never_started);
  EXPECT_EQ(net.closed(outcome.lease).refunded, credits(2));
  const auto& request = *net.state().request(outcome.request);
  EXPECT_EQ(request.state, model::RequestState::matched);
  EXPECT_EQ(lease(request.lease).provider, actor(kSecond));
  EXPECT_EQ(lease(request.lease).locked, credits(3));
  EXPECT_EQ(net.state().provider(actor(kProvider))->leases_failed, 1U);
  net.refused(kProvider, confirmation(kProvider, outcome.lease), ErrorCode::not_found);
}

TEST_F(LeaseOps, without_a_next_best_it_waits_while_it_may_and_else_ends) {
  list();
  auto patient = request_for(1, 3600);
  patient.wait_until = after_s(net.now, 1000);
  const auto waits = net.done(1, patient).request;
  const auto ends = net.done(1, request_for(1, 3600)).request;
  net.wait_s(300);
  EXPECT_EQ(net.state().request(waits)->state, model::RequestState::waiting);
  EXPECT_EQ(net.state().request(ends), nullptr);
  EXPECT_EQ(net.balance(1).micros, credits(1000).micros - 2 * kFee.micros);
  list(kSecond);
  const auto& request = *net.state().request(waits);
  EXPECT_EQ(lease(request.lease).provider, actor(kSecond));
}

TEST_F(LeaseOps, a_provider_may_decline_and_the_request_moves_on_at_once) {
  list(kProvider, 4, credits(2));
  list(kSecond, 4, credits(3));
  const auto outcome = net.done(1, request_for(1, 3600));
  net.refused(5, EndLease{outcome.lease, EndReason::completed, ""}, ErrorCode::wrong_state);
  net.done(5, EndLease{outcome.lease, EndReason::provider_failed, "no disk"});
  EXPECT_EQ(lease(net.state().request(outcome.request)->lease).provider, actor(kSecond));
}

TEST_F(LeaseOps, each_party_ends_it_in_its_own_words_only) {
  list();
  const auto id = run();
  net.refused(2, EndLease{id, EndReason::completed, ""}, ErrorCode::not_authorized);
  net.refused(1, EndLease{id, EndReason::provider_failed, ""}, ErrorCode::not_authorized);
  net.refused(1, EndLease{id, EndReason::cancelled, ""}, ErrorCode::wrong_state);
  net.refused(5, EndLease{id, EndReason::cancelled, ""}, ErrorCode::not_authorized);
  net.refused(1, EndLease{id, EndReason::none, ""}, ErrorCode::invalid_argument);
  net.refused(1, EndLease{id, EndReason::exhausted, ""}, ErrorCode::invalid_argument);
  net.refused(1, EndLease{{99}, EndReason::completed, ""}, ErrorCode::not_found);
  net.refused(1, EndLease{id, EndReason::completed, "a\nb"}, ErrorCode::invalid_argument);
  net.wait_s(60);
  net.done(5, EndLease{id, EndReason::provider_failed, "power cut"});
  EXPECT_EQ(lease(id).billed_s, 60);
  net.refused(1, EndLease{id, EndReason::completed, ""}, ErrorCode::wrong_state);
  EXPECT_EQ(net.state().provider(actor(5))->leases_failed, 1U);
}

TEST_F(LeaseOps, a_matched_lease_is_cancelled_with_a_full_refund) {
  list();
  const auto id = match();
  net.done(1, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(net.closed(id).end_reason, EndReason::cancelled);
  EXPECT_EQ(net.closed(id).refunded, net.closed(id).locked);
}

TEST_F(LeaseOps, topping_up_buys_the_rest_of_the_duration_and_no_more) {
  list();
  auto request = request_for(1, 7200);
  request.demand.max_cost = credits(1);
  const auto id = net.done(1, request).lease;
  net.refused(2, model::TopUpLease{id, credits(1)}, ErrorCode::not_authorized);
  net.refused(1, model::TopUpLease{id, Money{}}, ErrorCode::invalid_argument);
  net.refused(1, model::TopUpLease{id, Money{-5}}, ErrorCode::invalid_argument);
  net.refused(1, model::TopUpLease{id, kMaxMoney}, ErrorCode::invalid_argument);
  net.refused(1, model::TopUpLease{{99}, credits(1)}, ErrorCode::not_found);
  net.done(5, confirmation(5, id));
  const auto message = net.refused(1, model::TopUpLease{id, Money{credits(3).micros + 1}}, ErrorCode::invalid_argument);
  EXPECT_THAT(message, ::testing::HasSubstr("hanse extend"));
  net.done(1, model::TopUpLease{id, credits(3)});
  EXPECT_EQ(lease(id).locked, credits(4));
  EXPECT_EQ(lease(id).ends_at, after_s(lease(id).started_at, 7200));
}

TEST_F(LeaseOps, extending_needs_a_longer_duration_within_bounds_and_its_money) {
  net.done(5, registration(5));
  auto offer = offer_of(4, credits(2));
  offer.prices.max_duration_s = 36'000;
  net.done(5, offer);
  const auto id = run();
  net.refused(2, model::ExtendLease{id, 9000}, ErrorCode::not_authorized);
  net.refused(1, model::ExtendLease{id, 0}, ErrorCode::invalid_argument);
  net.refused(1, model::ExtendLease{id, 7200}, ErrorCode::invalid_argument);
  net.refused(1, model::ExtendLease{id, 36'001}, ErrorCode::invalid_argument);
  net.refused(1, model::ExtendLease{id, UINT64_MAX}, ErrorCode::invalid_argument);
  net.refused(1, model::ExtendLease{{99}, 9000}, ErrorCode::not_found);
  net.done(1, model::ExtendLease{id, 10'800});
  EXPECT_EQ(lease(id).locked, credits(6));
  EXPECT_EQ(lease(id).ends_at, after_s(lease(id).started_at, 10'800));
  net.done(1, model::Transfer{actor(2), credits(993), ""});
  net.refused(1, model::ExtendLease{id, 36'000}, ErrorCode::insufficient_funds);
}

TEST_F(LeaseOps, a_silent_provider_is_off_the_market_until_it_is_back) {
  list();
  net.wait_s(90);
  EXPECT_TRUE(net.ledger.check(net.envelope(net.transaction(1, {request_for(1, 60)}))));
  net.wait_s(1);
  net.refused(1, request_for(1, 60), ErrorCode::no_match);
  auto patient = request_for(1, 60);
  patient.wait_until = after_s(net.now, 3600);
  const auto id = net.done(1, patient).request;
  net.done(5, model::Heartbeat{});
  EXPECT_EQ(net.state().request(id)->state, model::RequestState::matched);
  net.refused(1, model::Heartbeat{}, ErrorCode::not_found);
}

TEST_F(LeaseOps, a_lost_providers_leases_end_in_bounded_steps_and_nobody_pays_for_nothing) {
  for (int i = 0; i < 3; ++i) {
    if (i == 0) net.done(5, registration(5));
    net.done(5, offer_of(64, credits(1), "box " + std::to_string(i)));
  }
  std::vector<model::LeaseId> ids;
  for (int i = 0; i < 150; ++i) ids.push_back(net.done(1, request_for(1, 7200)).lease);
  for (const auto id : ids) net.done(5, confirmation(5, id));
  net.wait_s(60);
  net.done(5, model::Heartbeat{});
  net.wait_s(91);
  net.wait_s(900 - 91 - 1);
  EXPECT_EQ(net.count(EventKind::lease_ended), 0U);
  net.wait_s(1);
  EXPECT_EQ(net.count(EventKind::provider_lost), 1U);
  EXPECT_EQ(net.count(EventKind::lease_ended), 64U);
  net.wait_s(1);
  net.wait_s(1);
  EXPECT_EQ(net.count(EventKind::lease_ended), 150U);
  EXPECT_EQ(net.count(EventKind::provider_lost), 1U);
  EXPECT_EQ(lease(ids[0]).end_reason, EndReason::provider_failed);
  EXPECT_EQ(lease(ids[0]).billed_s, 60);
  EXPECT_EQ(net.state().provider(actor(5))->live_leases, 0U);
  net.done(5, model::Heartbeat{});
  match();
}

TEST_F(LeaseOps, a_network_that_stood_still_blames_nobody) {
  list();
  const auto running = run(1, 86'400);
  const auto matched = match();
  net.wait_s(30);
  net.now = after_s(net.now, 7200);  // no block for two hours, though timers were due
  net.block({});
  EXPECT_EQ(lease(running).state, LeaseState::running);
  EXPECT_EQ(lease(matched).state, LeaseState::matched);
  net.done(5, model::Heartbeat{});
  net.done(5, confirmation(5, matched));
  net.wait_s(60);
  EXPECT_EQ(net.state().accrual(lease(running), net.now).billed_s, 60);  // what nobody could see is not paid for
  EXPECT_EQ(net.state().provider(actor(5))->leases_failed, 0U);
}

TEST_F(LeaseOps, timers_of_one_block_are_bounded) {
  auto params = test_params();
  params.timers_per_block = 10;
  net = Network(test_genesis(8, params));
  list(kProvider, 64);
  for (int i = 0; i < 35; ++i) match();
  net.now = after_s(net.now, 60);
  net.done(5, model::Heartbeat{});
  net.wait_s(240 - 1);
  net.wait_s(1);
  std::size_t before = net.count(EventKind::lease_closed);
  EXPECT_EQ(before, 10U);
  for (int i = 0; i < 3; ++i) {
    net.block({});
    EXPECT_LE(net.count(EventKind::lease_closed) - before, 10U);
    before = net.count(EventKind::lease_closed);
  }
  EXPECT_EQ(before, 35U);
}

TEST_F(LeaseOps, nothing_locks_money_for_ever) {
  auto params = test_params();
  params.price_step_s = 0;  // prices move for as long as there are offers
  net = Network(test_genesis(8, params));
  list(kProvider, 8);
  list(kSecond, 8, credits(1));
  for (int i = 0; i < 6; ++i) {
    const auto id = match(2, 7200);
    if (i % 2 == 0) net.done(lease(id).provider == actor(5) ? 5 : 6, confirmation(5, id));
  }
  auto waiting = request_for(8, 7200);
  waiting.wait_until = after_s(net.now, 86'400);
  net.done(2, waiting);
  for (int i = 0; i < 200; ++i) net.wait_s(900);  // everybody is gone
  EXPECT_EQ(net.state().counts().leases, 0U);
  EXPECT_EQ(net.state().counts().requests, 0U);
  EXPECT_FALSE(net.state().next_timer());
}

TEST_F(LeaseOps, money_flows_are_told_in_events) {
  list();
  const auto id = run();
  net.wait_s(60);
  net.done(1, EndLease{id, EndReason::completed, ""});
  net.wait_s(3600);
  std::vector<EventKind> kinds;
  std::uint64_t sequence = 0;
  for (const auto& event : net.events) {
    EXPECT_EQ(event.sequence, ++sequence);
    if (event.lease == id) kinds.push_back(event.kind);
  }
  EXPECT_THAT(kinds, ::testing::ElementsAre(EventKind::request_matched, EventKind::lease_matched,
                                            EventKind::lease_running, EventKind::lease_ended, EventKind::request_ended,
                                            EventKind::lease_released, EventKind::lease_closed));
}

}  // namespace
}  // namespace hanse::ledger
