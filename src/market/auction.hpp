#pragma once

// A spot auction of one class: sealed or open bids against free capacity, all winners at one price. Pure.
//
// For a price p, the bids of at least p are served in order (highest first, then who holds its place already, then by
// hash(id, beacon)), each from the slot with the lowest floor (ties by hash) that is at most p and fits it. The auction
// takes the p that places the most GPUs, the lowest such p: one bid and one floor high above the rest cannot price out
// everybody else. Who wins is then settled, and stays so for every price up to the lowest winning bid; what is paid is
// the highest bid that lost to them (that fitted a slot, but for its room), if that lies between the two, else the
// nearer of the two. So
//   - no winner pays more than it bid, no slot gets less than its floor, all pay the same;
//   - no bid above the price loses while a slot with a floor of at most the price has room for it;
//   - where all fit everywhere, a winner of one GPU cannot pay less by bidding less.
//
// Near O((bids + slots) log): bids of one shape fit the same slots, so those that won are always a head of their list,
// and a bid that a slot had no room for at its turn never gets room there later. What grows is slots × shapes still
// unserved, and that is bounded by kMaxFitChecks: slots dearer than those reached by then are left for the next
// auction.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/money.hpp"

namespace hanse::market {

inline constexpr std::uint32_t kNoAuctionSlot = UINT32_MAX;
inline constexpr std::uint64_t kMaxFitChecks = 4'000'000;

/// What a bid wants, shared by all that want the same.
struct AuctionShape {
  std::uint32_t gpu_count = 1;
  std::uint64_t disk_bytes = 0;
};

struct AuctionBid {
  std::uint64_t id = 0;
  Money per_gpu_hour;
  std::uint32_t shape = 0;              ///< Index into the shapes.
  std::uint32_t slot = kNoAuctionSlot;  ///< The slot that it holds devices of: it runs there, and nowhere else.
};

struct AuctionSlot {
  std::uint64_t id = 0;
  Money floor;             ///< Per GPU-hour.
  std::uint32_t gpus = 0;  ///< Free ones and those that holders bid for.
  std::uint64_t disk_bytes = 0;
};

/// May the shape have this slot at all, its room apart? Asked once a pair at most, and never for holders.
using AuctionFits = std::function<bool(std::uint32_t shape, std::uint32_t slot)>;

struct Clearing {
  Money price;                         ///< Per GPU-hour; 0 when nobody won.
  std::uint64_t gpus = 0;              ///< Placed.
  std::uint64_t bids = 0;              ///< Won.
  std::vector<std::uint32_t> slot_of;  ///< Of each bid; kNoAuctionSlot: it lost.
  std::vector<std::uint32_t> order;    ///< All bids, in the order in which they were served.
};

/// Requires that shapes and slots named by bids are there, and bids above 0.
[[nodiscard]] Clearing clear(std::span<const AuctionBid> bids, std::span<const AuctionSlot> slots,
                             std::span<const AuctionShape> shapes, const AuctionFits& fits, const Hash& beacon,
                             std::uint64_t max_checks = kMaxFitChecks);

/// Where an id stands among its equals: 64 bits that nobody knew before the beacon.
[[nodiscard]] std::uint64_t auction_lot(std::uint64_t id, const Hash& beacon);

}  // namespace hanse::market
