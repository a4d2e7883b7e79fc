// Books of thousands, where boxes fill, split and merge, against the naive reading; and the shapes that an index likes
// least: one price for all, one model, terms that nobody shares.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "market/testing_market.hpp"

namespace hanse::market {
namespace {

using namespace testing;

void expect_naive(const Fixture& f, Rng& rng, std::size_t terms_most) {
  const auto demand = random_demand(rng);
  const auto terms = random_terms(rng, terms_most);
  const auto expected = naive_list(f.world, demand, terms);
  const auto wanted = wanted_of(demand, terms);
  if (!wanted) return;
  ASSERT_EQ(f.book.list(*wanted, f.world.offers.size()), expected) << join(terms);
  const auto best = f.book.find(*wanted);
  ASSERT_EQ(best.has_value(), !expected.empty()) << join(terms);
  if (best) {
    ASSERT_EQ(*best, expected.front()) << join(terms);
  }
  const auto few = f.book.list(*wanted, 7);
  ASSERT_EQ(few.size(), std::min<std::size_t>(7, expected.size()));
  ASSERT_TRUE(std::equal(few.begin(), few.end(), expected.begin())) << join(terms);
}

TEST(BookAtScale, FindsWhatTheNaiveReadingDoesWhileThousandsComeAndGo) {
  constexpr std::uint64_t kIds = 4'000;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Rng rng(seed);
    Fixture f(rng, kIds);
    for (int round = 0; round < 12; ++round) {
      for (int i = 0; i < 400; ++i) random_change(f, rng, kIds);
      ASSERT_NO_FATAL_FAILURE(expect_naive(f, rng, 3)) << "seed " << seed << " round " << round;
    }
  }
}

TEST(BookAtScale, EmptiesBoxByBoxAndFillsAgain) {
  constexpr std::uint64_t kIds = 3'000;
  Rng rng(5);
  Fixture f(rng, kIds);
  for (int half = 0; half < 5; ++half) {
    std::vector<std::uint64_t> ids;
    for (const auto& [id, offer] : f.world.offers) ids.push_back(id);
    for (const auto id : ids) {
      if (!rng.one_in(2)) continue;
      f.world.offers.erase(id);
      f.book.erase({id});
    }
    ASSERT_NO_FATAL_FAILURE(expect_naive(f, rng, 2)) << "half " << half;
  }
  for (std::uint64_t id = 1; id <= kIds; ++id) f.put(random_offer(rng, id));
  ASSERT_NO_FATAL_FAILURE(expect_naive(f, rng, 2));
  for (std::uint64_t id = 1; id <= kIds; ++id) f.book.erase({id});
  EXPECT_EQ(f.book.size(), 0U);
  EXPECT_FALSE(f.book.find(*Wanted::from(random_demand(rng))));
}

TEST(BookAtScale, OneModelAtOnePriceGoesToTheOldestThatFits) {
  Rng rng(6);
  Fixture f(rng, 0);
  for (std::uint64_t id = 1; id <= 3'000; ++id) {
    auto offer = random_offer(rng, id);
    offer.machine.gpu_model = "H100";
    offer.machine.device_kind = model::DeviceKind::gpu;
    offer.prices = {};
    offer.prices.on_demand_per_gpu_hour = Money{2'000'000};
    if (id % 3 == 0) offer.prices.storage_per_gib_hour = Money{100};
    f.put(offer);
  }
  for (int i = 0; i < 20; ++i) ASSERT_NO_FATAL_FAILURE(expect_naive(f, rng, 3));
}

TEST(BookAtScale, TermsThatNobodySharesShareAShelf) {
  Rng rng(7);
  Fixture f(rng, 0);
  for (std::uint64_t id = 1; id <= 6'000; ++id) {
    auto offer = random_offer(rng, id);
    offer.prices.term_discounts = {{1000 + id, static_cast<std::uint32_t>(1 + id % 9'000)}};
    f.put(offer);
  }
  for (int i = 0; i < 8; ++i) {
    for (int change = 0; change < 300; ++change) random_change(f, rng, 6'000);
    ASSERT_NO_FATAL_FAILURE(expect_naive(f, rng, 2)) << i;
  }
}

TEST(BookAtScale, NamesAreFoundWhateverTheirCodes) {
  Rng rng(8);
  Fixture f(rng, 0);
  for (std::uint64_t id = 1; id <= 3'000; ++id) {
    auto offer = random_offer(rng, id);
    offer.machine.name = "n" + std::to_string(id % 1'500);
    offer.machine.driver_version = "550." + std::to_string(id % 700);
    f.put(offer);
  }
  model::Demand demand;
  for (const std::string where :
       {"machine=n7", "machine in [n7,n8,nobody]", "machine=nobody", "driver=550.12", "driver in [550.1,550.2] gpus>1",
        "provider=\"hall b\"", "provider in [\"hall a\",\"hall c\"]", "provider=nobody", "machine not in [n1,n2]"}) {
    demand.where = where;
    const auto wanted = *Wanted::from(demand);
    std::size_t fit = 0;
    for (const auto& [id, offer] : f.world.offers) fit += f.book.fits(wanted, offer.id) ? 1 : 0;
    EXPECT_EQ(f.book.list(wanted, 10'000).size(), fit) << where;
  }
}

TEST(BookAtScale, OneHotClassOfOneNameIsReadAsWellWhileItGrowsChangesAndShrinks) {
  constexpr std::uint64_t kIds = 8'000;
  Rng rng(9);
  Fixture f(rng, 0);
  const auto post = [&](std::uint64_t id) {
    auto offer = random_offer(rng, id);
    offer.machine.gpu_model = "H100";
    offer.machine.device_kind = model::DeviceKind::gpu;
    offer.machine.name = rng.one_in(3) ? "twin" : "m" + std::to_string(id);
    offer.prices = {};
    offer.prices.on_demand_per_gpu_hour = Money{rng.between(1'000'000, 3'000'000)};
    f.put(offer);
  };
  const auto check = [&] {
    const auto all = naive_list(f.world, {}, {});
    for (const std::set<std::string>& names : {std::set<std::string>{}, {"twin"}, {"m17", "m18", "m19", "m20"}}) {
      model::Demand demand;
      for (const auto& name : names) demand.where += (demand.where.empty() ? "machine in [" : ",") + name;
      if (!names.empty()) demand.where += "]";
      auto expected = all;
      std::erase_if(expected, [&](const Match& match) {
        return !names.empty() && !names.contains(f.world.offers.at(match.offer.value).machine.name);
      });
      ASSERT_TRUE(f.book.list(*Wanted::from(demand), kIds) == expected) << demand.where;
    }
  };
  for (std::uint64_t id = 1; id <= kIds; ++id) post(1 + id * 4'999 % kIds);
  ASSERT_NO_FATAL_FAILURE(check());
  for (std::uint64_t id = 1; id <= kIds; ++id) {
    if (id % 40 != 0) {
      f.world.offers.erase(id);
      f.book.erase({id});
    }
    if (id % 2'000 == 0) {
      ASSERT_NO_FATAL_FAILURE(check());
    }
  }
  for (std::uint64_t id = kIds; id >= 1; --id) post(id);
  ASSERT_NO_FATAL_FAILURE(check());
}

}  // namespace
}  // namespace hanse::market
