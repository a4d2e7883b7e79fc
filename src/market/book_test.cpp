// The book against a naive reading of the same market (testing.hpp), over random markets, demands and changes.

#include "market/book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "market/testing_market.hpp"

namespace hanse::market {
namespace {

using namespace testing;

TEST(Book, FindsListsAndFitsWhatTheNaiveReadingDoes) {
  int matched = 0;
  int contradictions = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    Fixture f(rng, rng.below(50));
    for (int round = 0; round < 20; ++round) {
      random_change(f, rng);
      auto demand = random_demand(rng);
      if (rng.one_in(8)) demand.offer = {1 + rng.below(60)};
      const auto terms = random_terms(rng, 4);
      std::set<model::AccountId> excluded;
      if (rng.one_in(4)) excluded.insert(account_of(rng.below(5)));
      const auto expected = naive_list(f.world, demand, terms, excluded);
      const auto wanted = wanted_of(demand, terms, excluded);
      if (!wanted) {
        ++contradictions;
        ASSERT_TRUE(expected.empty()) << "seed " << seed << ": " << join(terms);
        continue;
      }
      ASSERT_EQ(f.book.list(*wanted, 1000), expected) << "seed " << seed << ": " << join(terms);
      const auto found = f.book.find(*wanted);
      ASSERT_EQ(found.has_value(), !expected.empty()) << "seed " << seed << ": " << join(terms);
      if (found) {
        ASSERT_EQ(*found, expected.front()) << "seed " << seed;
      }
      matched += found ? 1 : 0;
      for (std::uint64_t id = 0; id <= 61; ++id) {
        const auto fits = f.book.fits(*wanted, {id});
        const auto it =
            std::find_if(expected.begin(), expected.end(), [&](const auto& m) { return m.offer.value == id; });
        ASSERT_EQ(fits.has_value(), it != expected.end()) << "seed " << seed << " offer " << id;
        if (fits) {
          ASSERT_EQ(*fits, *it) << "seed " << seed;
        }
      }
      const auto first = f.book.list(*wanted, 2);
      ASSERT_EQ(first.size(), std::min<std::size_t>(2, expected.size()));
      ASSERT_TRUE(std::equal(first.begin(), first.end(), expected.begin())) << "seed " << seed;
    }
    ASSERT_EQ(f.book.size(), f.world.offers.size()) << "seed " << seed;
  }
  EXPECT_GT(matched, 1'000);
  EXPECT_GT(contradictions, 10);
}

TEST(Book, DroppingAConstraintNeverLosesAMatchNorMakesItDearer) {
  int dropped = 0;
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    Rng rng(seed);
    Fixture f(rng, 30);
    auto demand = random_demand(rng);
    auto terms = random_terms(rng, 4);
    const auto wanted = wanted_of(demand, terms);
    if (!wanted) continue;
    const auto before = f.book.list(*wanted, 1000);
    if (before.empty()) continue;
    if (!terms.empty()) terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(rng.below(terms.size())));
    if (rng.one_in(3)) demand.max_price_per_gpu_hour = Money{};
    if (rng.one_in(3)) demand.max_cost = Money{};
    const auto after = f.book.list(*wanted_of(demand, terms), 1000);
    ++dropped;
    for (const auto& match : before) {
      const bool still = std::any_of(after.begin(), after.end(), [&](const auto& m) { return m.offer == match.offer; });
      ASSERT_TRUE(still) << "seed " << seed << ": " << join(terms);
    }
  }
  EXPECT_GT(dropped, 500);
}

TEST(Book, TheBestMatchDoesNotDependOnTheOrderOfArrival) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    Fixture f(rng, 30);
    Book other;
    for (const auto& [account, provider] : f.world.providers)
      other.set_reachable(account, !f.world.unreachable.contains(account));
    std::vector<model::Offer> shuffled;
    for (const auto& [id, offer] : f.world.offers) shuffled.push_back(offer);
    for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[rng.below(i)]);
    for (const auto& offer : shuffled) other.put(offer, f.world.providers.at(offer.provider));
    const auto wanted = wanted_of(random_demand(rng), random_terms(rng, 2));
    if (!wanted) continue;
    ASSERT_EQ(other.list(*wanted, 100), f.book.list(*wanted, 100)) << "seed " << seed;
    ASSERT_EQ(other.explain(*wanted).text(), f.book.explain(*wanted).text()) << "seed " << seed;
  }
}

