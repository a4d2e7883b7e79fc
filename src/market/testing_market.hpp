#pragma once

// For tests only: a book and what the tests believe to be in it, changed together, and what a naive reading
// (testing.hpp) finds there.

#include <algorithm>

#include "base/check.hpp"
#include "market/testing.hpp"

namespace hanse::market::testing {

struct Fixture {
  World world;
  Book book;

  explicit Fixture(Rng& rng, std::size_t offers) {
    for (std::uint64_t n = 0; n < 5; ++n) set_provider(random_provider(rng, n));
    for (std::uint64_t id = 1; id <= offers; ++id) put(random_offer(rng, id));
    for (std::uint64_t n = 0; n < 5; ++n) {
      if (rng.one_in(8)) set_reachable(account_of(n), false);
    }
  }
  void set_provider(const model::Provider& provider) {
    world.providers[provider.account] = provider;
    book.update(provider);
  }
  void put(const model::Offer& offer) {
    world.offers[offer.id.value] = offer;
    book.put(offer, world.providers.at(offer.provider));
  }
  void set_reachable(const model::AccountId& account, bool reachable) {
    if (reachable)
      world.unreachable.erase(account);
    else
      world.unreachable.insert(account);
    book.set_reachable(account, reachable);
  }
};

inline model::Demand demand_for(model::Demand demand, std::uint64_t keep_s) {
  demand.keep_s = keep_s;
  return demand;
}

/// All that fit, best first, as the naive reading has it.
inline std::vector<Match> naive_list(const World& world, const model::Demand& demand, const std::vector<Term>& terms,
                                     const std::set<model::AccountId>& excluded = {}) {
  struct Found {
    Match match;
    const model::Offer* offer;
    std::int64_t reliability;
  };
  std::vector<Found> found;
  for (const auto& [id, offer] : world.offers) {
    if (demand.offer && demand.offer != offer.id) continue;
    const auto& provider = world.providers.at(offer.provider);
    const Case c{offer, provider, demand, price_of(offer.prices, demand)};
    const bool fits = failed_builtins(world, c, excluded).empty() &&
                      std::all_of(terms.begin(), terms.end(), [&](const auto& t) { return term_holds(t, terms, c); });
    if (!fits) continue;
    const Money reserve{static_cast<std::int64_t>(naive_reserve(offer, demand))};
    const Money keep_rate{
        demand.keep_s == 0 ? 0 : static_cast<std::int64_t>(naive_reserve(offer, demand_for(demand, 3600)))};
    Match match{
        offer.id, offer.provider,       0,
        *c.price, {keep_rate, reserve}, *lock_for(c.price->rate_per_hour, demand.duration_s, demand.max_cost, reserve)};
    std::uint32_t taken = 0;
    for (std::uint32_t i = 0; taken < demand.gpu_count; ++i) {
      if ((offer.leased_devices >> i & 1U) != 0) continue;
      match.devices |= 1ULL << i;
      ++taken;
    }
    found.push_back({match, &offer, reliability_millionths(provider)});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    const auto cost = [](const Found& f) {
      return f.match.price.per_gpu_hour.micros * 1000 / std::max<std::int64_t>(f.reliability / 1000, 1);
    };
    return std::tuple(cost(a), a.offer->posted_at, a.offer->id) < std::tuple(cost(b), b.offer->posted_at, b.offer->id);
  });
  std::vector<Match> out;
  for (const auto& f : found) out.push_back(f.match);
  return out;
}

/// nullopt where the terms contradict each other; then the naive reading must find nothing either.
inline std::optional<Wanted> wanted_of(model::Demand demand, const std::vector<Term>& terms,
                                       const std::set<model::AccountId>& excluded = {}) {
  demand.where = join(terms);
  auto wanted = Wanted::from(demand, {excluded.begin(), excluded.end()});
  if (wanted) return *wanted;
  HANSE_CHECK(wanted.error().code == ErrorCode::invalid_argument);
  return std::nullopt;
}

inline void random_change(Fixture& f, Rng& rng, std::uint64_t ids = 60) {
  const std::uint64_t id = 1 + rng.below(ids);
  const auto it = f.world.offers.find(id);
  switch (rng.below(6)) {
    case 0:
      f.put(random_offer(rng, id));
      break;
    case 1:
      f.world.offers.erase(id);
      f.book.erase({id});
      break;
    case 2:
      if (it != f.world.offers.end()) {
        auto offer = it->second;  // a lease came or went
        offer.leased_devices =
            rng.next() & (offer.machine.gpu_count == 64 ? ~0ULL : (1ULL << offer.machine.gpu_count) - 1);
        f.world.offers[id] = offer;
        f.book.set_leased(offer);
      }
      break;
    case 3:
      if (it != f.world.offers.end()) {
        auto offer = it->second;
        offer.prices = random_offer(rng, id).prices;
        f.world.offers[id] = offer;
        f.book.set_prices(offer);
      }
      break;
    case 4:
      f.set_provider(random_provider(rng, rng.below(5)));
      break;
    default:
      f.set_reachable(account_of(rng.below(5)), rng.one_in(2));
      break;
  }
}

}  // namespace hanse::market::testing
