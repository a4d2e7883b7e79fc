// Providers, offers and requests: what each operation does, and each way it can be refused.

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using model::EventKind;
using ::testing::HasSubstr;

class MarketOps : public Rental {};

TEST_F(MarketOps, an_account_registers_once_and_may_update) {
  net.refused(5, model::UpdateProvider{"x", "a:1", actor(3)}, ErrorCode::not_found);
  net.done(5, registration(5));
  net.refused(5, registration(5), ErrorCode::already_exists);
  net.done(5, model::UpdateProvider{"new name", "192.0.2.7:22", actor(3)});
  const auto* provider = net.state().provider(actor(5));
  EXPECT_EQ(provider->name, "new name");
  EXPECT_EQ(provider->endpoint, "192.0.2.7:22");
  EXPECT_EQ(provider->host_key, actor(3));
  EXPECT_TRUE(net.state().is_reachable(*provider, net.now));
}

TEST_F(MarketOps, endpoints_names_and_host_keys_have_a_shape) {
  for (const auto* bad : {"", "host", "host:", ":22", "host:0", "host:65536", "host:22x", "a b:22", "host:022",
                          "[::1:22", "[]:22", "-x:22", "::1:22", "host:-1"}) {
    SCOPED_TRACE(bad);
    auto op = registration(5);
    op.endpoint = bad;
    net.refused(5, op, ErrorCode::invalid_argument);
  }
  for (const auto* good : {"a:1", "192.0.2.7:2222", "[2001:db8::7]:65535", "gpu-1.example.org:22"}) {
    SCOPED_TRACE(good);
    auto op = registration(5);
    op.endpoint = good;
    EXPECT_TRUE(net.ledger.check(net.envelope(net.transaction(5, {op}))));
  }
  auto op = registration(5);
  op.name.clear();
  net.refused(5, op, ErrorCode::invalid_argument);
  op = registration(5);
  op.host_key = {};
  net.refused(5, op, ErrorCode::invalid_argument);
}

TEST_F(MarketOps, an_offer_needs_a_provider_and_a_machine_of_its_own) {
  net.refused(5, offer_of(4, credits(1)), ErrorCode::not_found);
  const auto id = list();
  EXPECT_EQ(net.state().offer(id)->provider, actor(5));
  EXPECT_EQ(net.state().provider(actor(5))->live_offers, 1U);
  EXPECT_EQ(net.ledger.book().size(), 1U);
  net.refused(5, offer_of(4, credits(1)), ErrorCode::already_exists);
  net.done(5, offer_of(4, credits(1), "other box"));
  auto none = offer_of(0, credits(1), "empty");
  net.refused(5, none, ErrorCode::invalid_argument);
  net.refused(5, offer_of(65, credits(1), "big"), ErrorCode::invalid_argument);
  net.refused(5, offer_of(4, Money{-1}, "cheap"), ErrorCode::invalid_argument);
  auto future = offer_of(4, credits(1), "future");
  future.machine.measured.push_back({"inet_down", 900, after_s(net.now, 1)});
  net.refused(5, future, ErrorCode::invalid_argument);
}

TEST_F(MarketOps, only_its_provider_updates_or_withdraws_an_offer) {
  const auto id = list();
  const auto prices = offer_of(4, credits(3)).prices;
  net.refused(5, model::UpdateOffer{{99}, prices, {}}, ErrorCode::not_found);
  net.refused(1, model::UpdateOffer{id, prices, {}}, ErrorCode::not_authorized);
  net.refused(1, model::WithdrawOffer{id}, ErrorCode::not_authorized);
  net.done(5, model::UpdateOffer{id, prices, {{"inet_down", 900, net.now}}});
  EXPECT_EQ(net.state().offer(id)->prices, prices);
  EXPECT_EQ(net.state().offer(id)->machine.measured.size(), 1U);
  net.done(5, model::WithdrawOffer{id});
  EXPECT_EQ(net.state().offer(id), nullptr);
  EXPECT_EQ(net.ledger.book().size(), 0U);
  net.refused(5, model::WithdrawOffer{id}, ErrorCode::not_found);
}

TEST_F(MarketOps, a_withdrawn_offer_stays_until_its_last_live_lease_ended) {
  const auto id = list();
  const auto lease_id = run();
  net.done(5, model::WithdrawOffer{id});
  ASSERT_NE(net.state().offer(id), nullptr);
  net.refused(5, model::UpdateOffer{id, offer_of(4, credits(3)).prices, {}}, ErrorCode::wrong_state);
  net.refused(5, model::WithdrawOffer{id}, ErrorCode::wrong_state);
  net.refused(5, offer_of(4, credits(1)), ErrorCode::already_exists);
  net.refused(1, request_for(1, 3600), ErrorCode::no_match);
  net.refused(1, model::ExtendLease{lease_id, 9000}, ErrorCode::wrong_state);
  net.done(1, model::EndLease{lease_id, model::EndReason::completed, ""});
  EXPECT_EQ(net.state().offer(id), nullptr);
  EXPECT_EQ(net.state().provider(actor(5))->live_offers, 0U);
}

