// Spot: auctions on a small network, what they cost, and who has to leave.

#include "model/spot.hpp"
#include "ledger/testing.hpp"
#include "market/check.hpp"
#include "model/price_class.hpp"

namespace hanse::ledger {
namespace {

using model::EndReason;
using model::EventKind;
using model::LeaseState;
using model::RequestState;
using ::testing::HasSubstr;

class Spot : public Rental {
 public:
  static constexpr std::uint64_t kThird = 3, kFourth = 4;
  static constexpr std::int64_t kPeriod = 300, kWindow = 60, kNotice = 120;

  model::OfferId list_spot(Money floor, std::uint32_t gpus = 1, std::uint64_t provider = kProvider,
                           std::string name = "box") {
    if (!net.state().provider(actor(provider))) net.done(provider, registration(provider));
    auto post = offer_of(gpus, credits(2), std::move(name));
    post.prices.spot_floor_per_gpu_hour = floor;
    return net.done(provider, post).offer;
  }
  static model::SubmitRequest bid_of(Money bid, std::uint32_t gpus = 1, std::uint64_t duration_s = 7200) {
    auto request = request_for(gpus, duration_s);
    request.demand.mode = model::Mode::spot;
    request.demand.max_price_per_gpu_hour = bid;
    return request;
  }
  model::RequestId bid(std::uint64_t consumer, Money amount, std::uint32_t gpus = 1) {
    return net.done(consumer, bid_of(amount, gpus)).request;
  }
  /// Everybody alive until then.
  void until(Time at) {
    std::vector<std::uint64_t> providers;
    for (const auto number : {kProvider, kSecond}) {
      if (net.state().provider(actor(number))) providers.push_back(number);
    }
    if (at > net.now) net.wait_alive_s((at.ms - net.now.ms) / 1000, providers);
  }
  [[nodiscard]] Time coming_auction() const { return model::next_auction(net.now, net.state().params()); }
  void auction() { until(coming_auction()); }

