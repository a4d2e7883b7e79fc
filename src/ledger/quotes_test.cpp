// The price seen is the price paid, for as long as a quote holds.

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using model::EndReason;
using ::testing::HasSubstr;

class Quotes : public Rental {
 public:
  model::OfferId offer = list(kProvider, 4, credits(2));

  /// A request for one GPU that names what was seen so long ago.
  [[nodiscard]] model::SubmitRequest quoted(Money rate, std::int64_t seconds_ago = 0) const {
    auto request = request_for(1, 3600);
    request.quote = {offer, rate, Time{net.now.ms - 1000 * seconds_ago}};
    return request;
  }
  void reprice(Money price, std::uint64_t provider = kProvider) {
    auto prices = net.state().offer(offer)->prices;
    prices.on_demand_per_gpu_hour = price;
    net.done(provider, model::UpdateOffer{offer, prices, {}});
  }
  [[nodiscard]] Money rate(model::LeaseId id) const { return lease(id).rate_per_hour; }
  [[nodiscard]] std::size_t records() const {
    const auto dump = net.ledger.dump();
    return static_cast<std::size_t>(
        std::count_if(dump.begin(), dump.end(), [](const auto& record) { return record.key[0] == kFormerPrices; }));
  }
  static constexpr std::uint8_t kFormerPrices = 15;
};

TEST_F(Quotes, a_price_that_went_up_is_paid_as_it_was_seen) {
  net.wait_s(1);
  reprice(credits(3));
  net.wait_s(29);
  const auto id = net.done(kConsumer, quoted(credits(2), 30)).lease;
  EXPECT_EQ(rate(id), credits(2));
  EXPECT_EQ(lease(id).locked, credits(2));
  EXPECT_EQ(rate(net.done(kConsumer, request_for(1, 3600)).lease), credits(3));
}

TEST_F(Quotes, a_price_that_went_down_is_paid_as_it_is_however_old_the_quote) {
  reprice(credits(1));
  EXPECT_EQ(rate(net.done(kConsumer, quoted(credits(2))).lease), credits(1));
  net.wait_alive_s(300, {kProvider});
  EXPECT_EQ(rate(net.done(kConsumer, quoted(credits(2), 300)).lease), credits(1));
  EXPECT_EQ(rate(net.done(kConsumer, quoted(credits(1), 300)).lease), credits(1)) << "nothing changed";
}

TEST_F(Quotes, one_that_lapsed_is_refused_with_what_changed) {
  reprice(Money{2'700'000});
  net.wait_s(41);
  EXPECT_THAT(net.refused(kConsumer, quoted(credits(2), 41), ErrorCode::price_changed),
              HasSubstr("the price of offer-1 went from 2.00/h to 2.70/h; quoted 41 s ago, and a quote holds for 30s"));
  // Nor does it help to say that it was seen later: nobody has asked for 2.00 in the last 30 seconds.
  EXPECT_THAT(net.refused(kConsumer, quoted(credits(2), 5), ErrorCode::price_changed),
              HasSubstr("offer-1 is not known to have asked 2.00/h for this in the last 30s: it asks 2.70/h"));
}

TEST_F(Quotes, a_rate_that_nobody_asked_for_is_refused) {
  net.refused(kConsumer, quoted(credits(1)), ErrorCode::price_changed);
  reprice(credits(3));
  net.refused(kConsumer, quoted(Money{1'999'999}), ErrorCode::price_changed);
  auto two = quoted(credits(2));
  two.demand.gpu_count = 2;  // 2.00 was the price of one
  net.refused(kConsumer, two, ErrorCode::price_changed);
  net.refused(kConsumer, quoted(credits(2), -6), ErrorCode::invalid_argument);
}

TEST_F(Quotes, the_ceilings_hold_for_the_price_that_is_paid) {
  reprice(credits(3));
  auto request = quoted(credits(2));
  request.demand.max_price_per_gpu_hour = credits(2);
  request.demand.where = "price<=2";
  EXPECT_EQ(rate(net.done(kConsumer, request).lease), credits(2));
  request.demand.where = "price<2";
  net.refused(kConsumer, request, ErrorCode::price_changed);
  request.demand.where = "";
  request.demand.max_price_per_gpu_hour = Money{1'500'000};
  EXPECT_THAT(net.refused(kConsumer, request, ErrorCode::no_match),
              HasSubstr("the quote is of 2.00 per GPU-hour, and max_price is 1.50"));
}

TEST_F(Quotes, what_was_taken_or_withdrawn_is_said) {
  auto all = request_for(4, 3600);
  const auto taken = net.done(kOther, all).lease;
  EXPECT_THAT(net.refused(kConsumer, quoted(credits(2), 7), ErrorCode::no_match),
              AllOf(HasSubstr("offer-1 was quoted 7 s ago and does not fit any more"), HasSubstr("taken now")));
  reprice(credits(3));
  net.refused(kConsumer, quoted(credits(2)), ErrorCode::no_match);
  net.done(kOther, model::EndLease{taken, EndReason::cancelled, ""});
  net.done(kProvider, model::WithdrawOffer{offer});
  EXPECT_THAT(net.refused(kConsumer, quoted(credits(2)), ErrorCode::no_match), HasSubstr("offer-1 was withdrawn"));
  EXPECT_EQ(records(), 0U);
}