TEST_F(MarketOps, a_request_matches_the_cheapest_and_locks_its_whole_price) {
  list(kProvider, 4, credits(3));
  const auto cheap = list(kSecond, 4, credits(2));
  const auto before = net.balance(1);
  const auto outcome = net.done(1, request_for(2, 3600));
  EXPECT_EQ(outcome.offer, cheap);
  const auto& made = lease(outcome.lease);
  EXPECT_EQ(made.provider, actor(kSecond));
  EXPECT_EQ(made.devices, 0b11U);
  EXPECT_EQ(made.locked, credits(4));
  EXPECT_EQ(made.access_key, actor(1));
  EXPECT_EQ(net.balance(1).micros, before.micros - credits(4).micros - kFee.micros);
  EXPECT_EQ(net.state().offer(cheap)->leased_devices, 0b11U);
  EXPECT_EQ(net.state().request(outcome.request)->state, model::RequestState::matched);
}

TEST_F(MarketOps, two_requests_of_one_transaction_get_different_devices) {
  list();
  const auto receipt = net.act(1, {request_for(2, 60), request_for(2, 60)});
  ASSERT_EQ(receipt.code, ErrorCode::ok) << receipt.message;
  EXPECT_EQ(lease(receipt.outcomes[0].lease).devices & lease(receipt.outcomes[1].lease).devices, 0U);
  net.refused(1, request_for(1, 60), ErrorCode::no_match);
}

TEST_F(MarketOps, the_book_is_as_before_when_a_transaction_fails_halfway) {
  list();
  net.refused(net.transaction(1, {request_for(4, 60), request_for(1, 60)}), ErrorCode::no_match);
  match(4, 60);
}

TEST_F(MarketOps, what_fits_nothing_says_why) {
  list(kProvider, 4, credits(2));
  EXPECT_THAT(net.refused(1, request_for(1, 60, "price<=1"), ErrorCode::no_match), HasSubstr("price<=1"));
  net.refused(1, request_for(5, 60), ErrorCode::no_match);
  auto capped = request_for(1, 60);
  capped.demand.max_price_per_gpu_hour = credits(1);
  net.refused(1, capped, ErrorCode::no_match);
}

TEST_F(MarketOps, requests_that_cannot_be_are_refused) {
  list();
  net.refused(1, request_for(0, 60), ErrorCode::invalid_argument);
  net.refused(1, request_for(1, 0), ErrorCode::invalid_argument);
  net.refused(1, request_for(1, test_params().max_duration_s + 1), ErrorCode::invalid_argument);
  net.refused(1, request_for(1, 60, "vram>=80XB"), ErrorCode::malformed);
  auto negative = request_for(1, 60);
  negative.demand.max_cost = Money{-1};
  net.refused(1, negative, ErrorCode::invalid_argument);
  auto late = request_for(9, 60);
  late.wait_until = net.now;
  net.refused(1, late, ErrorCode::invalid_argument);
  late.wait_until = after_s(net.now, 8 * 86400);
  net.refused(1, late, ErrorCode::invalid_argument);
  auto weird = request_for(1, 60);
  weird.access_key.data.fill(0xff);
  net.refused(1, weird, ErrorCode::invalid_argument);
}

TEST_F(MarketOps, who_cannot_afford_it_is_told_the_numbers) {
  list(kProvider, 4, credits(600));
  const auto message = net.refused(1, request_for(2, 3600), ErrorCode::insufficient_funds);
  EXPECT_THAT(message, HasSubstr("1200.00"));
}

TEST_F(MarketOps, limits_hold_how_much_an_account_has_alive) {
  auto params = test_params();
  params.max_live_per_account = 2;
  net = Network(test_genesis(8, params));
  list();
  net.done(5, offer_of(4, credits(1), "second"));
  net.refused(5, offer_of(4, credits(1), "third"), ErrorCode::limit_reached);
  match();
  match();
  net.refused(1, request_for(1, 60), ErrorCode::limit_reached);
}

TEST_F(MarketOps, a_waiting_request_is_explained_and_matched_when_capacity_comes) {
  auto request = request_for(2, 3600);
  request.wait_until = after_s(net.now, 3600);
  const auto outcome = net.done(1, request);
  EXPECT_FALSE(outcome.lease);
  EXPECT_FALSE(outcome.explanation.empty());
  EXPECT_EQ(net.state().request(outcome.request)->state, model::RequestState::waiting);
  list();
  EXPECT_EQ(net.state().request(outcome.request)->state, model::RequestState::matched);
  EXPECT_EQ(net.count(EventKind::request_matched), 1U);
}

