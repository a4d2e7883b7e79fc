// Files that stay on the machine once their job is done: what is free, what it costs, and how it ends.

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using model::EndLease;
using model::EndReason;
using model::EventKind;
using model::LeaseState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// 2.00 an hour a GPU; 0.0036 an hour for each of 10 GiB, which is 10 micros a second.
class Keeping : public Rental {
 public:
  static constexpr std::uint64_t kGib = 1ULL << 30;
  static constexpr std::uint64_t kKeep = 600;
  static constexpr std::int64_t kPerSecond = 10, kReserve = kKeep * kPerSecond;
  static constexpr Money kRate{2'036'000};  ///< Of one GPU and its disk.

  model::OfferId offer = list_storage();

  model::OfferId list_storage(std::uint64_t provider = kProvider, std::uint64_t disk = 100 * kGib) {
    if (!net.state().provider(actor(provider))) net.done(provider, registration(provider));
    auto post = offer_of(1, credits(2));
    post.machine.disk_bytes = disk;
    post.prices.storage_per_gib_hour = Money{3600};
    return net.done(provider, post).offer;
  }
  static model::SubmitRequest keeper(std::uint64_t keep_s = kKeep, std::uint64_t duration_s = 7200) {
    auto request = request_for(1, duration_s);
    request.demand.disk_bytes = 10 * kGib;
    request.demand.keep_s = keep_s;
    return request;
  }
  model::LeaseId start(const model::SubmitRequest& request = keeper(), std::uint64_t consumer = kConsumer) {
    const auto id = net.done(consumer, request).lease;
    net.done(kProvider, confirmation(kProvider, id));
    return id;
  }
  void finish(model::LeaseId id) { net.done(kProvider, EndLease{id, EndReason::completed, "job exited with code 0"}); }
  /// Half an hour of work, and its end.
  model::LeaseId keep(const model::SubmitRequest& request = keeper()) {
    const auto id = start(request);
    net.wait_alive_s(1800, {kProvider});
    finish(id);
    return id;
  }
  static constexpr std::int64_t kWork = kRate.micros / 2;  ///< What that costs.
  [[nodiscard]] const model::Provider& provider() const { return *net.state().provider(actor(kProvider)); }
};

