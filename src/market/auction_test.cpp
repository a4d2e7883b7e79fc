// clear() against an oracle that tries every price and scans everything, and against what it promises.

#include "market/auction.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "base/rng.hpp"

namespace hanse::market {
namespace {

struct World {
  std::vector<AuctionBid> bids;
  std::vector<AuctionSlot> slots;
  std::vector<AuctionShape> shapes;
  std::vector<std::vector<bool>> fits;  // [shape][slot]
  Hash beacon;

  [[nodiscard]] bool may(const AuctionBid& bid, std::uint32_t slot) const {
    return bid.slot == kNoAuctionSlot ? fits[bid.shape][slot] : bid.slot == slot;
  }
  [[nodiscard]] bool has_room(const AuctionBid& bid, std::uint32_t gpus, std::uint64_t disk) const {
    return shapes[bid.shape].gpu_count <= gpus && shapes[bid.shape].disk_bytes <= disk;
  }
  [[nodiscard]] Clearing clear(std::uint64_t max_checks = kMaxFitChecks) const {
    return market::clear(
        bids, slots, shapes, [&](auto shape, auto slot) { return fits[shape][slot]; }, beacon, max_checks);
  }
};

/// Everything random and small, so that ties, scarcity and misfits are common.
World random_world(Rng& rng) {
  World world;
  for (auto& byte : world.beacon.data) byte = static_cast<std::uint8_t>(rng.next());
  const auto slots = rng.below(12);
  const auto shapes = 1 + rng.below(5);
  const auto bids = rng.below(20);
  const auto money = [&] { return Money{1 + static_cast<std::int64_t>(rng.below(rng.one_in(2) ? 5 : 30))}; };
  for (std::uint32_t i = 0; i < slots; ++i) {
    world.slots.push_back({100 + i, money(), 1 + static_cast<std::uint32_t>(rng.below(4)), rng.below(5)});
  }
  for (std::uint32_t i = 0; i < shapes; ++i) {
    world.shapes.push_back({1 + static_cast<std::uint32_t>(rng.below(3)), rng.one_in(2) ? 0 : rng.below(3)});
    world.fits.emplace_back();
    for (std::uint32_t j = 0; j < slots; ++j) world.fits.back().push_back(!rng.one_in(3));
  }
  std::vector<std::pair<std::uint32_t, std::uint64_t>> held(slots);
  for (std::uint32_t i = 0; i < bids; ++i) {
    AuctionBid bid{1 + i, money(), static_cast<std::uint32_t>(rng.below(shapes)), kNoAuctionSlot};
    const auto& shape = world.shapes[bid.shape];
    if (slots > 0 && rng.one_in(3)) {
      // It holds devices of a slot: they are there.
      const auto slot = static_cast<std::uint32_t>(rng.below(slots));
      auto& [gpus, disk] = held[slot];
      if (gpus + shape.gpu_count <= world.slots[slot].gpus && disk + shape.disk_bytes <= world.slots[slot].disk_bytes) {
        gpus += shape.gpu_count;
        disk += shape.disk_bytes;
        bid.slot = slot;
      }
    }
    world.bids.push_back(bid);
  }
  return world;
}

struct Outcome {
  std::uint64_t gpus = 0;
  std::vector<std::uint32_t> slot_of;
};

std::vector<std::uint32_t> served_order(const World& world) {
  std::vector<std::uint32_t> order(world.bids.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    const auto key = [&](auto i) {
      const auto& bid = world.bids[i];
      return std::tuple(-bid.per_gpu_hour.micros, bid.slot == kNoAuctionSlot, auction_lot(bid.id, world.beacon) >> 1);
    };
    return key(a) < key(b);
  });
  return order;
}

/// Who is placed where at this very price, bid by bid.
Outcome place_all(const World& world, Money price) {
  std::vector<std::uint32_t> slots(world.slots.size());
  std::iota(slots.begin(), slots.end(), 0U);
  std::sort(slots.begin(), slots.end(), [&](auto a, auto b) {
    const auto key = [&](auto i) {
      return std::pair(world.slots[i].floor, auction_lot(world.slots[i].id, world.beacon));
    };
    return key(a) < key(b);
  });
  auto room = world.slots;
  Outcome out;
  out.slot_of.assign(world.bids.size(), kNoAuctionSlot);
  for (const auto i : served_order(world)) {
    const auto& bid = world.bids[i];
    if (bid.per_gpu_hour < price) continue;
    for (const auto slot : slots) {
      if (world.slots[slot].floor > price || !world.may(bid, slot)) continue;
      if (!world.has_room(bid, room[slot].gpus, room[slot].disk_bytes)) continue;
      room[slot].gpus -= world.shapes[bid.shape].gpu_count;
      room[slot].disk_bytes -= world.shapes[bid.shape].disk_bytes;
      out.slot_of[i] = slot;
      out.gpus += world.shapes[bid.shape].gpu_count;
      break;
    }
  }
  return out;
}

/// Tries every price that is anybody's.
std::pair<Outcome, Money> oracle(const World& world) {
  std::set<Money> prices;
  for (const auto& bid : world.bids) prices.insert(bid.per_gpu_hour);
  for (const auto& slot : world.slots) prices.insert(slot.floor);
  Outcome best;
  best.slot_of.assign(world.bids.size(), kNoAuctionSlot);
  Money floor;
  for (const auto price : prices) {
    auto outcome = place_all(world, price);
    if (outcome.gpus <= best.gpus) continue;
    best = std::move(outcome);
    floor = price;
  }
  Money lowest = kMaxMoney;
  for (std::size_t i = 0; i < world.bids.size(); ++i) {
    if (best.slot_of[i] != kNoAuctionSlot) lowest = std::min(lowest, world.bids[i].per_gpu_hour);
  }
  Money price = floor;
  for (std::size_t i = 0; i < world.bids.size() && best.gpus > 0; ++i) {
    const auto& bid = world.bids[i];
    if (best.slot_of[i] != kNoAuctionSlot) continue;
    for (std::uint32_t slot = 0; slot < world.slots.size(); ++slot) {
      const auto& s = world.slots[slot];
      if (s.floor <= floor && world.may(bid, slot) && world.has_room(bid, s.gpus, s.disk_bytes)) {
        price = std::max(price, std::min(bid.per_gpu_hour, lowest));
      }
    }
  }
  return {best, best.gpus > 0 ? price : Money{}};
}

void expect_kept(const World& world, const Clearing& cleared) {
  auto room = world.slots;
  std::uint64_t gpus = 0;
  for (std::size_t i = 0; i < world.bids.size(); ++i) {
    const auto& bid = world.bids[i];
    const auto slot = cleared.slot_of[i];
    if (slot == kNoAuctionSlot) continue;
    EXPECT_GE(bid.per_gpu_hour, cleared.price) << "a winner pays more than it bid";
    EXPECT_LE(world.slots[slot].floor, cleared.price) << "a slot gets less than its floor";
    EXPECT_TRUE(world.may(bid, slot)) << "a slot that it does not fit";
    ASSERT_TRUE(world.has_room(bid, room[slot].gpus, room[slot].disk_bytes)) << "a slot is overfull";
    room[slot].gpus -= world.shapes[bid.shape].gpu_count;
    room[slot].disk_bytes -= world.shapes[bid.shape].disk_bytes;
    gpus += world.shapes[bid.shape].gpu_count;
  }
  EXPECT_EQ(gpus, cleared.gpus);
  for (std::size_t i = 0; i < world.bids.size(); ++i) {
    const auto& bid = world.bids[i];
    if (cleared.slot_of[i] != kNoAuctionSlot || bid.per_gpu_hour <= cleared.price || cleared.gpus == 0) continue;
    for (std::uint32_t slot = 0; slot < room.size(); ++slot) {
      EXPECT_FALSE(room[slot].floor <= cleared.price && world.may(bid, slot) &&
                   world.has_room(bid, room[slot].gpus, room[slot].disk_bytes))
          << "bid " << i << " lost beside a free slot";
    }
  }
}

TEST(Auction, agrees_with_the_oracle_and_keeps_its_promises) {
  int sold = 0, lost = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const auto world = random_world(rng);
    const auto cleared = world.clear();
    const auto [expected, price] = oracle(world);
    EXPECT_EQ(cleared.slot_of, expected.slot_of);
    EXPECT_EQ(cleared.gpus, expected.gpus);
    EXPECT_EQ(cleared.price, price);
    EXPECT_EQ(cleared.order, served_order(world));
    expect_kept(world, cleared);
    sold += cleared.gpus > 0;
    lost += cleared.bids < world.bids.size();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(sold, 10'000);
  EXPECT_GT(lost, 10'000);
}

/// Bids of one GPU each that all fit slots of one GPU each.
World simple(const std::vector<std::int64_t>& bids, const std::vector<std::int64_t>& floors) {
  World world;
  world.shapes = {{1, 0}};
  world.fits = {std::vector<bool>(floors.size(), true)};
  for (const auto bid : bids) world.bids.push_back({world.bids.size() + 1, Money{bid}, 0, kNoAuctionSlot});
  for (const auto floor : floors) world.slots.push_back({world.slots.size() + 1, Money{floor}, 1, 0});
  return world;
}

TEST(Auction, price_is_the_highest_losing_bid) {
  EXPECT_EQ(simple({10, 8, 5}, {1, 1}).clear().price, Money{5});
}
TEST(Auction, price_is_the_highest_floor_where_nobody_lost) {
  EXPECT_EQ(simple({10, 8}, {1, 3, 7}).clear().price, Money{3});
}
TEST(Auction, price_is_not_below_the_last_floor_when_the_loser_bid_less) {
  EXPECT_EQ(simple({10, 8, 2}, {1, 4, 9}).clear().price, Money{4});
}
TEST(Auction, sells_nothing_below_the_floors) {
  const auto cleared = simple({3, 2}, {4, 5}).clear();
  EXPECT_EQ(cleared.gpus, 0U);
  EXPECT_EQ(cleared.price, Money{});
}
TEST(Auction, is_empty_without_bids_or_slots) {
  EXPECT_EQ(simple({}, {1}).clear().bids, 0U);
  EXPECT_EQ(simple({5}, {}).clear().bids, 0U);
}

TEST(Auction, one_high_pair_does_not_price_out_everybody_else) {
  // Bid 100 fits only the slot with floor 99: to serve it as well, everybody would have to pay 99.
  auto world = simple({100, 5, 4, 3}, {1, 1, 1, 99});
  world.shapes.push_back({1, 0});
  world.fits.push_back({false, false, false, true});
  world.bids[0].shape = 1;
  const auto cleared = world.clear();
  EXPECT_EQ(cleared.price, Money{1});
  EXPECT_EQ(cleared.slot_of[0], kNoAuctionSlot);
  EXPECT_EQ(cleared.bids, 3U);
}

TEST(Auction, who_holds_a_place_keeps_it_against_an_equal_bid) {
  for (std::uint8_t seed = 0; seed < 50; ++seed) {
    auto world = simple({5, 5}, {1});
    world.beacon.data[0] = seed;
    world.bids[1].slot = 0;
    EXPECT_EQ(world.clear().slot_of[1], 0U);
  }
}

TEST(Auction, equal_bids_are_drawn_by_the_beacon) {
  int first = 0;
  for (int seed = 0; seed < 1000; ++seed) {
    auto world = simple({5, 5}, {1});
    world.beacon.data[7] = static_cast<std::uint8_t>(seed);
    world.beacon.data[31] = static_cast<std::uint8_t>(seed >> 8);
    first += world.clear().slot_of[0] == 0;
  }
  EXPECT_GT(first, 400);
  EXPECT_LT(first, 600);
}

TEST(Auction, stops_at_its_bound_and_keeps_its_promises_for_what_it_reached) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    auto world = random_world(rng);
    const auto cleared = world.clear(rng.below(20));
    std::uint64_t gpus = 0;
    for (std::size_t i = 0; i < world.bids.size(); ++i) {
      if (cleared.slot_of[i] == kNoAuctionSlot) continue;
      gpus += world.shapes[world.bids[i].shape].gpu_count;
      EXPECT_GE(world.bids[i].per_gpu_hour, cleared.price);
      EXPECT_LE(world.slots[cleared.slot_of[i]].floor, cleared.price);
    }
    EXPECT_EQ(gpus, cleared.gpus);
  }
}

}  // namespace
}  // namespace hanse::market
