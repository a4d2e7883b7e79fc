// The book at 10^4, 10^5 and 10^6 offers: matching, the worst case, changes, explanations, memory; against SQLite with
// its best indexes and against a plain scan of packed rows, on the same offers in the same run.

#include <sqlite3.h>

#include <algorithm>
#include <cstdio>

#include "base/check.hpp"
#include "bench.hpp"
#include "market_rivals.hpp"
#include "market_world.hpp"
#include "model/text.hpp"

namespace hanse::bench {
namespace {

constexpr std::size_t kMillion = 1'000'000;

struct Times {
  std::vector<double> us;
  template <class Work>
  void measure(Work&& work) {
    const Stopwatch watch;
    work();
    us.push_back(watch.seconds() * 1e6);
  }
  [[nodiscard]] double at(double share) {
    std::sort(us.begin(), us.end());
    return us[static_cast<std::size_t>(share * static_cast<double>(us.size() - 1))];
  }
};

std::string micros(double us) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f us", us);
  return text;
}

/// The world and its book, kept for the next benchmark of the same size.
struct Loaded {
  MarketWorld world;
  market::Book book;
  double load_s = 0;
  double bytes = 0;
};

const Loaded& loaded(std::size_t count) {
  static std::unique_ptr<Loaded> kept;
  if (kept && kept->world.offers.size() == count) return *kept;
  kept.reset();
  MarketWorld world(count);
  const double before = allocated_bytes();
  const Stopwatch watch;
  market::Book book = world.book();
  const double seconds = watch.seconds();
  const double bytes = allocated_bytes() - before;
  kept = std::make_unique<Loaded>(Loaded{std::move(world), std::move(book), seconds, bytes});
  return *kept;
}

std::vector<market::Wanted> typical_wanted(std::size_t count) {
  Rng rng(7);
  std::vector<market::Wanted> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(*market::Wanted::from(typical_demand(rng)));
  return out;
}

void match() {
  const Loaded& market = loaded(kMillion);
  const auto wanted = typical_wanted(4000);
  Times times;
  std::size_t matched = 0;
  for (const auto& one : wanted) times.measure([&] { matched += market.book.find(one) ? 1 : 0; });

  SqliteMarket sqlite(market.world);
  Times rival;
  for (std::size_t i = 0; i < 60; ++i) {
    const auto& one = wanted[i];
    std::uint64_t id = 0;
    rival.measure([&] { id = sqlite.find(one); });
    const auto ours = market.book.find(one);
    HANSE_CHECK(id == (ours ? ours->offer.value : 0));
  }
  const double p50 = times.at(0.5), theirs = rival.at(0.5);
  report({.name = "market.match",
          .value = p50,
          .unit = "us, p50; p99 " + micros(times.at(0.99)) + "; " + std::to_string(matched) + " of " +
                  std::to_string(wanted.size()) + " matched",
          .baseline = "SQLite with its best indexes, p50 " + micros(theirs) + ", p99 " + micros(rival.at(0.99)) +
                      "; the same offers found",
          .ratio = theirs / p50,
          .goal = "p50 <= 20 us, p99 <= 200 us, ratio >= 100"});
}
HANSE_BENCH("market.match", match);

/// Each constraint is met by many, all of them by one offer or none. Where it does not name the machine, such offers
/// are looked for among random ones.
market::Wanted needle(const Loaded& market, Rng& rng, bool is_named = false) {
  for (;;) {
    const auto& offers = market.world.offers;
    const auto& offer = offers[rng.below(offers.size())];
    const auto& m = offer.machine;
    model::Demand demand;
    demand.duration_s = 3600;
    demand.where =
        "memory>=" + std::to_string(m.memory_bytes / m.gpu_count) + "B disk>=" + std::to_string(m.disk_bytes) +
        "B inet_down>=" + std::to_string(m.inet_down_mbps) +
        "Mbps cpu>=" + std::to_string(m.cpu_threads / m.gpu_count) + " country=" + m.country +
        (is_named ? " machine=" + m.name : " price<=" + model::format_money(offer.prices.on_demand_per_gpu_hour));
    auto wanted = *market::Wanted::from(demand);
    if (is_named || market.book.list(wanted, 2).size() < 2) return wanted;
  }
}

void worst() {
  const Loaded& market = loaded(kMillion);
  const PackedRows rows(market.world);
  Rng rng(11);
  Times ours, named, scan;
  for (int i = 0; i < 400; ++i) {
    const auto wanted = needle(market, rng);
    std::optional<market::Match> found;
    ours.measure([&] { found = market.book.find(wanted); });
    const auto by_name = needle(market, rng, true);
    named.measure([&] { (void)market.book.find(by_name); });
    if (i >= 60) continue;
    std::uint64_t id = 0;
    scan.measure([&] { id = rows.find(wanted); });
    HANSE_CHECK(id == (found ? found->offer.value : 0));
  }
  const double p99 = ours.at(0.99), theirs = scan.at(0.99);
  report({.name = "market.worst",
          .value = p99,
          .unit = "us, p99; p50 " + micros(ours.at(0.5)) + "; where the machine is named p99 " + micros(named.at(0.99)),
          .baseline = "a scan of packed rows, p99 " + micros(theirs) + ", p50 " + micros(scan.at(0.5)),
          .ratio = theirs / p99,
          .goal = "p99 <= 2000 us, ratio >= 10"});
}
HANSE_BENCH("market.worst", worst);

void update() {
  const Loaded& market = loaded(kMillion);
  auto& book = const_cast<market::Book&>(market.book);
  Rng rng(13);
  Times capacity, price;
  for (int i = 0; i < 40'000; ++i) {
    auto offer = market.world.offers[rng.below(kMillion)];
    const auto& provider = market.world.provider_of(offer);
    const auto original = offer;
    offer.leased_devices = rng.next() & ((1U << offer.machine.gpu_count) - 1);
    capacity.measure([&] { book.set_leased(offer); });
    offer.prices.on_demand_per_gpu_hour.micros += 1000 * rng.between(-20, 20);
    price.measure([&] { book.set_prices(offer); });
    book.put(original, provider);
  }
  report({.name = "market.update",
          .value = std::max(capacity.at(0.99), price.at(0.99)),
          .unit = "us, p99 of the slower; capacity p50 " + micros(capacity.at(0.5)) + " p99 " +
                  micros(capacity.at(0.99)) + ", price p50 " + micros(price.at(0.5)) + " p99 " + micros(price.at(0.99)),
          .goal = "<= 5 us"});
}
HANSE_BENCH("market.update", update);

void explain() {
  const Loaded& market = loaded(kMillion);
  Rng rng(17);
  Times times;
  for (int i = 0; i < 50; ++i) {
    auto demand = typical_demand(rng);
    demand.max_price_per_gpu_hour = Money{10'000};
    const auto wanted = *market::Wanted::from(demand);
    times.measure([&] { HANSE_CHECK(market.book.explain(wanted).offers == kMillion); });
  }
  report({.name = "market.explain",
          .value = times.at(0.5) / 1000,
          .unit = "ms, p50; p99 " + micros(times.at(0.99)),
          .goal = "<= 20 ms"});
}
HANSE_BENCH("market.explain", explain);

void memory() {
  const Loaded& market = loaded(kMillion);
  report({.name = "market.memory",
          .value = market.bytes / static_cast<double>(kMillion),
          .unit = "bytes an offer, everything; loaded in " + std::to_string(market.load_s) + " s",
          .goal = "<= 600"});
}
HANSE_BENCH("market.memory", memory);

void growth() {
  for (const std::size_t count : {10'000UL, 100'000UL, 1'000'000UL}) {
    const Loaded& market = loaded(count);
    Times match, worst, explain;
    for (const auto& one : typical_wanted(2000)) match.measure([&] { (void)market.book.find(one); });
    Rng rng(11);
    for (int i = 0; i < 100; ++i) {
      const auto wanted = needle(market, rng);
      worst.measure([&] { (void)market.book.find(wanted); });
    }
    for (int i = 0; i < 10; ++i) {
      const auto wanted = *market::Wanted::from(typical_demand(rng));
      explain.measure([&] { (void)market.book.explain(wanted); });
    }
    report({.name = "market.growth." + std::to_string(count),
            .value = match.at(0.5),
            .unit = "us, match p50; p99 " + micros(match.at(0.99)) + "; worst p99 " + micros(worst.at(0.99)) +
                    "; explain p50 " + micros(explain.at(0.5)) + "; " +
                    std::to_string(market.bytes / static_cast<double>(count)) + " bytes an offer"});
  }
}
HANSE_BENCH("market.growth", growth);

}  // namespace
}  // namespace hanse::bench