TEST_F(Keeping, the_devices_of_a_job_that_is_done_are_free_and_its_files_stay) {
  const auto before = net.balance(kConsumer);
  const auto id = start();
  EXPECT_EQ(lease(id).keep_rate_per_hour, Money{36'000});
  EXPECT_EQ(lease(id).keep_reserve.micros, kReserve);
  EXPECT_EQ(lease(id).locked.micros, 2 * kRate.micros + kReserve);
  auto patient = request_for(1, 600);
  patient.wait_until = after_s(net.now, 7200);
  const auto waits = net.done(kOther, patient).request;
  net.wait_alive_s(1800, {kProvider});
  finish(id);

  const auto& kept = lease(id);
  EXPECT_EQ(kept.state, LeaseState::kept);
  EXPECT_EQ(kept.end_reason, EndReason::completed);
  EXPECT_EQ(kept.note, "job exited with code 0");
  EXPECT_EQ(kept.billed_s, 1800);
  EXPECT_EQ(kept.ends_at, net.now);
  EXPECT_EQ(kept.kept_until, after_s(net.now, kKeep));
  EXPECT_EQ(net.balance(kConsumer).micros, before.micros - kFee.micros - kWork - kReserve);
  EXPECT_EQ(net.state().request(waits)->state, model::RequestState::matched) << "the GPU is another's at once";
  EXPECT_EQ(net.state().offer(offer)->leased_devices, 1U);
  EXPECT_EQ(net.state().offer(offer)->leased_disk_bytes, 10 * kGib);
  EXPECT_EQ(provider().live_leases, 2U);
  EXPECT_EQ(provider().leases_completed, 1U);
  EXPECT_EQ(net.state().request(kept.request)->state, model::RequestState::ended);
}

TEST_F(Keeping, its_disk_is_nobody_elses) {
  const auto id = keep();
  auto large = request_for(1, 600);
  large.demand.disk_bytes = 91 * kGib;
  net.refused(kOther, large, ErrorCode::no_match);
  large.wait_until = after_s(net.now, 7200);
  const auto waits = net.done(kOther, large).request;
  net.done(kConsumer, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(net.state().request(waits)->state, model::RequestState::matched);
}

TEST_F(Keeping, it_ends_by_itself_and_is_paid_for_after_the_claim_window) {
  const auto id = keep();
  const auto balance = net.balance(kConsumer);
  net.wait_alive_s(kKeep - 1, {kProvider});
  EXPECT_EQ(lease(id).state, LeaseState::kept);
  net.wait_alive_s(1, {kProvider});
  EXPECT_EQ(lease(id).state, LeaseState::ended);
  EXPECT_EQ(lease(id).keep_end, EndReason::completed);
  EXPECT_EQ(lease(id).end_reason, EndReason::completed);
  EXPECT_EQ(lease(id).billed_s, 1800) << "its run is what it was";
  EXPECT_EQ(lease(id).keep_reserve.micros, kReserve);
  EXPECT_EQ(net.balance(kConsumer), balance) << "all of the reserve was used";
  EXPECT_EQ(net.state().offer(offer)->leased_disk_bytes, 0U);
  EXPECT_EQ(provider().live_leases, 0U);
  net.wait_s(3600 - static_cast<std::int64_t>(kKeep));
  EXPECT_EQ(lease(id).released.micros, kWork) << "its run, as if nothing had been kept";
  net.wait_s(kKeep);
  EXPECT_EQ(net.closed(id).released.micros, kWork + kReserve);
  EXPECT_EQ(provider().earned.micros, kWork + kReserve);
  EXPECT_EQ(net.state().counts().requests, 0U);
}

TEST_F(Keeping, its_consumer_ends_it_at_any_time_and_has_the_rest_back) {
  const auto id = keep();
  net.wait_alive_s(100, {kProvider});
  const auto balance = net.balance(kConsumer);
  net.refused(kConsumer, EndLease{id, EndReason::cancelled, ""}, ErrorCode::wrong_state);
  net.refused(kConsumer, EndLease{id, EndReason::provider_failed, ""}, ErrorCode::not_authorized);
  net.refused(kOther, EndLease{id, EndReason::completed, ""}, ErrorCode::not_authorized);
  net.done(kConsumer, EndLease{id, EndReason::completed, "have them"});
  EXPECT_EQ(lease(id).keep_reserve.micros, 100 * kPerSecond);
  EXPECT_EQ(lease(id).kept_until, net.now);
  EXPECT_EQ(lease(id).note, "job exited with code 0") << "why its run ended";
  EXPECT_EQ(net.balance(kConsumer).micros, balance.micros - 3 * kFee.micros + kReserve - 100 * kPerSecond);
  net.refused(kConsumer, EndLease{id, EndReason::completed, ""}, ErrorCode::wrong_state);
  net.wait_s(3600);
  EXPECT_EQ(net.closed(id).released.micros, kWork + 100 * kPerSecond);
}

TEST_F(Keeping, files_that_their_provider_lost_cost_nothing_and_count_as_a_failure) {
  const auto id = keep();
  net.wait_alive_s(100, {kProvider});
  const auto balance = net.balance(kConsumer);
  EXPECT_THAT(net.refused(kProvider, EndLease{id, EndReason::completed, ""}, ErrorCode::wrong_state),
              HasSubstr("lease-1's files are kept until"));
  net.refused(kProvider, EndLease{id, EndReason::cancelled, ""}, ErrorCode::not_authorized);
  net.done(kProvider, EndLease{id, EndReason::provider_failed, "the disk broke"});
  EXPECT_EQ(lease(id).keep_end, EndReason::provider_failed);
  EXPECT_EQ(lease(id).end_reason, EndReason::completed);
  EXPECT_EQ(net.balance(kConsumer).micros, balance.micros + kReserve);
  EXPECT_EQ(provider().leases_completed, 1U);
  EXPECT_EQ(provider().leases_failed, 1U);
  net.wait_s(3600);
  EXPECT_EQ(net.closed(id).released.micros, kWork);
}

TEST_F(Keeping, a_provider_that_is_lost_lost_them) {
  const auto id = keep(keeper(3600));
  net.wait_s(900);
  EXPECT_EQ(lease(id).state, LeaseState::ended);
  EXPECT_EQ(lease(id).keep_end, EndReason::provider_failed);
  EXPECT_EQ(lease(id).keep_reserve, Money{});
  EXPECT_EQ(provider().live_leases, 0U);
  EXPECT_EQ(provider().leases_failed, 1U);
}

TEST_F(Keeping, time_that_its_provider_was_not_there_is_not_paid_for) {
  const auto id = keep();
  net.wait_s(200);
  net.done(kProvider, model::Heartbeat{});
  EXPECT_EQ(net.state().accrual(lease(id), net.now).keeping, Money{});
  net.wait_alive_s(400, {kProvider});
  EXPECT_EQ(lease(id).keep_reserve.micros, 400 * kPerSecond);
}

TEST_F(Keeping, silence_that_was_taken_off_its_run_is_not_taken_off_again) {
  const auto id = start(keeper(kKeep, 600));
  net.wait_alive_s(400, {kProvider});
  net.wait_s(200);  // silent from 400 on
  EXPECT_EQ(lease(id).state, LeaseState::kept);
  EXPECT_EQ(lease(id).billed_s, 400);
  net.wait_s(100);
  net.done(kProvider, model::Heartbeat{});
  net.wait_alive_s(500, {kProvider});
  EXPECT_EQ(lease(id).keep_reserve.micros, 500 * kPerSecond) << "100 of the 300 silent seconds";
}

TEST_F(Keeping, the_end_of_its_time_or_money_keeps_its_files_too) {
  const auto by_time = start(keeper(kKeep, 600));
  net.wait_alive_s(600, {kProvider});
  EXPECT_EQ(lease(by_time).state, LeaseState::kept);
  EXPECT_EQ(lease(by_time).end_reason, EndReason::completed);
  auto request = keeper();
  request.demand.max_cost = Money{kWork + kReserve};
  const auto by_money = start(request);
  EXPECT_EQ(lease(by_money).locked, request.demand.max_cost);
  EXPECT_EQ(lease(by_money).ends_at, after_s(net.now, 1800)) << "the reserve pays for no running";
  net.wait_alive_s(1800, {kProvider});
  EXPECT_EQ(lease(by_money).end_reason, EndReason::exhausted);
  EXPECT_EQ(lease(by_money).billed_s, 1800);
  EXPECT_EQ(lease(by_money).refunded, Money{});
  net.wait_alive_s(kKeep, {kProvider});
  EXPECT_EQ(lease(by_money).keep_reserve.micros, kReserve);
}

TEST_F(Keeping, who_ends_the_run_itself_keeps_nothing) {
  const auto before = net.balance(kConsumer);
  const auto id = start();
  net.wait_alive_s(1800, {kProvider});
  net.done(kConsumer, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(lease(id).state, LeaseState::ended);
  EXPECT_EQ(lease(id).keep_end, EndReason::none);
  EXPECT_EQ(lease(id).kept_until, Time{});
  EXPECT_EQ(net.balance(kConsumer).micros, before.micros - 2 * kFee.micros - kWork);
  const auto failed = start();
  net.done(kProvider, EndLease{failed, EndReason::provider_failed, ""});
  EXPECT_EQ(net.closed(failed).refunded, net.closed(failed).locked);
  const auto cancelled = net.done(kConsumer, keeper()).lease;
  net.done(kConsumer, EndLease{cancelled, EndReason::cancelled, ""});
  EXPECT_EQ(net.closed(cancelled).refunded, net.closed(cancelled).locked);
}

TEST_F(Keeping, topping_up_and_extending_buy_running_only_and_not_once_it_is_over) {
  auto request = keeper();
  request.demand.max_cost = Money{kRate.micros + kReserve};
  const auto id = start(request);
  EXPECT_EQ(lease(id).ends_at, after_s(lease(id).started_at, 3600));
  net.refused(kConsumer, model::TopUpLease{id, Money{kRate.micros + 1}}, ErrorCode::invalid_argument);
  net.done(kConsumer, model::TopUpLease{id, kRate});
  EXPECT_EQ(lease(id).ends_at, after_s(lease(id).started_at, 7200));
  net.done(kConsumer, model::ExtendLease{id, 10'800});
  EXPECT_EQ(lease(id).locked.micros, 3 * kRate.micros + kReserve);
  EXPECT_EQ(lease(id).ends_at, after_s(lease(id).started_at, 10'800));
  finish(id);
  EXPECT_THAT(net.refused(kConsumer, model::TopUpLease{id, Money{1}}, ErrorCode::wrong_state),
              HasSubstr("lease-1 runs no more, only its files are kept until"));
  net.refused(kConsumer, model::ExtendLease{id, 20'000}, ErrorCode::wrong_state);
  net.refused(kProvider, confirmation(kProvider, id), ErrorCode::wrong_state);
}

TEST_F(Keeping, asks_for_a_disk_and_a_time_that_the_network_allows) {
  auto request = keeper(7 * 86'400 + 1);
  EXPECT_THAT(net.refused(kConsumer, request, ErrorCode::invalid_argument), HasSubstr("files are kept for 7d"));
  request.demand.keep_s = 1;
  request.demand.disk_bytes = 0;
  EXPECT_THAT(net.refused(kConsumer, request, ErrorCode::invalid_argument), HasSubstr("disk 1GiB"));
  auto params = test_params();
  params.max_keep_s = 0;
  net = Network(test_genesis(8, params));
  EXPECT_THAT(net.refused(kConsumer, keeper(1), ErrorCode::invalid_argument), HasSubstr("this network keeps no files"));
}

TEST_F(Keeping, a_max_cost_that_cannot_hold_the_reserve_is_said) {
  auto request = keeper();
  request.demand.max_cost = Money{kReserve + 565};  // a second costs 565.6
  EXPECT_THAT(net.refused(kConsumer, request, ErrorCode::no_match),
              HasSubstr("with a higher max_cost: the shortest lease and keeping its files cost 0.006566"));
  request.demand.max_cost.micros += 1;
  EXPECT_EQ(net.done(kConsumer, request).lease, model::LeaseId{1});
}

TEST_F(Keeping, its_run_is_released_while_its_files_stay) {
  const auto id = keep(keeper(3 * 3600));
  net.wait_alive_s(3599, {kProvider});
  net.done(kOther, model::Settle{id});
  EXPECT_EQ(lease(id).released.micros, kRate.micros * 1799 / 3600);
  net.wait_alive_s(1, {kProvider});
  EXPECT_EQ(lease(id).state, LeaseState::kept);
  EXPECT_EQ(lease(id).released.micros, kWork);
  net.wait_alive_s(2 * 3600, {kProvider});
  EXPECT_EQ(lease(id).state, LeaseState::ended);
  EXPECT_EQ(lease(id).released.micros, kWork) << "what keeping cost is pending";
  net.wait_s(3600);
  EXPECT_EQ(net.closed(id).released.micros, kWork + 3 * 3600 * kPerSecond);
}

TEST_F(Keeping, a_withdrawn_offer_stays_for_its_files) {
  const auto id = keep();
  net.done(kProvider, model::WithdrawOffer{offer});
  ASSERT_NE(net.state().offer(offer), nullptr);
  EXPECT_EQ(provider().live_offers, 1U);
  net.done(kConsumer, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(net.state().offer(offer), nullptr);
  EXPECT_EQ(provider().live_offers, 0U);
}

TEST_F(Keeping, where_storage_is_free_it_costs_nothing_and_lasts_as_long) {
  auto prices = net.state().offer(offer)->prices;
  prices.storage_per_gib_hour = {};
  net.done(kProvider, model::UpdateOffer{offer, prices, {}});
  const auto id = start();
  finish(id);  // in the same second: nothing is earned either
  EXPECT_EQ(lease(id).state, LeaseState::kept);
  EXPECT_EQ(escrow(lease(id)), Money{});
  net.wait_alive_s(kKeep, {kProvider});
  EXPECT_EQ(net.closed(id).keep_end, EndReason::completed);
  EXPECT_EQ(net.state().counts().requests, 0U);
}

TEST_F(Keeping, kept_leases_count_for_the_limit_of_an_account) {
  auto params = test_params();
  params.max_live_per_account = 2;
  net = Network(test_genesis(8, params));
  offer = list_storage();
  keep();
  keep();
  EXPECT_THAT(net.refused(kConsumer, keeper(), ErrorCode::limit_reached), HasSubstr("end some first"));
}

TEST_F(Keeping, who_rents_from_itself_keeps_what_its_agent_says_is_done) {
  model::AuthorizeKey grant{actor(7), {"confirm_lease", "end_lease"}, credits(1), after_s(net.now, 86'400)};
  net.done(kProvider, grant);
  const auto by_agent = [&](model::Operation operation) {
    auto tx = net.transaction(kProvider, {std::move(operation)});
    tx.signer = actor(7);
    const auto receipt = net.send(tx);
    EXPECT_EQ(receipt.code, ErrorCode::ok) << receipt.message;
  };
  const auto id = start(keeper(), kProvider);
  net.wait_alive_s(60, {kProvider});
  by_agent(EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(lease(id).state, LeaseState::kept);
  net.done(kProvider, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(lease(id).keep_end, EndReason::completed);
  const auto other = start(keeper(), kProvider);
  net.wait_alive_s(60, {kProvider});
  net.done(kProvider, EndLease{other, EndReason::completed, ""});
  EXPECT_EQ(lease(other).state, LeaseState::ended) << "by its own key it is the consumer";
}

TEST_F(Keeping, counts_once_for_prices_and_with_all_of_its_cost_for_fees) {
  auto params = test_params();
  params.fee_tiers = {{credits(900), 1000}};
  net = Network(test_genesis(8, params));
  offer = list_storage();
  const auto trades = [&] {
    const auto dump = net.ledger.dump();
    return std::count_if(dump.begin(), dump.end(), [](const auto& record) { return record.key[0] == 17; });
  };
  const auto id = keep();
  EXPECT_EQ(trades(), 1) << "when its run ends";
  EXPECT_EQ(net.state().incentive(actor(kConsumer), net.now).spent.micros, kWork);
  net.wait_alive_s(100, {kProvider});
  net.done(kConsumer, EndLease{id, EndReason::completed, ""});
  EXPECT_EQ(trades(), 1);
  EXPECT_EQ(net.state().incentive(actor(kConsumer), net.now).spent.micros, kWork + 100 * kPerSecond);
  EXPECT_EQ(provider().leases_completed, 1U);
}

TEST_F(Keeping, is_told_in_events_and_survives_a_reload) {
  const auto id = keep();
  const auto kept = std::find_if(net.events.begin(), net.events.end(),
                                 [](const auto& event) { return event.kind == EventKind::lease_kept; });
  ASSERT_NE(kept, net.events.end());
  EXPECT_EQ(kept->account, actor(kConsumer));
  EXPECT_EQ(kept->counterparty, actor(kProvider));
  EXPECT_EQ(kept->offer, offer);
  EXPECT_EQ(kept->amount.micros, 2 * kRate.micros - kWork);
  EXPECT_EQ(kept->note, "completed");
  auto again = reload(net.ledger);
  ASSERT_TRUE(again) << again.error().message;
  net.twin = std::move(*again);
  net.wait_alive_s(kKeep, {kProvider});
  net.wait_s(3600);
  std::vector<EventKind> kinds;
  for (const auto& event : net.events) {
    if (event.lease == id) kinds.push_back(event.kind);
  }
  EXPECT_THAT(kinds, ElementsAre(EventKind::request_matched, EventKind::lease_matched, EventKind::lease_running,
                                 EventKind::lease_kept, EventKind::request_ended, EventKind::lease_ended,
                                 EventKind::lease_released, EventKind::lease_released, EventKind::lease_closed));
}

}  // namespace
}  // namespace hanse::ledger
