// Placing gangs, against an oracle that tries every choice of machines.

#include "market/place.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "market/testing.hpp"

namespace hanse::market {
namespace {

using testing::account_of;
using ::testing::HasSubstr;

/// A market of machines that differ in what a placement looks at. Reliabilities are whole thousandths, prices far
/// apart: the same order however a cost is rounded.
struct Town {
  std::map<std::uint64_t, model::Offer> offers;
  std::map<model::AccountId, model::Provider> providers;
  Book book;
  Records records{[this](model::OfferId id) -> const model::Offer& { return offers.at(id.value); },
                  [this](const model::AccountId& id) -> const model::Provider& { return providers.at(id); }};

  Town() = default;
  Town(const Town&) = delete;
  Town& operator=(const Town&) = delete;

  void add(std::uint64_t provider, std::uint32_t gpus, std::int64_t price, const std::string& country = "DE",
           std::uint32_t leased = 0, std::int64_t posted_at = 1) {
    auto& seller = providers[account_of(provider)];
    seller.account = account_of(provider);
    if (provider % 2 == 1) seller.leases_completed = 90;  // 0.99 and not 0.9
    model::Offer offer;
    offer.id = {offers.size() + 1};
    offer.provider = seller.account;
    offer.posted_at = Time{posted_at};
    offer.machine.name = "m" + std::to_string(offer.id.value);
    offer.machine.gpu_model = "H100";
    offer.machine.gpu_count = gpus;
    offer.machine.country = country;
    offer.leased_devices = (1ULL << leased) - 1;
    offer.prices.on_demand_per_gpu_hour = Money{price};
    offers[offer.id.value] = offer;
    book.put(offer, seller);
  }
  [[nodiscard]] Matches place(const model::Demand& demand) const {
    return market::place(book, *Wanted::from(demand), records);
  }
  [[nodiscard]] std::string why_not(const model::Demand& demand) const {
    return market::why_not(book, *Wanted::from(demand), records);
  }
};

model::Demand gang_of(std::uint32_t machines, std::uint32_t gpus = 1,
                      model::Placement placement = model::Placement::anywhere) {
  model::Demand demand;
  demand.machines = machines;
  demand.gpu_count = gpus;
  demand.duration_s = 3600;
  demand.placement = placement;
  return demand;
}

std::vector<std::uint64_t> ids_of(const Matches& matches) {
  std::vector<std::uint64_t> out;
  for (const auto& match : matches) out.push_back(match.offer.value);
  return out;
}

/// Every choice of `machines` of those that fit, one after the other; the best by cost, free devices, order.
std::vector<std::uint64_t> oracle(const Town& town, const model::Demand& demand) {
  struct Fit {
    std::int64_t cost, posted_at;
    std::uint64_t id;
    int left;
    std::string group;
  };
  std::vector<Fit> fits;
  for (const auto& [id, offer] : town.offers) {
    int free = 0;
    for (std::uint32_t i = 0; i < offer.machine.gpu_count; ++i) free += (offer.leased_devices >> i & 1U) == 0 ? 1 : 0;
    if (free < static_cast<int>(demand.gpu_count)) continue;
    const auto& provider = town.providers.at(offer.provider);
    const std::int64_t permille = provider.leases_completed == 90 ? 990 : 900;
    const bool by_provider = demand.placement == model::Placement::same_provider;
    const bool by_country = demand.placement == model::Placement::same_country;
    if (by_country && offer.machine.country.empty()) continue;
    fits.push_back({offer.prices.on_demand_per_gpu_hour.micros * 1000 / permille, offer.posted_at.ms, id,
                    free - static_cast<int>(demand.gpu_count),
                    by_provider  ? model::format_address(offer.provider)
                    : by_country ? offer.machine.country
                                 : ""});
  }
  std::sort(fits.begin(), fits.end(), [](const Fit& a, const Fit& b) {
    return std::tie(a.cost, a.posted_at, a.id) < std::tie(b.cost, b.posted_at, b.id);
  });
  using Worth = std::tuple<std::int64_t, int, std::vector<std::size_t>>;
  std::optional<Worth> best;
  for (std::uint32_t choice = 0; choice < 1U << fits.size(); ++choice) {
    if (static_cast<std::uint32_t>(__builtin_popcount(choice)) != demand.machines) continue;
    Worth worth{0, 0, {}};
    std::string group;
    bool together = true;
    for (std::size_t i = fits.size(); i-- > 0;) {
      if ((choice >> i & 1U) == 0) continue;
      std::get<0>(worth) += fits[i].cost;
      std::get<1>(worth) += fits[i].left;
      together = together && (std::get<2>(worth).empty() || group == fits[i].group);
      group = fits[i].group;
      std::get<2>(worth).push_back(i);
    }
    if (together && (!best || worth < *best)) best = worth;
  }
  std::vector<std::uint64_t> out;
  if (!best) return out;
  const auto& members = std::get<2>(*best);
  for (auto i = members.rbegin(); i != members.rend(); ++i) out.push_back(fits[*i].id);
  return out;
}

TEST(Place, AgreesWithTryingEveryChoice) {
  static constexpr const char* kCountries[] = {"DE", "FR", "US", ""};
  Rng rng(5);
  int placed = 0;
  for (int i = 0; i < 3000; ++i) {
    Town town;
    const auto prices = 1 + rng.below(3);  // few: ties are what is hard
    for (auto n = 1 + rng.below(11); n > 0; --n) {
      const auto gpus = static_cast<std::uint32_t>(1 + rng.below(4));
      town.add(rng.below(4), gpus, static_cast<std::int64_t>(990'000 * (1 + rng.below(prices))),
               kCountries[rng.below(4)], static_cast<std::uint32_t>(rng.below(gpus + 1)), 1 + rng.between(0, 2));
    }
    const auto demand =
        gang_of(static_cast<std::uint32_t>(2 + rng.below(4)), static_cast<std::uint32_t>(1 + rng.below(2)),
                static_cast<model::Placement>(rng.below(3)));
    const auto expected = oracle(town, demand);
    ASSERT_EQ(ids_of(town.place(demand)), expected) << "round " << i;
    placed += expected.empty() ? 0 : 1;
  }
  EXPECT_GT(placed, 800);
}

TEST(Place, TakesTheMachinesThatItFillsAmongEquallyCheapOnes) {
  Town town;
  town.add(1, 8, 990'000);
  town.add(1, 2, 990'000);
  town.add(1, 8, 990'000);
  town.add(1, 3, 990'000, "DE", 1);
  EXPECT_EQ(ids_of(town.place(gang_of(2, 2))), (std::vector<std::uint64_t>{2, 4}));
}

TEST(Place, KeepsToOneProviderOrCountryThoughItCostsMore) {
  Town town;
  town.add(1, 1, 990'000, "DE");
  town.add(3, 1, 990'000, "FR");
  town.add(5, 1, 1'980'000, "FR");
  town.add(5, 1, 2'970'000, "US");
  EXPECT_EQ(ids_of(town.place(gang_of(2))), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(ids_of(town.place(gang_of(2, 1, model::Placement::same_country))), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(ids_of(town.place(gang_of(2, 1, model::Placement::same_provider))), (std::vector<std::uint64_t>{3, 4}));
  EXPECT_TRUE(town.place(gang_of(3, 1, model::Placement::same_provider)).empty());
  EXPECT_THAT(town.why_not(gang_of(3, 1, model::Placement::same_provider)),
              HasSubstr("3 machines are wanted at one provider, and 2 fit: ask for 2 at most"));
}

TEST(Place, MachinesOfNoKnownCountryAreInNoneTogether) {
  Town town;
  town.add(1, 1, 990'000, "");
  town.add(3, 1, 990'000, "");
  const auto together = gang_of(2, 1, model::Placement::same_country);
  EXPECT_TRUE(town.place(together).empty());
  EXPECT_THAT(town.why_not(together), HasSubstr("says which country it stands in: leave the placement open"));
  EXPECT_EQ(town.place(gang_of(2)).size(), 2U);
}

TEST(Place, OneProvidersMachinesAreFoundBehindManyCheaperOnes) {
  Town town;
  for (std::uint64_t i = 0; i < 200; ++i) town.add(1 + 2 * i % 40, 1, 990'000);
  for (int i = 0; i < 12; ++i) town.add(101, 1, 9'900'000);
  const auto matches = town.place(gang_of(12, 1, model::Placement::same_provider));
  ASSERT_EQ(matches.size(), 12U);
  EXPECT_EQ(matches.front().provider, account_of(101));
}

TEST(Place, AGangLargerThanTheNetworkIsToldHowManyFit) {
  Town town;
  for (int i = 0; i < 3; ++i) town.add(1, 2, 990'000);
  EXPECT_THAT(town.why_not(gang_of(4)), HasSubstr("4 machines are wanted, and 3 fit"));
  EXPECT_THAT(town.why_not(gang_of(4, 8)), HasSubstr("with fewer GPUs")) << "none fits: what stands against one";
}

TEST(Place, MaxCostBoundsAllOfItAndIsNamedWithThePrice) {
  Town town;
  for (int i = 0; i < 3; ++i) town.add(1, 1, 1'000'000);
  auto demand = gang_of(3);
  demand.max_cost = credits(3);
  EXPECT_EQ(town.place(demand).size(), 3U);
  EXPECT_EQ(lock_of(town.place(demand)), credits(3));
  demand.max_cost = Money{2'999'999};
  EXPECT_TRUE(town.place(demand).empty());
  EXPECT_THAT(town.why_not(demand),
              HasSubstr("3 machines for 1h cost 3.00 credits, paid in advance, and max_cost is 2.99"));
}

TEST(Place, AReservedTermIsPaidWholeByTheBestThatMaxCostAllows) {
  Town town;
  town.add(1, 3, 1'000'001);  // more reliable, so better, but a little dearer
  town.add(2, 3, 999'999);
  auto demand = gang_of(1, 3);
  demand.mode = model::Mode::reserved;
  EXPECT_EQ(ids_of(town.place(demand)), std::vector<std::uint64_t>{1});
  demand.max_cost = Money{3'000'003};
  EXPECT_EQ(ids_of(town.place(demand)), std::vector<std::uint64_t>{1}) << "to the last micro-credit";
  demand.max_cost = Money{3'000'002};
  EXPECT_EQ(ids_of(town.place(demand)), std::vector<std::uint64_t>{2});
  demand.max_cost = Money{2'999'996};
  EXPECT_TRUE(town.place(demand).empty());
  EXPECT_THAT(town.why_not(demand), HasSubstr("a term of 1h cost"));
}

TEST(Place, MaxCostBoundsTheFilesThatAGangKeepsToo) {
  Town town;
  for (int i = 0; i < 3; ++i) town.add(1, 1, 1'000'000);
  for (auto& [id, offer] : town.offers) {
    offer.machine.disk_bytes = 100ULL << 30;
    offer.prices.storage_per_gib_hour = Money{1000};
    town.book.put(offer, town.providers.at(offer.provider));
  }
  auto demand = gang_of(3);
  demand.disk_bytes = 1ULL << 30;
  demand.keep_s = 7200;
  demand.max_cost = Money{3 * (1'001'000 + 2000)};
  EXPECT_EQ(lock_of(town.place(demand)), demand.max_cost);
  demand.max_cost.micros -= 1;
  EXPECT_TRUE(town.place(demand).empty());
  EXPECT_THAT(town.why_not(demand), HasSubstr("3 machines for 1h and keeping the files for 2h cost 3.009 credits"));
}

TEST(Wanted, RefusesGangsThatCannotBe) {
  const auto message = [](model::Demand demand) {
    const auto wanted = Wanted::from(demand);
    if (wanted) return std::string("fine");
    EXPECT_EQ(wanted.error().code, ErrorCode::invalid_argument);
    return wanted.error().message;
  };
  EXPECT_EQ(message(gang_of(64)), "fine");
  EXPECT_THAT(message(gang_of(0)), HasSubstr("machines is 0: ask for 1 to 64"));
  EXPECT_THAT(message(gang_of(65)), HasSubstr("machines is 65: ask for 1 to 64"));
  EXPECT_THAT(message(gang_of(1, 1, model::Placement::same_provider)), HasSubstr("is for several machines"));
  EXPECT_THAT(message(gang_of(2, 1, static_cast<model::Placement>(9))), HasSubstr("placement is anywhere"));
  auto named = gang_of(2);
  named.offer = {7};
  EXPECT_THAT(message(named), HasSubstr("offer-7 is one machine"));
}

}  // namespace
}  // namespace hanse::market
