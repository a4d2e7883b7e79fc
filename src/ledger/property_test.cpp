// Thousands of random operations by many actors over random time: invariants after every block, two ledgers that agree,
// a ledger that survives being written down and read again, changes that add up to the state, and bills that an
// independent oracle agrees with.

#include "ledger/testing.hpp"
#include "ledger/testing_oracle.hpp"
#include "market/check.hpp"
#include "model/spot.hpp"

namespace hanse::ledger {
namespace {

constexpr std::uint64_t kActors = 8;

class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed) : rng_(seed), net_(test_genesis(kActors, params())) {}

  void live(int blocks) {
    for (int i = 0; i < blocks && !::testing::Test::HasFailure(); ++i) step(i);
    for (int i = 0; i < 400; ++i) {
      net_.now = after_s(net_.now, 300);
      apply({});
    }
    EXPECT_EQ(net_.state().counts().leases, 0U) << "money is locked for ever";
    EXPECT_EQ(net_.state().counts().requests, 0U);
    EXPECT_GT(bills_, 0);
  }
  [[nodiscard]] int accepted() const { return accepted_; }
  [[nodiscard]] int bills() const { return bills_; }
  [[nodiscard]] int early() const { return early_; }
  [[nodiscard]] int gangs() const { return gangs_; }
  [[nodiscard]] std::array<int, 4> spot() const { return {spot_bills_, changed_rates_, preempted_, revealed_}; }
  [[nodiscard]] int honoured() const { return honoured_; }
  [[nodiscard]] std::array<int, 4> kept() const { return {kept_, kept_paid_, kept_lost_, kept_short_}; }

