// Explanations against the naive reading, and as a person reads them.

#include <gtest/gtest.h>

#include <algorithm>

#include "market/book.hpp"
#include "market/testing.hpp"

namespace hanse::market {
namespace {

using namespace testing;

const Explanation::Ruled* ruled_by(const Explanation& explanation, const std::string& constraint) {
  const auto it = std::find_if(explanation.ruled.begin(), explanation.ruled.end(),
                               [&](const auto& r) { return r.constraint == constraint; });
  return it == explanation.ruled.end() ? nullptr : &*it;
}

std::string canonical(const std::string& term) {
  return model::format_constraint(model::parse_where(term)->front());
}

struct Market {
  World world;
  Book book;
  explicit Market(Rng& rng) {
    for (std::uint64_t n = 0; n < 5; ++n) {
      world.providers[account_of(n)] = random_provider(rng, n);
      if (!rng.one_in(8)) continue;
      world.unreachable.insert(account_of(n));
      book.set_reachable(account_of(n), false);
    }
    for (std::uint64_t id = 1; id <= 30; ++id) {
      const auto offer = random_offer(rng, id);
      world.offers[id] = offer;
      book.put(offer, world.providers.at(offer.provider));
    }
  }
};

TEST(Explain, CountsAgreeWithTheNaiveReading) {
  int relaxations = 0;
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    Rng rng(seed);
    Market market(rng);
    auto demand = random_demand(rng);
    const auto terms = random_terms(rng, 4);
    std::set<model::AccountId> excluded;
    if (rng.one_in(4)) excluded.insert(account_of(rng.below(5)));
    demand.where = join(terms);
    const auto wanted = Wanted::from(demand, {excluded.begin(), excluded.end()});
    if (!wanted) continue;

    std::map<std::string, std::uint64_t> offers;
    std::map<std::string, std::uint64_t> alone;
    for (const auto& [id, offer] : market.world.offers) {
      const Case c{offer, market.world.providers.at(offer.provider), demand, price_of(offer.prices, demand)};
      std::vector<std::string> failed;
      for (const auto& name : failed_builtins(market.world, c, excluded)) failed.push_back(name);
      for (const auto& term : terms) {
        if (!term_holds(term, terms, c)) failed.push_back(canonical(term.text));
      }
      for (const auto& name : failed) ++offers[name];
      if (failed.size() == 1) ++alone[failed.front()];
    }
    const auto explanation = market.book.explain(*wanted);
    EXPECT_EQ(explanation.offers, market.world.offers.size());
    ASSERT_EQ(explanation.fitting, market.book.list(*wanted, 30).size()) << "seed " << seed;
    for (const auto& [name, count] : offers) ASSERT_NE(ruled_by(explanation, name), nullptr) << "seed " << seed << name;
    for (const auto& ruled : explanation.ruled) {
      ASSERT_EQ(ruled.offers, offers[ruled.constraint]) << "seed " << seed << ": " << ruled.constraint;
      ASSERT_GE(ruled.only_this, alone[ruled.constraint]) << "seed " << seed << ": " << ruled.constraint;
      relaxations += ruled.price ? 1 : 0;
    }
  }
  EXPECT_GT(relaxations, 500);
}

/// The demand with one constraint relaxed as the explanation means it.
std::optional<Wanted> relaxed(const Wanted& wanted, const Explanation::Ruled& ruled, const World& world) {
  Wanted out = wanted;
  auto& demand = out.demand;
  const auto& offer = world.offers.at(ruled.offer.value);
  if (ruled.constraint == "capacity") {
    demand.gpu_count = 0;
    for (std::uint32_t i = 0; i < offer.machine.gpu_count; ++i)
      demand.gpu_count += (offer.leased_devices >> i & 1U) == 0;
  } else if (ruled.constraint == "duration") {
    demand.duration_s =
        demand.duration_s < offer.prices.min_duration_s ? offer.prices.min_duration_s : offer.prices.max_duration_s;
  } else if (ruled.constraint == "disk") {
    demand.disk_bytes = offer.machine.disk_bytes - offer.leased_disk_bytes;
  } else if (ruled.constraint == "max_price") {
    demand.max_price_per_gpu_hour = Money{};
  } else if (ruled.constraint == "max_cost") {
    demand.max_cost = Money{};
  } else if (ruled.constraint == "excluded") {
    out.excluded_providers.clear();
  } else {
    const auto it = std::find_if(out.where.begin(), out.where.end(),
                                 [&](const auto& c) { return model::format_constraint(c) == ruled.constraint; });
    if (it == out.where.end()) return std::nullopt;
    out.where.erase(it);
  }
  return out;
}

TEST(Explain, TheRelaxationItNamesMatchesAtThePriceItNames) {
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= 4'000; ++seed) {
    Rng rng(seed);
    Market market(rng);
    auto demand = random_demand(rng);
    demand.where = join(random_terms(rng, 4));
    const auto wanted = Wanted::from(demand, {account_of(rng.below(5))});
    if (!wanted || market.book.find(*wanted)) continue;
    for (const auto& ruled : market.book.explain(*wanted).ruled) {
      if (!ruled.price) continue;
      const auto changed = relaxed(*wanted, ruled, market.world);
      ASSERT_TRUE(changed) << "seed " << seed << ": " << ruled.constraint;
      const auto match = market.book.fits(*changed, ruled.offer);
      ASSERT_TRUE(match) << "seed " << seed << ": " << demand.where << " without " << ruled.constraint;
      ASSERT_EQ(match->price, *ruled.price) << "seed " << seed << ": " << ruled.constraint;
      const bool same_for_all =
          ruled.constraint != "capacity" && ruled.constraint != "duration" && ruled.constraint != "disk";
      if (same_for_all) {
        ASSERT_EQ(market.book.find(*changed)->offer, ruled.offer) << "seed " << seed << ": " << ruled.constraint;
      }
      ++seen[same_for_all && !ruled.constraint.starts_with("max_") && ruled.constraint != "excluded"
                 ? "where"
                 : ruled.constraint];
    }
  }
  for (const auto* kind : {"where", "capacity", "duration", "disk", "max_price", "max_cost", "excluded"}) {
    EXPECT_GT(seen[kind], 3) << kind;
  }
}