TEST_F(MarketOps, the_oldest_of_those_that_wait_comes_first_and_who_is_short_of_money_is_passed_over) {
  std::vector<model::RequestId> ids;
  for (const std::uint64_t consumer : {1, 2, 3}) {
    auto request = request_for(4, 3600);
    request.wait_until = after_s(net.now, 3600);
    ids.push_back(net.done(consumer, request).request);
  }
  net.done(1, model::Transfer{actor(4), credits(999), ""});
  list();
  EXPECT_EQ(net.state().request(ids[0])->state, model::RequestState::waiting);
  EXPECT_EQ(net.state().request(ids[1])->state, model::RequestState::matched);
  EXPECT_EQ(net.state().request(ids[2])->state, model::RequestState::waiting);
}

TEST_F(MarketOps, however_many_wait_every_one_is_tried_a_bounded_number_a_block) {
  std::vector<Envelope> requests;
  for (int i = 0; i < 200; ++i) {
    auto request = request_for(4, 60, "price<=0.5");
    request.wait_until = after_s(net.now, 3600);
    requests.push_back(net.envelope(net.transaction(1, {request})));
  }
  auto fitting = request_for(4, 60);
  fitting.wait_until = after_s(net.now, 3600);
  requests.push_back(net.envelope(net.transaction(2, {fitting})));
  const auto id = net.block(requests).back().outcomes.at(0).request;
  list();
  EXPECT_EQ(net.state().request(id)->state, model::RequestState::waiting);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(net.state().next_timer());
    net.now = after_ms(net.now, 1);
    net.block({});
  }
  EXPECT_EQ(net.state().request(id)->state, model::RequestState::matched);
}

TEST_F(MarketOps, a_request_waits_no_longer_than_it_said) {
  auto request = request_for(1, 60);
  request.wait_until = after_s(net.now, 100);
  const auto id = net.done(1, request).request;
  net.wait_s(99);
  EXPECT_NE(net.state().request(id), nullptr);
  net.wait_s(1);
  EXPECT_EQ(net.state().request(id), nullptr);
  EXPECT_EQ(net.count(EventKind::request_ended), 1U);
  ASSERT_EQ(net.archived.size(), 1U);
  EXPECT_EQ(net.archived[0].request->id, id);
}

TEST_F(MarketOps, only_its_consumer_cancels_a_request_and_only_before_it_runs) {
  auto request = request_for(1, 60);
  request.wait_until = after_s(net.now, 100);
  const auto waiting = net.done(1, request).request;
  net.refused(2, model::CancelRequest{waiting}, ErrorCode::not_authorized);
  net.done(1, model::CancelRequest{waiting});
  net.refused(1, model::CancelRequest{waiting}, ErrorCode::not_found);
  list();
  const auto before = net.balance(1);
  const auto matched = net.done(1, request_for(1, 3600));
  net.done(1, model::CancelRequest{matched.request});
  EXPECT_EQ(net.balance(1).micros, before.micros - 2 * kFee.micros);
  EXPECT_EQ(net.closed(matched.lease).end_reason, model::EndReason::cancelled);
  const auto running = net.done(1, request_for(1, 3600));
  net.done(5, confirmation(5, running.lease));
  net.refused(1, model::CancelRequest{running.request}, ErrorCode::wrong_state);
}

TEST_F(MarketOps, pages_come_in_order_and_by_account) {
  list(kProvider, 8, credits(1));
  list(kSecond, 8, credits(2));
  net.done(5, offer_of(4, credits(5), "second"));
  for (int i = 0; i < 5; ++i) match();
  const auto& state = net.state();
  EXPECT_EQ(state.offers(actor(5), {}, 10).size(), 2U);
  EXPECT_EQ(state.offers({}, {}, 10).size(), 3U);
  EXPECT_EQ(state.offers({}, {1}, 1).at(0)->id, model::OfferId{2});
  EXPECT_EQ(state.providers({}, 10).size(), 2U);
  EXPECT_EQ(state.leases_of_consumer(actor(1), {2}, 2).at(1)->id, model::LeaseId{4});
  EXPECT_EQ(state.leases_of_provider(actor(5), {}, 100).size(), 5U);
  EXPECT_TRUE(state.leases_of_consumer(actor(3), {}, 10).empty());
  EXPECT_EQ(state.requests({}, {}, 3).size(), 3U);
  EXPECT_EQ(state.counts().leases, 5U);
}

TEST(ProviderNames, ThatPassForAnothersAreRefused) {
  Network net;
  for (const std::string name : {"", "   ", "a\nb", "b\xE2\x80\xAEx", "c\xE2\x80\x8B", "d\xE2\x81\xA6"}) {
    auto registered = registration(5);
    registered.name = name;
    net.refused(5, registered, ErrorCode::invalid_argument);
  }
  std::uint64_t number = 5;
  for (const std::string name : {"Zo\xC3\xAB's \xE6\x9D\xB1\xE4\xBA\xAC", "100 \xE2\x82\xAC \xE2\x80\x93 x"}) {
    auto registered = registration(number);
    registered.name = name;
    net.done(number++, registered);
  }
}

}  // namespace
}  // namespace hanse::ledger