 private:
  static model::Params params() {
    auto params = test_params();
    params.claim_window_s = 600;
    params.max_live_per_account = 20;
    params.timers_per_block = 50;
    params.price_step_s = 120;
    params.index_min_lease_s = 60;
    params.index_window_s = 3600;
    params.fee_tiers = {{Money{50'000}, 1000}, {Money{1'000'000}, 5000}};
    params.max_keep_s = 3000;
    params.max_wait_s = 3000;  // what a spot request waits for unless it says otherwise
    params.auction_period_s = 120;
    params.reveal_window_s = 30;
    params.preempt_notice_s = 40;
    return params;
  }
  std::uint64_t someone() { return 1 + rng_.below(kActors); }
  template <class Id>
  Id some_id(std::uint64_t made) {
    return Id{made > 20 && !rng_.one_in(10) ? made - rng_.below(20) : rng_.below(made + 2)};
  }
  Money some_money() {
    switch (rng_.below(8)) {
      case 0:
        return Money{rng_.between(-5, 5)};
      case 1:
        return Money{static_cast<std::int64_t>(rng_.next())};
      default:
        return Money{rng_.between(1, 3'000'000)};
    }
  }

  model::PriceList some_prices() {
    model::PriceList prices;
    prices.on_demand_per_gpu_hour = Money{rng_.between(1, 5'000'000)};
    prices.storage_per_gib_hour = Money{rng_.between(0, 500)};
    if (!rng_.one_in(3)) prices.term_discounts = {{60, 1000}, {600, 4000}};
    if (rng_.one_in(3)) prices.volume_discounts = {{2, 1000}};
    if (rng_.one_in(2)) {
      prices.rule = rng_.one_in(2) ? model::PriceRule::index : model::PriceRule::base;
      prices.factor_permille = static_cast<std::uint32_t>(rng_.between(1, 2000));
      prices.floor_per_gpu_hour = Money{rng_.between(0, 1000)};
    }
    return prices;
  }
  model::LeaseId some_lease(model::LeaseState state) {
    const auto leases = net_.state().leases_of_consumer({}, {}, 1000);
    for (std::uint64_t tries = leases.empty() ? 0 : 20; tries > 0; --tries) {
      const auto* lease = leases[rng_.below(leases.size())];
      if (lease->state == state) return lease->id;
    }
    return {};
  }
  model::Operation some_lease_operation(model::LeaseId id) {
    switch (rng_.below(8)) {
      case 0:
        return model::TopUpLease{id, some_money()};
      case 1:
        return model::ExtendLease{id, rng_.below(5000)};
      case 2:
      case 3:
        return model::EndLease{
            rng_.one_in(2) ? id : some_lease(model::LeaseState::running),
            rng_.one_in(2) ? model::EndReason::completed : static_cast<model::EndReason>(rng_.below(7)), "over"};
      case 4:
        return model::Settle{id};
      default:
        return model::ConfirmLease{id, "host:22", actor(1000 + rng_.below(3))};
    }
  }
  model::Operation some_operation() {
    const auto offer = some_id<model::OfferId>(offers_);
    const auto lease = some_id<model::LeaseId>(leases_);
    switch (rng_.below(16)) {
      case 0:
        return model::Transfer{actor(someone()), some_money(), "gift"};
      case 1:
        return model::AuthorizeKey{actor(someone()), {"transfer"}, some_money(), after_s(net_.now, 500)};
      case 2:
        return model::RevokeKey{actor(someone())};
      case 3:
        return registration(someone());
      case 4: {
        auto post =
            offer_of(1 + static_cast<std::uint32_t>(rng_.below(8)), credits(1), "box " + std::to_string(rng_.below(3)));
        post.prices = some_prices();
        if (rng_.one_in(2)) post.prices.spot_floor_per_gpu_hour = Money{rng_.between(1, 2'000'000)};
        if (rng_.one_in(3)) post.machine.country = "US";
        if (rng_.one_in(10)) {
          post.machine.gpu_count = model::kMaxDevicesPerMachine;
          post.prices.on_demand_per_gpu_hour = market::kMaxPricePerGpuHour;
        }
        return post;
      }
      case 5:
        return model::UpdateOffer{offer, some_prices(), {}};
      case 6:
        return rng_.one_in(4) ? model::Operation(model::WithdrawOffer{offer}) : model::Heartbeat{};
      case 7:
        return model::CancelRequest{some_id<model::RequestId>(requests_)};
      case 8:
      case 9: {
        auto request = request_for(1 + static_cast<std::uint32_t>(rng_.below(4)), 60 + rng_.below(3000));
        if (rng_.one_in(2)) request.wait_until = after_s(net_.now, rng_.between(1, 2000));
        if (rng_.one_in(3)) request.demand.max_cost = Money{rng_.between(1, 500'000)};
        if (rng_.one_in(2)) request.demand.mode = model::Mode::reserved;
        if (rng_.one_in(2)) request.job_hash.data.fill(1);
        if (rng_.one_in(4)) request.demand.machines = 1 + static_cast<std::uint32_t>(rng_.below(4));
        if (rng_.one_in(6)) request.demand.placement = static_cast<model::Placement>(rng_.below(3));
        request.demand.disk_bytes = rng_.below(10) << 30;
        if (!rng_.one_in(3)) request.demand.keep_s = rng_.below(rng_.one_in(2) ? 3200 : 600);
        if (rng_.one_in(3)) make_spot(request);
        if (rng_.one_in(10)) go_to_extremes(request.demand);
        return request;
      }
      case 10:
        return model::RevealBid{some_sealed(), kSealed, {}};
      default:
        return some_lease_operation(lease);
    }
  }

  static constexpr std::uint64_t kSealer = 1;
  static constexpr Money kSealed{2'500'000};
  model::RequestId some_sealed() {
    auto out = some_id<model::RequestId>(requests_);
    for (const auto* request : net_.state().requests(actor(kSealer), {}, 100)) {
      const bool is_sealed = !request->sealed_bid.is_zero() && request->bid_per_gpu_hour.micros == 0;
      if (is_sealed && rng_.one_in(2)) out = request->id;
    }
    return out;
  }
  /// What no account can pay, and what no money can say.
  void go_to_extremes(model::Demand& demand) {
    demand.gpu_count = rng_.one_in(2) ? model::kMaxDevicesPerMachine : 32;
    demand.duration_s = rng_.one_in(4) ? std::uint64_t{1} << rng_.below(64) : net_.state().params().max_duration_s;
    if (demand.machines == 1 && rng_.one_in(2)) demand.offer = some_id<model::OfferId>(offers_);
  }
  void make_spot(model::SubmitRequest& request) {
    request.demand.mode = model::Mode::spot;
    request.demand.max_price_per_gpu_hour = Money{rng_.between(1, 4'000'000)};
    if (!rng_.one_in(4)) return;
    request.demand.max_price_per_gpu_hour = {};
    request.sealed_bid = model::hash_bid(kSealed, {}, actor(kSealer));
  }
  /// A price rises, and somebody comes with the quote of before.
  void add_quoted(std::vector<Envelope>& transactions) {
    const auto offers = net_.state().offers({}, {}, 1000);
    if (offers.empty()) return;
    const auto& offer = *offers[rng_.below(offers.size())];
    auto request = request_for(1, 60 + rng_.below(3000));
    if (rng_.one_in(3)) request.demand.mode = model::Mode::reserved;
    request.quote = {offer.id, market::price_of(offer.prices, request.demand)->rate_per_hour, net_.now};
    auto prices = offer.prices;
    prices.on_demand_per_gpu_hour.micros += rng_.between(1, 100'000);
    for (std::uint64_t i = 1; i <= kActors; ++i) {
      if (offer.provider != actor(i)) continue;
      transactions.push_back(net_.envelope(net_.transaction(i, {model::UpdateOffer{offer.id, prices, {}}})));
    }
    transactions.push_back(net_.envelope(net_.transaction(someone(), {request})));
  }

  /// A consumer has its files, or a provider lost them.
  void add_end_of_keeping(std::vector<Envelope>& transactions) {
    const auto* lease = net_.state().lease(some_lease(model::LeaseState::kept));
    if (lease == nullptr) return;
    const bool is_lost = rng_.one_in(2);
    const auto reason = is_lost ? model::EndReason::provider_failed : model::EndReason::completed;
    for (std::uint64_t i = 1; i <= kActors; ++i) {
      if ((is_lost ? lease->provider : lease->consumer) != actor(i)) continue;
      transactions.push_back(net_.envelope(net_.transaction(i, {model::EndLease{lease->id, reason, ""}})));
    }
  }

  /// By whom it makes sense, mostly.
  std::uint64_t sender_of(const model::Operation& operation) {
    if (const auto* confirm = std::get_if<model::ConfirmLease>(&operation); confirm && !rng_.one_in(5)) {
      const auto* lease = net_.state().lease(confirm->lease);
      for (std::uint64_t i = 1; lease && i <= kActors; ++i) {
        if (lease->provider == actor(i)) return i;
      }
    }
    if (const auto* end = std::get_if<model::EndLease>(&operation); end && !rng_.one_in(4)) {
      const auto* lease = net_.state().lease(end->lease);
      for (std::uint64_t i = 1; lease && i <= kActors; ++i) {
        if ((rng_.one_in(3) ? lease->provider : lease->consumer) == actor(i)) return i;
      }
    }
    const auto* submit = std::get_if<model::SubmitRequest>(&operation);
    const bool seals = submit != nullptr && !submit->sealed_bid.is_zero();
    if (seals || std::holds_alternative<model::RevealBid>(operation)) return kSealer;
    return someone();
  }

  void step(int number) {
    net_.now = after_s(net_.now, rng_.one_in(40) ? rng_.between(0, 1500) : rng_.between(0, 40));
    // Timers that are left over for the next block see what was heard in this one: the oracle knows nothing of that.
    for (auto due = net_.state().next_timer(); due && *due <= net_.now; due = net_.state().next_timer()) apply({});
    std::vector<Envelope> transactions;
    for (std::uint64_t count = rng_.below(8); count > 0; --count) {
      std::vector<model::Operation> operations{some_operation()};
      const auto sender = sender_of(operations[0]);
      while (rng_.one_in(4)) operations.push_back(some_operation());
      auto tx = net_.transaction(sender, std::move(operations));
      if (rng_.one_in(10)) tx.signer = actor(someone());
      transactions.push_back(net_.envelope(tx));
      if (rng_.one_in(20)) transactions.push_back(transactions.back());
    }
    if (rng_.one_in(20)) add_quoted(transactions);
    if (rng_.one_in(20)) add_end_of_keeping(transactions);
    for (std::uint64_t i = 1; i <= kActors; ++i) {  // all but one provider are mostly there
      if (net_.state().provider(actor(i)) && i != 3 && !rng_.one_in(4)) {
        transactions.push_back(net_.envelope(net_.transaction(i, {model::Heartbeat{}})));
      }
    }
    if (!transactions.empty() && rng_.one_in(3)) check_leaves_no_trace(transactions.front());
    apply(transactions);
    if (number % 20 == 0) check_reload();
  }

  void apply(const std::vector<Envelope>& transactions) {
    auto expected = as_map(net_.ledger.dump());
    net_.block(transactions);
    for (const auto& change : net_.last.changes) {
      const Bytes key(change.key.begin(), change.key.end());
      if (change.value)
        expected[key] = Bytes(change.value->begin(), change.value->end());
      else
        expected.erase(key);
    }
    const auto now = as_map(net_.ledger.dump());
    EXPECT_EQ(expected == now, true) << "the changes are not what changed:\n" << difference(expected, now);
    for (std::size_t i = 0; i < transactions.size(); ++i) note(transactions[i].tx, net_.last.receipts[i]);
    note_rates();
    for (const auto& event : net_.last.events) {
      preempted_ += event.kind == model::EventKind::lease_preempting;
      kept_ += event.kind == model::EventKind::lease_kept;
      revealed_ += event.kind == model::EventKind::bid_revealed;
    }
    for (const auto& entry : net_.last.archived) {
      if (entry.lease) check_bill(*entry.lease);
    }
  }

  void note(const model::Transaction& tx, const model::Receipt& receipt) {
    if (receipt.code != ErrorCode::ok) return;
    ++accepted_;
    for (std::size_t i = 0; i < tx.operations.size(); ++i) {
      const auto& outcome = receipt.outcomes[i];
      offers_ = std::max(offers_, outcome.offer.value);
      requests_ = std::max(requests_, outcome.request.value);
      leases_ = std::max(leases_, outcome.lease.value);
      const bool alive = std::holds_alternative<model::Heartbeat>(tx.operations[i]) ||
                         std::holds_alternative<model::ConfirmLease>(tx.operations[i]) ||
                         std::holds_alternative<model::RegisterProvider>(tx.operations[i]);
      if (alive) oracle_.heard(tx.account, receipt.time);
      const auto* request = std::get_if<model::SubmitRequest>(&tx.operations[i]);
      const auto* lease = net_.state().lease(outcome.lease);
      if (request && request->quote.offer && lease && lease->matched_at == receipt.time) {
        EXPECT_LE(lease->rate_per_hour, request->quote.rate_per_hour);
        EXPECT_EQ(lease->offer, request->quote.offer);
        const auto asked = market::price_of(net_.state().offer(lease->offer)->prices, request->demand);
        honoured_ += asked->rate_per_hour > lease->rate_per_hour ? 1 : 0;
      }
    }
  }

  /// The rates of spot leases, as they are seen after each block, and from which delivered second on.
  void note_rates() {
    for (const auto* lease : net_.state().leases_of_consumer({}, {}, 1000)) {
      if (lease->bid_per_gpu_hour.micros == 0 || lease->state != model::LeaseState::running) continue;
      auto& rates = rates_[lease->id];
      const auto from = rates.empty() ? 0 : net_.state().accrual(*lease, net_.now).billed_s;
      if (!rates.empty() && rates.back().second == lease->rate_per_hour) continue;
      while (!rates.empty() && rates.back().first >= from) rates.pop_back();
      rates.emplace_back(rates.empty() ? 0 : from, lease->rate_per_hour);
    }
  }
  [[nodiscard]] std::int64_t price_of(const model::Lease& lease, Money rate, std::int64_t delivered) const {
    const auto found = rates_.find(lease.id);
    if (found == rates_.end()) return rate.micros * delivered / 3600;
    std::int64_t sum = 0;
    const auto& rates = found->second;
    for (std::size_t i = 0; i < rates.size(); ++i) {
      const auto to = i + 1 < rates.size() ? std::min(rates[i + 1].first, delivered) : delivered;
      if (to > rates[i].first) sum += (to - rates[i].first) * rates[i].second.micros;
    }
    return sum / 3600;
  }

  void check_bill(const model::Lease& lease) {
    EXPECT_EQ(lease.locked.micros, lease.released.micros + lease.refunded.micros);
    if (lease.started_at.ms == 0) {
      EXPECT_EQ(lease.released, Money{});
      return;
    }
    const std::int64_t delivered = oracle_.delivered_s(lease);
    EXPECT_EQ(lease.billed_s, delivered) << model::format_id(lease.id);
    // Left early, a reserved lease pays what the offer had asked for the time that it was kept.
    auto rate = lease.rate_per_hour;
    const std::int64_t kept_s = (lease.ends_at.ms - lease.started_at.ms) / 1000;
    if (lease.end_reason == model::EndReason::completed && kept_s < static_cast<std::int64_t>(lease.duration_s)) {
      for (const auto& step : lease.early_rates) {
        if (static_cast<std::int64_t>(step.from_s) <= kept_s) rate = step.rate_per_hour;
      }
      early_ += lease.early_rates.empty() ? 0 : 1;
    }
    const auto price = price_of(lease, rate, delivered);
    changed_rates_ += lease.rates.size() > 1;
    if (lease.mode == model::Mode::spot) {
      ++spot_bills_;
      EXPECT_LE(price, lease.bid_per_gpu_hour.micros * lease.gpu_count * delivered / 3600);
    }
    check_keeping(lease);
    const Money reserve = market::keep_at(lease.keep_rate_per_hour, lease.keep_s)->reserve;
    EXPECT_EQ(lease.released.micros - lease.keep_reserve.micros, std::min(price, lease.locked.micros - reserve.micros))
        << model::format_id(lease.id);
    gangs_ += lease.gang ? 1 : 0;
    ++bills_;
  }

  void check_keeping(const model::Lease& lease) {
    EXPECT_EQ(lease.keep_reserve, oracle_.keep_cost(lease)) << model::format_id(lease.id);
    kept_paid_ += lease.keep_reserve.micros > 0;
    kept_lost_ += lease.keep_end == model::EndReason::provider_failed;
    kept_short_ +=
        lease.keep_end == model::EndReason::completed && lease.kept_until < after_s(lease.ends_at, lease.keep_s);
  }

  void check_leaves_no_trace(const Envelope& envelope) {
    const auto before = as_map(net_.ledger.dump());
    static_cast<void>(net_.ledger.check(envelope));
    EXPECT_EQ(as_map(net_.ledger.dump()) == before, true);
  }

  void check_reload() {
    auto again = reload(net_.ledger);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(as_map(again->dump()) == as_map(net_.ledger.dump()), true);
    net_.twin = std::move(*again);  // from here on, the reloaded one must agree with the one that lived on
  }

  Rng rng_;
  Network net_;
  Oracle oracle_{static_cast<std::int64_t>(params().heartbeat_timeout_s) * 1000};
  std::uint64_t offers_ = 0, requests_ = 0, leases_ = 0;
  int accepted_ = 0, bills_ = 0, early_ = 0, gangs_ = 0, honoured_ = 0, spot_bills_ = 0, changed_rates_ = 0,
      preempted_ = 0, revealed_ = 0, kept_ = 0, kept_paid_ = 0, kept_lost_ = 0, kept_short_ = 0;
  std::map<model::LeaseId, std::vector<std::pair<std::int64_t, Money>>> rates_;
};

TEST(RandomLives, keep_every_invariant_and_bill_exactly) {
  int accepted = 0, bills = 0, early = 0, gangs = 0, honoured = 0;
  std::array<int, 4> spot{};
  std::array<int, 4> kept{};
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomLife life(seed);
    life.live(500);
    accepted += life.accepted();
    bills += life.bills();
    early += life.early();
    gangs += life.gangs();
    for (std::size_t i = 0; i < spot.size(); ++i) spot[i] += life.spot()[i];
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] += life.kept()[i];
    honoured += life.honoured();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(accepted, 10'000);
  EXPECT_GT(bills, 500);
  EXPECT_GT(early, 10);
  EXPECT_GT(gangs, 50);
  const auto [spot_bills, changed_rates, preempted, revealed] = spot;
  EXPECT_GT(spot_bills, 50);
  EXPECT_GT(changed_rates, 10);
  EXPECT_GT(preempted, 10);
  EXPECT_GT(revealed, 10);
  EXPECT_GT(kept[0], 100);
  EXPECT_GT(kept[1], 50) << "that cost something";
  EXPECT_GT(kept[2], 5) << "whose provider failed or was lost";
  EXPECT_GT(kept[3], 10) << "that their consumers ended";
  EXPECT_GT(honoured, 10) << "prices that rose after they were quoted";
}

}  // namespace
}  // namespace hanse::ledger