  [[nodiscard]] const model::Request& request(model::RequestId id) const {
    const auto* found = net.state().request(id);
    EXPECT_NE(found, nullptr) << model::format_id(id) << " is not live";
    static const model::Request none;
    return found ? *found : none;
  }
  void confirm(model::LeaseId id) {
    for (const auto number : {kProvider, kSecond}) {
      if (lease(id).provider == actor(number)) net.done(number, confirmation(number, id));
    }
  }
  /// A lease that an auction gave and that runs.
  model::LeaseId win(std::uint64_t consumer, Money amount, std::uint32_t gpus = 1) {
    const auto id = bid(consumer, amount, gpus);
    auction();
    const auto won = request(id).lease;
    EXPECT_TRUE(won);
    confirm(won);
    return won;
  }
};

TEST_F(Spot, the_only_bid_gets_the_machine_at_its_floor_in_the_next_auction) {
  list_spot(credits(1), 4);
  const auto before = net.balance(1);
  const auto outcome = net.done(1, bid_of(credits(3), 2, 3600));
  EXPECT_FALSE(outcome.lease);
  EXPECT_THAT(outcome.explanation, HasSubstr("It bids 3.00 per GPU-hour in the auction at"));
  EXPECT_EQ(request(outcome.request).state, RequestState::waiting);
  EXPECT_EQ(net.balance(1).micros, before.micros - kFee.micros) << "money is locked when it wins";

  auction();
  const auto& won = lease(request(outcome.request).lease);
  EXPECT_EQ(won.rate_per_hour, credits(2)) << "two GPUs at the floor";
  EXPECT_EQ(won.bid_per_gpu_hour, credits(3));
  EXPECT_EQ(won.locked, credits(6)) << "what it may come to cost";
  EXPECT_EQ(net.balance(1).micros, before.micros - kFee.micros - credits(6).micros);
  const auto* cleared = net.state().auction(model::id_of_class("h100-sxm/europe"));
  ASSERT_NE(cleared, nullptr);
  EXPECT_EQ(*cleared, (model::Auction{"h100-sxm/europe", net.now, credits(1), 1, 1, 2}));
  EXPECT_EQ(net.count(EventKind::auction_cleared), 1U);

  confirm(won.id);
  const auto id = won.id;
  until(after_s(net.now, 3600));
  EXPECT_EQ(lease(id).end_reason, EndReason::completed);
  EXPECT_EQ(net.balance(1).micros, before.micros - kFee.micros - credits(2).micros) << "the rest comes back";
  until(after_s(net.now, 3600));
  EXPECT_EQ(net.closed(id).released, credits(2));
  EXPECT_FALSE(net.state().next_timer() && *net.state().next_timer() == coming_auction()) << "nobody bids: no clock";
}

TEST_F(Spot, what_runs_on_spot_is_not_in_use_for_the_base_price) {
  list_spot(credits(1), 4);
  win(1, credits(3), 2);
  const auto leased_after_a_step = [&] {
    until(after_s(net.now, static_cast<std::int64_t>(net.state().params().price_step_s)));
    const auto classes = net.state().classes("", 10);
    EXPECT_EQ(classes.at(0)->gpus, 4U);
    return classes.at(0)->leased;
  };
  EXPECT_EQ(leased_after_a_step(), 0U);
  const auto id = net.done(2, request_for(1, 7200)).lease;
  net.done(kProvider, confirmation(kProvider, id));
  EXPECT_EQ(leased_after_a_step(), 1U);
}

TEST_F(Spot, a_bid_in_the_reveal_window_sits_that_auction_out) {
  list_spot(credits(1));
  net.now = after_s(kBegin, kPeriod - kWindow);
  const auto outcome = net.done(1, bid_of(credits(3)));
  EXPECT_THAT(outcome.explanation, HasSubstr(model::format_time(after_s(kBegin, 2 * kPeriod))));
  auction();
  EXPECT_EQ(request(outcome.request).state, RequestState::waiting);
  auction();
  EXPECT_EQ(request(outcome.request).state, RequestState::matched);
}

TEST_F(Spot, the_highest_bids_win_at_the_highest_losing_one_and_losers_keep_waiting) {
  list_spot(credits(1), 2);
  const auto low = bid(1, credits(2));
  const auto high = bid(2, credits(5));
  const auto middle = bid(3, credits(4));
  auction();
  EXPECT_EQ(request(low).state, RequestState::waiting);
  EXPECT_EQ(lease(request(high).lease).rate_per_hour, credits(2));
  EXPECT_EQ(lease(request(middle).lease).rate_per_hour, credits(2));
}

TEST_F(Spot, a_sealed_bid_takes_part_once_revealed) {
  list_spot(credits(1));
  FixedBytes<32> salt;
  salt.data.fill(7);
  auto submit = bid_of(Money{});
  submit.sealed_bid = model::hash_bid(credits(3), salt, actor(1));
  const auto id = net.done(1, submit).request;
  net.refused(1, model::RevealBid{id, credits(3), salt}, ErrorCode::wrong_state);
  auction();
  EXPECT_EQ(request(id).state, RequestState::waiting) << "unrevealed, it sat out";

  until(model::reveals_from(coming_auction(), net.state().params()));
  net.refused(1, model::RevealBid{id, credits(4), salt}, ErrorCode::invalid_argument);
  net.refused(2, model::RevealBid{id, credits(3), salt}, ErrorCode::not_authorized);
  net.refused(1, model::RevealBid{{999}, credits(3), salt}, ErrorCode::not_found);
  net.refused(1, model::RevealBid{id, Money{}, salt}, ErrorCode::invalid_argument);
  net.done(1, model::RevealBid{id, credits(3), salt});
  EXPECT_EQ(net.events.back().kind, EventKind::bid_revealed);
  net.refused(1, model::RevealBid{id, credits(3), salt}, ErrorCode::wrong_state);
  auction();
  EXPECT_EQ(lease(request(id).lease).bid_per_gpu_hour, credits(3));
}

TEST_F(Spot, a_sealed_bid_keeps_to_its_public_ceiling) {
  FixedBytes<32> salt;
  auto submit = bid_of(credits(2));
  submit.sealed_bid = model::hash_bid(credits(3), salt, actor(1));
  const auto id = net.done(1, submit).request;
  net.now = model::reveals_from(coming_auction(), net.state().params());
  EXPECT_THAT(net.refused(1, model::RevealBid{id, credits(3), salt}, ErrorCode::invalid_argument),
              HasSubstr("max_price of 2"));
}

TEST_F(Spot, who_is_outbid_is_told_and_leaves_at_the_end_of_the_notice) {
  list_spot(credits(1));
  const auto first = win(1, credits(2));
  const auto first_request = lease(first).request;
  const auto balance = net.balance(2);
  const auto winner = bid(2, credits(5));
  auction();
  const Time at = net.now;
  EXPECT_EQ(lease(first).preempt_at, after_s(at, kNotice));
  EXPECT_EQ(lease(first).state, LeaseState::running);
  EXPECT_EQ(net.count(EventKind::lease_preempting), 1U);
  EXPECT_EQ(request(winner).state, RequestState::waiting);
  EXPECT_EQ(request(winner).held, credits(10)) << "who made others leave has the money ready";
  EXPECT_EQ(net.balance(2).micros, balance.micros - kFee.micros - credits(10).micros);

  const auto failed = net.state().provider(actor(kProvider))->leases_failed;
  const auto poor = net.balance(1);
  until(after_s(at, kNotice));
  EXPECT_EQ(lease(first).end_reason, EndReason::preempted);
  EXPECT_EQ(lease(first).billed_s, kPeriod + kNotice);
  EXPECT_EQ(net.balance(1).micros, poor.micros + lease(first).refunded.micros);
  EXPECT_EQ(lease(first).locked.micros - lease(first).refunded.micros, 1'000'000 * (kPeriod + kNotice) / 3600);
  EXPECT_EQ(net.state().provider(actor(kProvider))->leases_failed, failed) << "no blame";
  EXPECT_EQ(request(first_request).state, RequestState::waiting) << "it bids again";
  const auto& second = lease(request(winner).lease);
  EXPECT_EQ(second.rate_per_hour, credits(2)) << "the highest losing bid";
  EXPECT_EQ(second.locked, credits(10));
  EXPECT_EQ(request(winner).held, Money{});
}

TEST_F(Spot, what_was_won_and_is_given_back_is_refunded) {
  list_spot(credits(1));
  win(1, credits(2));
  const auto before = net.balance(2);
  const auto winner = bid(2, credits(5));
  auction();
  EXPECT_EQ(request(winner).held, credits(10));
  net.done(2, model::CancelRequest{winner});
  EXPECT_EQ(net.balance(2).micros, before.micros - 2 * kFee.micros);
}

TEST_F(Spot, prices_of_running_leases_follow_the_auctions_exactly) {
  list_spot(credits(1), 2);
  const auto held = win(1, credits(10));
  const Time start = net.now;
  EXPECT_EQ(lease(held).rate_per_hour, credits(1));
  const auto beside = bid(2, Money{3'333'333});
  bid(3, Money{2'777'777});
  auction();  // the third bid loses to two: it is the price
  EXPECT_EQ(lease(held).rate_per_hour, Money{2'777'777});
  EXPECT_EQ(net.count(EventKind::lease_repriced), 1U);
  confirm(request(beside).lease);
  until(after_s(start, 1000));
  const std::int64_t micros = (1'000'000 * 300 + 2'777'777LL * 700) / 3600;
  EXPECT_EQ(net.state().accrual(lease(held), net.now).amount, Money{micros});
  net.done(1, model::EndLease{held, EndReason::completed, ""});
  EXPECT_EQ(lease(held).locked.micros - lease(held).refunded.micros, micros);
  // Released is what had accrued a claim window ago: first by the first rate, then by both.
  until(after_s(start, 3600 + 200));
  net.done(1, model::Settle{held});
  EXPECT_EQ(lease(held).released.micros, 1'000'000LL * 200 / 3600);
  until(after_s(start, 3600 + 700));
  net.done(1, model::Settle{held});
  EXPECT_EQ(lease(held).released.micros, (1'000'000 * 300 + 2'777'777LL * 400) / 3600);
  until(after_s(start, 3600 + 1000));
  EXPECT_EQ(net.closed(held).released.micros, micros);
}

TEST_F(Spot, on_demand_comes_first_and_the_cheapest_that_suffice_leave) {
  list_spot(credits(1), 4);
  const auto a = bid(1, credits(5), 2), b = bid(2, credits(3), 1), c = bid(3, credits(4), 1);
  auction();
  for (const auto id : {a, b, c}) confirm(request(id).lease);
  const auto cheap = request(b).lease, dear = request(a).lease, middle = request(c).lease;
  auto demand = request_for(1, 3600);
  net.refused(4, demand, ErrorCode::no_match);  // it does not wait: nobody leaves for it
  demand.wait_until = after_s(net.now, 3600);
  const auto waits = net.done(4, demand).request;
  EXPECT_NE(lease(cheap).preempt_at.ms, 0);
  EXPECT_EQ(lease(dear).preempt_at.ms, 0);
  EXPECT_EQ(lease(middle).preempt_at.ms, 0);
  until(after_s(net.now, kNotice));
  EXPECT_EQ(request(waits).state, RequestState::matched);
  EXPECT_EQ(lease(request(waits).lease).rate_per_hour, credits(2)) << "the posted price";
}

TEST_F(Spot, one_large_lease_that_suffices_alone_is_not_joined_by_a_cheap_one) {
  list_spot(credits(1), 4);
  const auto a = bid(1, credits(5), 3), b = bid(2, credits(3), 1);
  auction();
  for (const auto id : {a, b}) confirm(request(id).lease);
  auto demand = request_for(3, 3600);
  demand.wait_until = after_s(net.now, 3600);
  net.done(4, demand);
  EXPECT_NE(lease(request(a).lease).preempt_at.ms, 0);
  EXPECT_EQ(lease(request(b).lease).preempt_at.ms, 0) << "its one device would not help";
}

TEST_F(Spot, a_lease_that_does_not_run_yet_leaves_at_once) {
  list_spot(credits(1));
  const auto before = net.balance(1);
  const auto id = bid(1, credits(5));
  auction();
  const auto matched = request(id).lease;
  auto demand = request_for(1, 3600);
  demand.wait_until = after_s(net.now, 3600);
  const auto outcome = net.done(4, demand);
  EXPECT_TRUE(outcome.lease);
  EXPECT_EQ(net.closed(matched).end_reason, EndReason::preempted);
  EXPECT_EQ(net.balance(1).micros, before.micros - kFee.micros);
  EXPECT_EQ(request(id).state, RequestState::waiting);
}

TEST_F(Spot, an_offer_without_a_floor_is_not_for_rent_on_spot) {
  list(kProvider, 4);
  const auto outcome = net.done(1, bid_of(credits(9)));
  EXPECT_THAT(outcome.explanation, HasSubstr("No machine that is for rent on spot fits"));
  auction();
  EXPECT_EQ(request(outcome.request).state, RequestState::waiting);
  list_spot(credits(1), 1, kSecond);
  auction();
  EXPECT_EQ(request(outcome.request).state, RequestState::matched);
}

TEST_F(Spot, a_bid_for_another_class_is_none_of_this_ones) {
  list_spot(credits(1));
  auto post = offer_of(1, credits(2), "other");
  post.machine.gpu_model = "T4";
  post.prices.spot_floor_per_gpu_hour = credits(1);
  net.done(kProvider, post);
  auto other = bid_of(credits(3));
  other.demand.where = "gpu=T4";
  net.done(1, other);
  auction();
  EXPECT_EQ(net.state().auction(model::id_of_class("h100-sxm/europe")), nullptr);
  bid(kThird, credits(2));
  net.done(kFourth, other);
  auction();
  EXPECT_EQ(net.state().auction(model::id_of_class("h100-sxm/europe"))->bids, 1U);
  EXPECT_EQ(net.state().auction(model::id_of_class("t4/europe"))->bids, 2U) << "the one that runs, and the new one";
}

TEST_F(Spot, who_bids_more_than_it_has_shuts_nobody_out) {
  list_spot(credits(1), 4);
  std::vector<model::RequestId> rich;
  for (int i = 0; i < 4; ++i) rich.push_back(net.done(1, bid_of(credits(200))).request);  // 400 credits each, of 1000
  const auto modest = bid(2, credits(2));
  auction();
  int matched = 0;
  for (const auto id : rich) matched += request(id).state == RequestState::matched;
  EXPECT_EQ(matched, 2) << "as many as its money is enough for";
  EXPECT_EQ(request(modest).state, RequestState::matched);
}

TEST_F(Spot, a_pre_empted_request_pays_no_more_than_its_max_cost_in_all) {
  list_spot(credits(1));
  auto submit = bid_of(credits(2));
  submit.demand.max_cost = credits(1);
  const auto id = net.done(1, submit).request;
  auction();
  confirm(request(id).lease);
  bid(2, credits(5));
  auction();
  until(after_s(net.now, kNotice));
  EXPECT_EQ(request(id).state, RequestState::waiting);
  EXPECT_EQ(request(id).demand.max_cost.micros, 1'000'000 - 1'000'000 * (kPeriod + kNotice) / 3600);
}

TEST_F(Spot, a_pre_empted_request_that_waits_no_longer_ends) {
  list_spot(credits(1));
  auto submit = bid_of(credits(2));
  submit.wait_until = after_s(net.now, kPeriod + 1);
  const auto id = net.done(1, submit).request;
  auction();
  confirm(request(id).lease);
  bid(2, credits(5));
  auction();
  until(after_s(net.now, kNotice));
  EXPECT_EQ(net.state().request(id), nullptr);
}

TEST_F(Spot, a_provider_that_does_not_start_it_is_passed_over) {
  list_spot(credits(1));
  list_spot(credits(3), 1, kSecond);
  const auto id = bid(1, credits(5));
  auction();
  EXPECT_EQ(lease(request(id).lease).provider, actor(kProvider));
  until(after_s(net.now, 300));  // the start deadline, and the next auction
  EXPECT_EQ(lease(request(id).lease).provider, actor(kSecond));
}

TEST_F(Spot, leases_of_a_silent_provider_stay_as_they_are) {
  list_spot(credits(1), 1);
  const auto held = win(1, credits(2));
  bid(2, credits(9));
  net.wait_s(kPeriod);  // nobody beats
  EXPECT_EQ(lease(held).preempt_at.ms, 0);
  EXPECT_EQ(lease(held).rate_per_hour, credits(1));
}

TEST_F(Spot, it_takes_no_more_disk_than_its_gpus_share) {
  list_spot(credits(1), 4);
  auto greedy = bid_of(credits(9));
  greedy.demand.disk_bytes = 2'000'000'000'000;
  auto fair = bid_of(credits(2));
  fair.demand.disk_bytes = 1'000'000'000'000;
  const auto a = net.done(1, greedy).request, b = net.done(2, fair).request;
  auction();
  EXPECT_EQ(request(a).state, RequestState::waiting);
  EXPECT_EQ(request(b).state, RequestState::matched);
}

TEST_F(Spot, what_cannot_bid_is_refused) {
  net.refused(1, bid_of(Money{}), ErrorCode::invalid_argument);
  net.refused(1, bid_of(credits(100'001)), ErrorCode::invalid_argument);
  auto sealed = request_for(1, 60);
  sealed.sealed_bid.data.fill(1);
  net.refused(1, sealed, ErrorCode::invalid_argument);
  auto priced = bid_of(credits(2));
  priced.demand.where = "price<2";
  net.refused(1, priced, ErrorCode::invalid_argument);
  auto params = test_params();
  params.auction_period_s = 0;
  Network without(test_genesis(8, params));
  without.refused(1, bid_of(credits(2)), ErrorCode::unsupported);
  params.auction_period_s = 60;
  EXPECT_FALSE(Ledger::from_genesis(test_genesis(8, params))) << "the windows do not fit into the period";
}

TEST_F(Spot, topping_up_and_extending_go_by_the_bid) {
  list_spot(credits(1));
  auto submit = bid_of(credits(3), 1, 3600);
  submit.demand.max_cost = credits(2);
  const auto id = net.done(1, submit).request;
  auction();
  const auto won = request(id).lease;
  confirm(won);
  EXPECT_EQ(lease(won).locked, credits(2));
  net.done(1, model::TopUpLease{won, credits(1)});
  net.refused(1, model::TopUpLease{won, Money{1}}, ErrorCode::invalid_argument);
  net.done(1, model::ExtendLease{won, 7200});
  EXPECT_EQ(lease(won).locked, credits(6));
}

/// Bids that keep their files: 10 GiB, at 0.36 an hour here.
class SpotKeeping : public Spot {
 public:
  static constexpr Money kKeepRate{360'000};

  model::OfferId list_storage(Money per_gib_hour = Money{36'000}, std::uint64_t provider = kProvider) {
    const auto offer = list_spot(credits(1), 1, provider);
    reprice(offer, per_gib_hour, provider);
    return offer;
  }
  void reprice(model::OfferId offer, Money per_gib_hour, std::uint64_t provider = kProvider) {
    auto prices = net.state().offer(offer)->prices;
    prices.storage_per_gib_hour = per_gib_hour;
    net.done(provider, model::UpdateOffer{offer, prices, {}});
  }
  static model::SubmitRequest keeper(Money bid, std::uint64_t keep_s = 3600) {
    auto submit = bid_of(bid);
    submit.demand.disk_bytes = 10ULL << 30;
    submit.demand.keep_s = keep_s;
    return submit;
  }
};

TEST_F(SpotKeeping, who_is_pre_empted_keeps_its_files_and_bids_again_with_what_is_left) {
  list_storage();
  auto submit = keeper(credits(2));
  submit.demand.max_cost = credits(3);
  const auto id = net.done(1, submit).request;
  auction();
  const auto first = request(id).lease;
  EXPECT_EQ(lease(first).locked, credits(3)) << "of which 0.36 is for the files";
  EXPECT_EQ(run_lock(lease(first)).micros, 3'000'000 - kKeepRate.micros);
  confirm(first);
  const auto winner = bid(2, credits(5));
  auction();
  until(after_s(net.now, kNotice));
  EXPECT_EQ(lease(first).state, LeaseState::kept);
  EXPECT_EQ(lease(first).end_reason, EndReason::preempted);
  EXPECT_EQ(request(winner).state, RequestState::matched) << "the place is the other's";
  EXPECT_EQ(request(id).state, RequestState::waiting);
  const std::int64_t used = 1'000'000 * (kPeriod + kNotice) / 3600;
  EXPECT_EQ(request(id).demand.max_cost.micros, 3'000'000 - used - kKeepRate.micros) << "its reserve counts as spent";
  net.done(2, model::EndLease{request(winner).lease, EndReason::cancelled, ""});
  auction();
  EXPECT_NE(request(id).lease, first);
  EXPECT_EQ(lease(request(id).lease).offer, lease(first).offer) << "beside its own files";
  until(after_s(lease(first).ends_at, 3600));
  EXPECT_EQ(lease(first).keep_end, EndReason::completed);
  EXPECT_EQ(lease(first).keep_reserve, kKeepRate);
}

TEST_F(SpotKeeping, what_one_request_left_on_machines_counts_for_the_limit_of_its_account) {
  auto params = test_params();
  params.max_live_per_account = 2;
  net = Network(test_genesis(8, params));
  list_storage();
  const auto id = net.done(1, keeper(credits(2))).request;
  auction();
  confirm(request(id).lease);
  const auto winner = bid(2, credits(5));
  auction();
  until(after_s(net.now, kNotice));
  net.done(2, model::EndLease{request(winner).lease, EndReason::cancelled, ""});
  auction();
  EXPECT_EQ(request(id).state, RequestState::matched);
  EXPECT_THAT(net.refused(1, keeper(credits(2)), ErrorCode::limit_reached), HasSubstr("live leases"));
  bid(1, credits(2));  // that keeps nothing
}

TEST_F(SpotKeeping, the_reserve_is_part_of_what_a_winner_holds_at_the_price_it_won_at) {
  const auto offer = list_storage();
  win(1, credits(2));
  const auto id = net.done(2, keeper(credits(5))).request;
  auction();
  EXPECT_EQ(request(id).held.micros, 10'000'000 + kKeepRate.micros);
  reprice(offer, Money{50'000});
  until(after_s(net.now, kNotice));
  const auto& won = lease(request(id).lease);
  EXPECT_EQ(won.keep_rate_per_hour, kKeepRate);
  EXPECT_EQ(won.keep_reserve, kKeepRate);
  EXPECT_EQ(run_lock(won), credits(10));
}

TEST_F(SpotKeeping, a_machine_whose_storage_costs_more_than_the_bid_is_not_for_it) {
  const auto offer = list_storage(Money{200'001});
  const auto id = net.done(1, keeper(credits(2))).request;
  auction();
  EXPECT_EQ(request(id).state, RequestState::waiting);
  reprice(offer, Money{200'000});
  auction();
  EXPECT_EQ(lease(request(id).lease).keep_reserve, credits(2));
}

TEST_F(SpotKeeping, a_max_cost_that_files_would_use_up_buys_no_machine) {
  const auto offer = list_storage();
  auto submit = keeper(credits(2));
  submit.demand.max_cost = Money{kKeepRate.micros + 555};  // a second at the bid costs 555.6
  const auto id = net.done(1, submit).request;
  auction();
  EXPECT_EQ(request(id).state, RequestState::waiting);
  reprice(offer, Money{35'000});
  auction();
  EXPECT_EQ(lease(request(id).lease).locked, submit.demand.max_cost);
}

TEST_F(SpotKeeping, a_dear_machine_keeps_no_bid_from_a_cheap_one) {
  list_storage(market::kMaxStoragePerGibHour, kSecond);
  const auto cheap = list_storage();
  auto submit = keeper(credits(2));
  submit.demand.max_cost = Money{2'000'000 + kKeepRate.micros};
  const auto id = net.done(1, submit).request;
  auction();
  EXPECT_EQ(lease(request(id).lease).offer, cheap);
}

TEST_F(SpotKeeping, every_winner_can_pay_for_its_files_too) {
  list_storage();
  const auto other = list_spot(credits(1), 1, kSecond);  // free storage
  // Two bids of 4.00 in all; once both are locked there are 0.36 left, for the files of one.
  net.done(
      1, model::Transfer{actor(8), Money{net.balance(1).micros - 8'000'000 - kKeepRate.micros - 3 * kFee.micros}, ""});
  const auto first = net.done(1, keeper(credits(2))).request;
  const auto second = net.done(1, keeper(credits(2))).request;
  ASSERT_EQ(net.balance(1).micros, 8'000'000 + kKeepRate.micros);
  auction();
  EXPECT_EQ(request(first).state, RequestState::matched);
  EXPECT_EQ(lease(request(second).lease).offer, other);
  EXPECT_EQ(net.balance(1), Money{});
}

}  // namespace
}  // namespace hanse::ledger