TEST(Explain, IfOneRelaxationWouldMatchItIsNamed) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    Rng rng(seed);
    Market market(rng);
    auto demand = random_demand(rng);
    demand.where = join(random_terms(rng, 4));
    const auto wanted = Wanted::from(demand);
    if (!wanted || market.book.find(*wanted)) continue;
    const auto explanation = market.book.explain(*wanted);
    for (std::size_t i = 0; i < wanted->where.size(); ++i) {
      auto without = *wanted;
      without.where.erase(without.where.begin() + static_cast<std::ptrdiff_t>(i));
      const auto match = market.book.find(without);
      const auto* ruled = ruled_by(explanation, model::format_constraint(wanted->where[i]));
      ASSERT_EQ(match.has_value(), ruled != nullptr && ruled->price.has_value())
          << "seed " << seed << ": " << demand.where;
      if (match) {
        ASSERT_EQ(match->price, *ruled->price) << "seed " << seed;
      }
    }
  }
}

TEST(Explain, TextsAreBounded) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    Market market(rng);
    auto demand = random_demand(rng);
    demand.where =
        join(random_terms(rng, 12)) + " machine in [" + std::string(60, 'a') + "," + std::string(64, 'b') + "]";
    const auto wanted = Wanted::from(demand);
    if (!wanted) continue;
    const auto text = market.book.explain(*wanted).text();
    ASSERT_LE(text.size(), 2'000U) << "seed " << seed;
    ASSERT_FALSE(text.empty());
  }
}

TEST(Explain, SaysSizesRoughlyButSoThatTheyFit) {
  Book book;
  model::Provider provider;
  provider.account = account_of(1);
  auto offer = machine(1, "A100", 0, 850'000);
  offer.machine.vram_bytes = 13'199'572ULL << 10;  // 13.516… GB
  book.put(offer, provider);
  model::Demand demand;
  demand.duration_s = 3600;
  for (const auto& [where, nearest] : {std::pair{"vram>=80GB", "13.5GB"}, std::pair{"vram<=1GB", "13.6GB"}}) {
    demand.where = where;
    EXPECT_NE(book.explain(*Wanted::from(demand)).text().find(std::string("it has ") + nearest + " at "),
              std::string::npos)
        << book.explain(*Wanted::from(demand)).text();
  }
}

TEST(Explain, ReadsAsAPersonWouldWriteIt) {
  Book book;
  model::Provider provider;
  provider.account = account_of(1);
  model::Demand demand;
  demand.duration_s = 3600;
  demand.where = "vram>=80GB gpu in [H100,A100]";
  EXPECT_EQ(book.explain(*Wanted::from(demand)).text(), "Nothing is for rent now.");

  book.put(machine(1, "A100-40GB", 40, 850'000), provider);
  book.put(machine(2, "A100-40GB", 48, 900'000), provider);
  book.put(machine(3, "MI300X", 192, 2'000'000), provider);
  book.put(machine(4, "T4", 16, 100'000), provider);
  EXPECT_EQ(book.explain(*Wanted::from(demand)).text(),
            "None of 4 machines fits.\n"
            "2 machines match but for `vram>=80GB`: the best has 48GB, the cheapest costs 0.85/h (offer-1).\n"
            "1 machine matches but for `gpu in [A100,H100]`: it has MI300X at 2.00/h (offer-3).\n"
            "Ruled out by: vram>=80GB (3), gpu in [A100,H100] (2).");

  demand.where = "gpu=A100";
  demand.gpu_count = 4;
  EXPECT_EQ(book.explain(*Wanted::from(demand)).text(),
            "None of 4 machines fits.\n"
            "2 machines match with fewer GPUs: at most 2 of one machine are free, the cheapest costs 0.85 per GPU-hour "
            "(offer-1).\n"
            "Ruled out by: capacity (4), gpu=A100 (2).");

  demand.gpu_count = 1;
  EXPECT_EQ(book.explain(*Wanted::from(demand)).text(),
            "2 of 4 machines fit.\n"
            "2 machines match but for `gpu=A100`: the cheapest has T4 at 0.10/h (offer-4).\n"
            "Ruled out by: gpu=A100 (2).");
  demand.where = "vram>=16GB";
  EXPECT_EQ(book.explain(*Wanted::from(demand)).text(), "All 4 machines fit.");
  demand.where = "gpu=A100";
  book.set_reachable(account_of(1), false);
  EXPECT_EQ(book.explain(*Wanted::from(demand)).text(),
            "2 machines fit but their providers do not answer now.\n"
            "Ruled out by: reachable (4), gpu=A100 (2).");

  demand.offer = {4};
  EXPECT_EQ(book.explain(*Wanted::from(demand)).offers, 1U);
  EXPECT_TRUE(book.explain(*Wanted::from(demand)).text().starts_with("The only machine does not fit."));

  Book small;
  auto taken = machine(1, "A100", 80, 850'000);
  taken.leased_devices = 0b11;
  small.put(taken, provider);
  demand = {};
  demand.duration_s = 3600;
  EXPECT_EQ(small.explain(*Wanted::from(demand)).text(), "1 machine fits but is taken now.");
}

}  // namespace
}  // namespace hanse::market
