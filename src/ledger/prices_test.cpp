// The prices of classes: an index of what was paid, a base price that follows use, offers that follow either.

#include "ledger/prices.hpp"

#include "ledger/testing.hpp"
#include "model/price_rule.hpp"

namespace hanse::ledger {
namespace {

constexpr std::int64_t kStep = 600, kHour = 3600, kDay = 86'400;

class Prices : public Rental {
 protected:
  const model::ClassId h100 = model::id_of_class("h100-sxm/europe");

  [[nodiscard]] const model::ClassPrices& prices() const {
    const auto* found = net.state().class_prices(h100);
    EXPECT_NE(found, nullptr);
    static const model::ClassPrices none;
    return found ? *found : none;
  }
  model::OfferId list_by_rule(std::uint64_t provider, std::string_view rule, std::string name = "box") {
    if (!net.state().provider(actor(provider))) net.done(provider, registration(provider));
    auto post = offer_of(4, credits(1), std::move(name));
    const auto set = model::set_price(post.prices, rule);
    EXPECT_TRUE(set) << rule;
    return net.done(provider, post).offer;
  }
  /// Rents for so long, on that provider's offer.
  void trade(std::uint64_t consumer, std::uint64_t provider, std::int64_t seconds = kHour, std::uint32_t gpus = 1) {
    auto request =
        request_for(gpus, static_cast<std::uint64_t>(seconds), "provider=" + model::format_address(actor(provider)));
    const auto id = net.done(consumer, request).lease;
    net.done(provider, confirmation(provider, id));
    net.wait_alive_s(seconds, {kProvider, kSecond, 7});
  }
  /// And a moment more, in which the followers are repriced.
  void steps(int count) { net.wait_alive_s(count * kStep + 60, {kProvider, kSecond, 7}); }
  [[nodiscard]] Money posted(model::OfferId id) const { return net.state().offer(id)->prices.on_demand_per_gpu_hour; }
};

TEST_F(Prices, there_are_none_until_a_lease_has_told_one) {
  list(kProvider, 4, credits(2));
  steps(3);
  EXPECT_EQ(prices().index, Money{});
  EXPECT_EQ(prices().base, Money{});
  EXPECT_EQ(prices().gpus, 4U);
  trade(1, kProvider);
  steps(1);
  EXPECT_EQ(prices().index, credits(2));
  EXPECT_EQ(prices().trades, 1U);
  EXPECT_GT(prices().base.micros, 0);
  EXPECT_EQ(net.state().classes("", 10).size(), 1U);
}

TEST_F(Prices, the_index_is_the_median_over_pairs_however_often_one_pair_trades) {
  list(kProvider, 4, credits(9));
  list(kSecond, 4, credits(2));
  for (int i = 0; i < 5; ++i) trade(1, kProvider);
  trade(2, kSecond);
  trade(3, kSecond);
  steps(1);
  EXPECT_EQ(prices().trades, 3U);
  EXPECT_EQ(prices().index, credits(2));
}

TEST_F(Prices, short_leases_and_those_with_oneself_tell_nothing) {
  list(kProvider, 4, credits(2));
  trade(kProvider, kProvider);
  trade(1, kProvider, 500);
  steps(2);
  EXPECT_EQ(prices().index, Money{});
}

TEST_F(Prices, a_discount_does_not_pull_the_index_down) {
  auto post = offer_of(4, credits(2));
  post.prices.volume_discounts = {{2, 5000}};
  net.done(kProvider, registration(kProvider));
  net.done(kProvider, post);
  trade(1, kProvider, kHour, 2);
  steps(1);
  EXPECT_EQ(prices().index, credits(2));
}

TEST_F(Prices, trades_grow_old_and_the_index_stays_until_another_tells) {
  list(kProvider, 4, credits(2));
  trade(1, kProvider);
  net.wait_s(8 * kDay);
  EXPECT_EQ(prices().trades, 0U);
  EXPECT_EQ(prices().index, credits(2));
}

TEST_F(Prices, the_base_price_rises_while_all_is_leased_and_falls_while_nothing_is) {
  list(kProvider, 4, credits(2));
  trade(1, kProvider);
  steps(1);
  const Money idle = prices().base;
  const auto id = net.done(1, request_for(4, 10 * kHour)).lease;
  net.done(kProvider, confirmation(kProvider, id));
  steps(2);
  const Money used = prices().base;
  EXPECT_GT(used, idle);
  EXPECT_LE(used.micros, idle.micros * 1021 / 1000);
  EXPECT_EQ(prices().leased, 4U);
  net.done(1, model::EndLease{id, model::EndReason::completed, ""});
  steps(2);
  EXPECT_LT(prices().base, used);
}

TEST_F(Prices, offers_follow_their_class_within_floor_and_cap) {
  list(kProvider, 4, credits(2));
  const auto peg = list_by_rule(kSecond, "index*0.95 from 3", "peg");
  const auto floored = list_by_rule(kSecond, "index*0.95 floor 1.95", "floored");
  const auto capped = list_by_rule(kSecond, "base*1.5 from 1 cap 2.10", "capped");
  const auto automatic = list_by_rule(kSecond, "auto from 1.50", "auto");
  EXPECT_EQ(posted(peg), credits(3)) << "there is no index yet";
  trade(1, kProvider);
  steps(2);
  EXPECT_EQ(posted(peg), Money{1'900'000});
  EXPECT_EQ(posted(floored), Money{1'950'000});
  EXPECT_EQ(posted(capped), Money{2'100'000});
  EXPECT_EQ(posted(automatic), prices().base);
  const auto late = list_by_rule(7, "index*0.90 from 5");
  EXPECT_EQ(posted(late), Money{1'800'000}) << "at once";
  const auto& made = lease(match(1, kHour));
  EXPECT_EQ(made.offer, late) << "and is what the book matches by";
  EXPECT_EQ(made.rate_per_hour, Money{1'800'000});
}

TEST_F(Prices, a_quote_of_a_price_that_the_ledger_has_raised_holds) {
  list(kProvider, 4, credits(2));
  const auto peg = list_by_rule(kSecond, "index from 1");
  auto request = request_for(1, kHour);
  request.demand.offer = peg;
  trade(1, kProvider);
  while (posted(peg) == credits(1)) net.wait_alive_s(10, {kProvider, kSecond});
  EXPECT_EQ(posted(peg), credits(2));
  request.quote = {peg, credits(1), net.now};
  request.quote.seen_at = after_s(net.now, -20);
  EXPECT_EQ(lease(net.done(2, request).lease).rate_per_hour, credits(1));
}

TEST_F(Prices, a_price_that_falls_serves_those_who_wait) {
  list(kProvider, 1, credits(2));
  const auto peg = list_by_rule(kSecond, "index from 5");
  trade(1, kProvider);
  const auto blocker = run(1, 100 * kHour);
  EXPECT_EQ(lease(blocker).provider, actor(kProvider));
  auto request = request_for(1, kHour);
  request.demand.max_price_per_gpu_hour = Money{2'500'000};
  request.wait_until = after_s(net.now, kDay);
  const auto id = net.done(2, request).request;
  steps(2);
  EXPECT_EQ(posted(peg), credits(2));
  EXPECT_TRUE(std::any_of(net.events.begin(), net.events.end(), [&](const model::Event& event) {
    return event.kind == model::EventKind::lease_matched && event.request == id && event.offer == peg;
  }));
}

TEST_F(Prices, thousands_of_followers_are_repriced_in_bounded_batches) {
  list(kProvider, 4, credits(2));
  constexpr int kFollowers = 700;
  std::vector<model::OfferId> offers;
  for (int i = 0; i < kFollowers; ++i)
    offers.push_back(list_by_rule(kSecond, "index*0.5 from 5", "m" + std::to_string(i)));
  trade(1, kProvider);
  net.now = prices().next_step;
  net.block({});
  int batches = 0;
  for (std::size_t done = 0; prices().to_reprice > 0; ++batches) {
    net.now = prices().due;
    net.block({});
    const auto moved = static_cast<std::size_t>(
        std::count_if(offers.begin(), offers.end(), [&](auto id) { return posted(id) == credits(1); }));
    EXPECT_LE(moved - done, 256U);
    done = moved;
  }
  EXPECT_EQ(batches, 3);
  for (const auto id : offers) EXPECT_EQ(posted(id), credits(1));
}

TEST_F(Prices, history_has_a_point_an_hour_for_thirty_days_and_goes_with_its_class) {
  const auto records = net.ledger.dump().size();
  const auto offer = list(kProvider, 4, credits(2));
  trade(1, kProvider);
  net.wait_s(32 * kDay);
  const auto history = net.state().price_history(h100, 0);
  ASSERT_EQ(history.size(), model::kPriceHistoryHours);
  for (std::size_t i = 1; i < history.size(); ++i) EXPECT_EQ(history[i].hour, history[i - 1].hour + 1);
  EXPECT_EQ(history.back().index, credits(2));
  net.done(kProvider, model::WithdrawOffer{offer});
  net.wait_s(2 * kStep);
  EXPECT_EQ(net.state().class_prices(h100), nullptr);
  EXPECT_TRUE(net.state().price_history(h100, 0).empty());
  EXPECT_LE(net.ledger.dump().size(), records + 4) << "the provider and its watch stay";
}

TEST_F(Prices, machines_of_providers_that_are_gone_count_for_nothing) {
  list(kProvider, 4, credits(2));
  list(kSecond, 8, credits(2));
  net.wait_alive_s(4 * kStep, {kProvider});
  EXPECT_EQ(prices().gpus, 4U);
}

TEST_F(Prices, without_steps_nothing_is_kept) {
  auto params = test_params();
  params.price_step_s = 0;
  net = Network(test_genesis(8, params));
  const auto offer = list_by_rule(kProvider, "auto from 2");
  trade(1, kProvider);
  EXPECT_TRUE(net.state().classes("", 10).empty());
  EXPECT_EQ(posted(offer), credits(2));
}

TEST_F(Prices, a_gpu_by_the_strangest_name_has_a_class_like_any_other) {
  net.done(kProvider, registration(kProvider));
  for (const auto* name : {"A/b / C", "~", "*", "gpu in [x]", "a-/-b"}) {
    auto post = offer_of(1, credits(1), std::string("box ") + name);
    post.machine.gpu_model = name;
    net.done(kProvider, post);
  }
  auto post = offer_of(1, credits(1), "nameless");
  post.machine.gpu_model = "- -";
  net.refused(kProvider, post, ErrorCode::invalid_argument);
  steps(3);
  EXPECT_EQ(net.state().classes("", 10).size(), 5U);
}

TEST_F(Prices, rules_that_make_no_sense_are_refused) {
  net.done(kProvider, registration(kProvider));
  auto post = offer_of(4, credits(2));
  const auto refused = [&](auto&& change) {
    auto bad = post;
    change(bad.prices);
    return net.refused(kProvider, bad, ErrorCode::invalid_argument);
  };
  using model::PriceRule;
  refused([](auto& p) { p.factor_permille = 950; });
  refused([](auto& p) { p.floor_per_gpu_hour = credits(1); });
  refused([](auto& p) { p.rule = PriceRule::index; });
  refused([](auto& p) { p.rule = PriceRule::base, p.factor_permille = 10'001; });
  refused([](auto& p) {
    p.rule = PriceRule::base, p.factor_permille = 1000;
    p.floor_per_gpu_hour = credits(3), p.cap_per_gpu_hour = credits(2);
  });
  refused([](auto& p) { p.rule = PriceRule::base, p.factor_permille = 1000, p.cap_per_gpu_hour = Money{-1}; });
}

}  // namespace
}  // namespace hanse::ledger