model::Offer simple_offer(std::uint64_t id, std::int64_t micros) {
  model::Offer offer;
  offer.id = {id};
  offer.provider = account_of(id % 2);
  offer.machine.gpu_model = "L4";
  offer.machine.gpu_count = 4;
  offer.machine.disk_bytes = 1'000'000'000'000;
  offer.machine.country = "DE";
  offer.prices.on_demand_per_gpu_hour = Money{micros};
  offer.posted_at = Time{100};
  return offer;
}

model::Provider simple_provider(std::uint64_t n, std::uint64_t completed = 0, std::uint64_t failed = 0) {
  model::Provider provider;
  provider.account = account_of(n);
  provider.name = "p";
  provider.leases_completed = completed;
  provider.leases_failed = failed;
  return provider;
}

model::Demand simple_demand() {
  model::Demand demand;
  demand.duration_s = 3600;
  return demand;
}

TEST(Book, WeighsPriceByReliability) {
  Book book;
  book.put(simple_offer(1, 1'000'000), simple_provider(1, 0, 1));    // 9/11: 1.222 a useful hour
  book.put(simple_offer(2, 1'100'000), simple_provider(0, 990, 0));  // 0.999: 1.101
  const auto wanted = *Wanted::from(simple_demand());
  EXPECT_EQ(book.find(wanted)->offer.value, 2U);
  book.update(simple_provider(1, 990, 0));
  EXPECT_EQ(book.find(wanted)->offer.value, 1U);
}

TEST(Book, OlderOffersWinTiesThenLowerIds) {
  Book book;
  book.put(simple_offer(3, 1'000'000), simple_provider(1));
  book.put(simple_offer(5, 1'000'000), simple_provider(1));
  const auto wanted = *Wanted::from(simple_demand());
  EXPECT_EQ(book.find(wanted)->offer.value, 3U);
  auto older = simple_offer(5, 1'000'000);
  older.posted_at = Time{99};
  book.put(older, simple_provider(1));
  EXPECT_EQ(book.find(wanted)->offer.value, 5U);
}

TEST(Book, BrowsingWithoutADurationShowsEveryLengthAndLocksNothing) {
  Book book;
  auto offer = simple_offer(1, 1'000'000);
  offer.prices.min_duration_s = 7200;
  book.put(offer, simple_provider(1));
  auto demand = simple_demand();
  EXPECT_FALSE(book.find(*Wanted::from(demand)));
  demand.duration_s = 0;
  const auto match = book.find(*Wanted::from(demand));
  ASSERT_TRUE(match);
  EXPECT_EQ(match->lock, Money{0});
}

