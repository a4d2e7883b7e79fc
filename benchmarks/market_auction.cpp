// One auction of one class: 100,000 bids against 100,000 slots.

#include <algorithm>

#include "base/rng.hpp"
#include "bench.hpp"
#include "market/auction.hpp"

namespace hanse::bench {
namespace {

constexpr std::uint32_t kShapes = 16;  // ways to word a request
constexpr std::uint32_t kRounds = 9;

struct Market {
  std::vector<market::AuctionBid> bids;
  std::vector<market::AuctionSlot> slots;
  std::vector<market::AuctionShape> shapes;
  Hash beacon;
};

/// Prices on a grid of a cent around 1.00, so that equal bids and floors are many; 1 to 8 GPUs; every fourth bid holds
/// its slot already.
Market random_market(std::uint32_t size, std::uint64_t seed) {
  Rng rng(seed);
  Market out;
  for (auto& byte : out.beacon.data) byte = static_cast<std::uint8_t>(rng.next());
  for (std::uint32_t i = 0; i < kShapes; ++i) out.shapes.push_back({1U << rng.below(4), 0});
  for (std::uint32_t i = 0; i < size; ++i) {
    out.slots.push_back({i + 1, Money{500'000 + 10'000 * rng.between(0, 100)}, 8, 0});
    const Money bid{600'000 + 10'000 * rng.between(0, 100)};
    const auto shape = static_cast<std::uint32_t>(rng.below(kShapes));
    out.bids.push_back({i + 1, bid, shape, rng.one_in(4) ? i : market::kNoAuctionSlot});
  }
  return out;
}

double clear_ms(const Market& market) {
  std::vector<double> all;
  for (std::uint32_t i = 0; i < kRounds; ++i) {
    const Stopwatch watch;
    const auto cleared = market::clear(
        market.bids, market.slots, market.shapes,
        // A shape rules out a third of the slots, as constraints do.
        [](std::uint32_t shape, std::uint32_t slot) { return (shape * 2654435761U + slot) % 3 != 0; }, market.beacon);
    all.push_back(watch.seconds() * 1e3);
    if (cleared.bids == 0) return 0;
  }
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

void auction() {
  const double tenth = clear_ms(random_market(10'000, 1));
  const double full = clear_ms(random_market(100'000, 2));
  report({.name = "market.auction", .value = full, .unit = "ms", .baseline = "", .goal = "<= 100"});
  report({.name = "market.auction.growth",
          .value = full,
          .unit = "ms",
          .baseline = "10,000 bids and slots, times ten",
          .ratio = full / (10 * tenth)});
}
HANSE_BENCH("market.auction", auction);

}  // namespace
}  // namespace hanse::bench