TEST_F(Quotes, a_withdrawn_offer_with_leases_has_no_former_prices) {
  match();
  reprice(credits(3));
  EXPECT_EQ(records(), 1U);
  net.done(kProvider, model::WithdrawOffer{offer});
  EXPECT_EQ(records(), 0U);
}

TEST_F(Quotes, changing_prices_in_a_loop_pushes_out_nobody_and_stays_bounded) {
  for (int i = 1; i <= 20; ++i) reprice(Money{2'000'000 + i});
  EXPECT_EQ(records(), 1U);
  EXPECT_EQ(rate(net.done(kConsumer, quoted(credits(2))).lease), credits(2)) << "what it asked before the loop";
  EXPECT_EQ(rate(net.done(kConsumer, quoted(Money{2'000'003})).lease), Money{2'000'003});
  net.refused(kConsumer, quoted(Money{2'000'004}), ErrorCode::price_changed);
  net.wait_s(29);
  EXPECT_EQ(records(), 1U);
  net.wait_s(1);
  EXPECT_EQ(records(), 0U) << "nobody can have them any more";
}

TEST_F(Quotes, measured_figures_alone_are_no_change_of_price) {
  net.done(kProvider, model::UpdateOffer{offer, net.state().offer(offer)->prices, {{"vram", 1, kBegin}}});
  EXPECT_EQ(records(), 0U);
}

TEST_F(Quotes, a_reserved_term_is_left_early_at_the_rates_that_were_quoted) {
  auto prices = net.state().offer(offer)->prices;
  prices.term_discounts = {{3600, 5000}};
  net.done(kProvider, model::UpdateOffer{offer, prices, {}});
  prices.term_discounts = {};
  net.done(kProvider, model::UpdateOffer{offer, prices, {}});
  auto request = quoted(credits(1));
  request.demand.mode = model::Mode::reserved;
  const auto id = net.done(kConsumer, request).lease;
  EXPECT_EQ(rate(id), credits(1));
  const std::vector<model::TermRate> rates{{0, credits(2)}, {3600, credits(1)}};
  EXPECT_EQ(lease(id).early_rates, rates);
}

TEST_F(Quotes, it_moves_on_like_any_other_when_its_provider_does_not_start_it) {
  const auto other = list(kSecond, 4, credits(5));
  auto request = quoted(credits(2));
  const auto outcome = net.done(kConsumer, request);
  net.wait_alive_s(301, {kSecond});
  EXPECT_EQ(lease(net.state().request(outcome.request)->lease).offer, other);
}

TEST_F(Quotes, what_keeping_files_costs_is_held_to_as_well) {
  auto prices = net.state().offer(offer)->prices;
  prices.storage_per_gib_hour = Money{1000};
  net.done(kProvider, model::UpdateOffer{offer, prices, {}});
  net.wait_s(31);
  net.done(kProvider, model::Heartbeat{});
  const auto asked = [&](Money keep_rate, std::int64_t seconds_ago) {
    auto request = quoted(Money{2'001'000}, seconds_ago);
    request.demand.disk_bytes = 1ULL << 30;
    request.demand.keep_s = 600;
    request.quote.keep_rate_per_hour = keep_rate;
    return request;
  };
  EXPECT_THAT(
      net.refused(kConsumer, asked(Money{999}, 1), ErrorCode::price_changed),
      HasSubstr("offer-1 is not known to have asked 0.000999/h for keeping files in the last 30s: it asks 0.001/h"));
  EXPECT_EQ(lease(net.done(kConsumer, asked(Money{1000}, 1)).lease).keep_rate_per_hour, Money{1000});
  // The same rate, but more of it for the files.
  prices.storage_per_gib_hour = Money{2000};
  prices.on_demand_per_gpu_hour = Money{1'999'000};
  net.done(kProvider, model::UpdateOffer{offer, prices, {}});
  const auto& seen = lease(net.done(kConsumer, asked(Money{1000}, 1)).lease);
  EXPECT_EQ(seen.keep_rate_per_hour, Money{1000});
  EXPECT_EQ(seen.rate_per_hour, Money{2'001'000});
  net.wait_s(31);
  net.done(kProvider, model::Heartbeat{});
  EXPECT_THAT(net.refused(kConsumer, asked(Money{1000}, 31), ErrorCode::price_changed),
              HasSubstr("the price of keeping files at offer-1 went from 0.001/h to 0.002/h; quoted 31 s ago"));
  net.refused(kConsumer, asked(Money{-1}, 1), ErrorCode::invalid_argument);
}

TEST_F(Quotes, are_of_one_machine_and_whole) {
  auto gang = quoted(credits(2));
  gang.demand.machines = 2;
  net.refused(kConsumer, gang, ErrorCode::invalid_argument);
  auto another = quoted(credits(2));
  another.demand.offer = {offer.value + 1};
  net.refused(kConsumer, another, ErrorCode::invalid_argument);
  auto nameless = quoted(credits(2));
  nameless.quote.offer = {};
  net.refused(kConsumer, nameless, ErrorCode::invalid_argument);
  auto timeless = quoted(credits(2));
  timeless.quote.seen_at = {};
  net.refused(kConsumer, timeless, ErrorCode::invalid_argument);
}

TEST_F(Quotes, survive_a_reload) {
  reprice(credits(3));
  auto again = reload(net.ledger);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(as_map(again->dump()), as_map(net.ledger.dump()));
  EXPECT_EQ(again->state().next_timer(), net.state().next_timer());
}

}  // namespace
}  // namespace hanse::ledger