TEST(Book, TheCostCeilingMustPayForTheShortestLease) {
  Book book;
  auto offer = simple_offer(1, 3'600'000);
  offer.prices.min_duration_s = 600;
  book.put(offer, simple_provider(1));
  auto demand = simple_demand();
  demand.max_cost = Money{600'000};
  EXPECT_EQ(book.find(*Wanted::from(demand))->lock, Money{600'000});
  demand.max_cost = Money{599'999};
  EXPECT_FALSE(book.find(*Wanted::from(demand)));
}

TEST(Book, TheCostCeilingMustPayForTheFilesThatAreKeptToo) {
  Book book;
  auto offer = simple_offer(1, 3'600'000);
  offer.machine.disk_bytes = 100ULL << 30;
  offer.prices.storage_per_gib_hour = Money{1000};
  book.put(offer, simple_provider(1));
  auto demand = simple_demand();
  demand.disk_bytes = 10ULL << 30;
  demand.keep_s = 7200;
  const auto free = book.find(*Wanted::from(demand));
  ASSERT_TRUE(free);
  EXPECT_EQ(free->keep, (Keep{Money{10'000}, Money{20'000}}));
  EXPECT_EQ(free->lock, Money{3'610'000 + 20'000});
  demand.max_cost = Money{21'003};  // a second of it costs 1,002.8
  EXPECT_EQ(book.find(*Wanted::from(demand))->lock, Money{21'003});
  demand.max_cost = Money{21'002};
  EXPECT_FALSE(book.find(*Wanted::from(demand)));
  EXPECT_THAT(book.explain(*Wanted::from(demand)).text(),
              ::testing::HasSubstr("with a higher max_cost: the shortest lease and keeping its files cost 0.021003"));
}

TEST(Book, AnOfferThatCannotBePricedMatchesNothing) {
  Book book;
  auto offer = simple_offer(1, kMaxMoney.micros);
  book.put(offer, simple_provider(1));
  auto demand = simple_demand();
  EXPECT_TRUE(book.find(*Wanted::from(demand)));
  demand.duration_s = 3601;  // the lock would overflow
  EXPECT_FALSE(book.find(*Wanted::from(demand)));
  demand.duration_s = 3600;
  demand.gpu_count = 2;
  EXPECT_FALSE(book.find(*Wanted::from(demand)));
  EXPECT_EQ(book.explain(*Wanted::from(demand)).ruled.size(), 1U);
}

TEST(Book, UnreachabilityOutlivesReposting) {
  Book book;
  book.set_reachable(account_of(1), false);
  book.put(simple_offer(1, 1), simple_provider(1));
  const auto wanted = *Wanted::from(simple_demand());
  EXPECT_FALSE(book.find(wanted));
  book.set_reachable(account_of(1), true);
  EXPECT_TRUE(book.find(wanted));
  book.erase({1});
  book.erase({1});
  EXPECT_FALSE(book.find(wanted));
  EXPECT_EQ(book.size(), 0U);
}

TEST(Wanted, RefusesWhatCannotBeMatched) {
  const auto code = [](auto spoil) {
    auto demand = simple_demand();
    spoil(demand);
    const auto wanted = Wanted::from(demand);
    return wanted ? ErrorCode::ok : wanted.error().code;
  };
  EXPECT_EQ(code([](auto&) {}), ErrorCode::ok);
  EXPECT_EQ(code([](auto& d) { d.gpu_count = 0; }), ErrorCode::invalid_argument);
  EXPECT_EQ(code([](auto& d) { d.gpu_count = 65; }), ErrorCode::invalid_argument);
  EXPECT_EQ(code([](auto& d) { d.mode = model::Mode::spot; }), ErrorCode::ok);
  EXPECT_EQ(code([](auto& d) {
              d.mode = model::Mode::spot;
              d.where = "price<=2";
            }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code([](auto& d) { d.mode = static_cast<model::Mode>(77); }), ErrorCode::unsupported);
  EXPECT_EQ(code([](auto& d) { d.mode = model::Mode::reserved; }), ErrorCode::ok);
  EXPECT_EQ(code([](auto& d) { d.machines = 2; }), ErrorCode::ok);
  EXPECT_EQ(code([](auto& d) { d.machines = 0; }), ErrorCode::invalid_argument);
  EXPECT_EQ(code([](auto& d) { d.disk_bytes = UINT64_MAX; }), ErrorCode::invalid_argument);
  EXPECT_EQ(code([](auto& d) { d.keep_s = 1; }), ErrorCode::invalid_argument) << "on no disk";
  EXPECT_EQ(code([](auto& d) {
              d.keep_s = 1;
              d.disk_bytes = 1;
            }),
            ErrorCode::ok);
  EXPECT_EQ(code([](auto& d) { d.max_cost = Money{-1}; }), ErrorCode::invalid_argument);
  EXPECT_EQ(code([](auto& d) { d.max_price_per_gpu_hour = Money{INT64_MAX}; }), ErrorCode::invalid_argument);
  EXPECT_EQ(code([](auto& d) { d.where = "vram"; }), ErrorCode::malformed);
}

}  // namespace
}  // namespace hanse::market
