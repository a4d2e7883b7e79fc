#include "market/auction.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::market {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;

std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

std::uint64_t word_of(const Hash& beacon, std::size_t index) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word = word << 8 | beacon.data[8 * index + i];
  return word;
}

/// Bids of one shape that hold nothing, best first. The first `served` have a slot; none behind them has.
struct Group {
  std::vector<std::uint32_t> ranks;  // places in the order of all bids
  std::uint32_t served = 0;
  std::uint32_t first_fit = kNone;  // the place of the first slot that it fits

  [[nodiscard]] bool has_next() const { return served < ranks.size(); }
  [[nodiscard]] std::uint32_t next() const { return ranks[served]; }
};

/// A bid that may be served next: the best of its group, or a holder of the slot at hand.
struct Best {
  std::uint32_t rank;
  std::uint32_t group;                                                   // kNone: a holder
  bool operator<(const Best& other) const { return rank > other.rank; }  // the heap's top is the best
};

/// A bid or a slot in the order in which its kind is served.
struct Turn {
  std::int64_t first = 0;  ///< The lowest is served first ...
  std::uint64_t lot = 0;   ///< ... and among equals the lowest of these.
  std::uint64_t id = 0;
  std::uint32_t index = 0;

  auto operator<=>(const Turn&) const = default;
};

std::vector<std::uint32_t> sorted(std::vector<Turn> turns) {
  std::sort(turns.begin(), turns.end());
  std::vector<std::uint32_t> order;
  order.reserve(turns.size());
  for (const auto& turn : turns) order.push_back(turn.index);
  return order;
}

class Auction {
 public:
  Auction(std::span<const AuctionBid> bids, std::span<const AuctionSlot> slots, std::span<const AuctionShape> shapes,
          const AuctionFits& fits, std::uint64_t max_checks)
      : bids_(bids), slots_(slots), shapes_(shapes), fits_(fits), checks_left_(max_checks) {}

  Clearing run(const Hash& beacon) {
    sort(beacon);
    sweep();
    return settle();
  }

 private:
  void sort(const Hash& beacon);
  void sort_bids(const Hash& beacon);
  void sort_slots(const Hash& beacon);
  void sweep();
  void drop_below(Money floor);
  void gather(std::uint32_t place);
  void fill(std::uint32_t place);
  [[nodiscard]] Clearing settle() const;
  [[nodiscard]] Money price(Money lowest_won) const;

  [[nodiscard]] const AuctionBid& bid(std::uint32_t rank) const { return bids_[order_[rank]]; }
  [[nodiscard]] const AuctionShape& shape(std::uint32_t rank) const { return shapes_[bid(rank).shape]; }
  [[nodiscard]] const AuctionSlot& slot(std::uint32_t place) const { return slots_[slot_order_[place]]; }

  std::span<const AuctionBid> bids_;
  std::span<const AuctionSlot> slots_;
  std::span<const AuctionShape> shapes_;
  const AuctionFits& fits_;
  std::uint64_t checks_left_;

  std::vector<std::uint32_t> order_;                 // bids, best first; a "rank" is a place in it
  std::vector<std::uint32_t> slot_order_;            // slots, lowest floor first; a "place" is a place in it
  std::vector<Group> groups_;                        // by shape
  std::vector<std::uint32_t> active_;                // groups with somebody unserved that is not dropped
  std::vector<std::vector<std::uint32_t>> holders_;  // ranks, by place
  std::vector<Best> heap_;
  std::vector<std::uint32_t> place_of_;  // by rank: where it is served
  std::uint32_t alive_ = 0;              // ranks below it bid at least the floor at hand
  std::uint64_t placed_ = 0;             // GPUs of those that are served and alive
  std::uint64_t best_ = 0;               // the most of them so far ...
  Money best_floor_;                     // ... at this price ...
  std::uint32_t best_places_ = 0;        // ... with so many slots
};

void Auction::sort_bids(const Hash& beacon) {
  std::vector<Turn> turns(bids_.size());
  for (std::uint32_t i = 0; i < bids_.size(); ++i) {
    // Who holds a place comes first among equals: to stop a job for one that pays no more serves nobody.
    const bool holds = bids_[i].slot != kNoAuctionSlot;
    const std::uint64_t lot = auction_lot(bids_[i].id, beacon) >> 1;
    turns[i] = {-bids_[i].per_gpu_hour.micros, holds ? lot : lot | (std::uint64_t{1} << 63), bids_[i].id, i};
  }
  order_ = sorted(std::move(turns));
}

void Auction::sort_slots(const Hash& beacon) {
  std::vector<Turn> turns(slots_.size());
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    turns[i] = {slots_[i].floor.micros, auction_lot(slots_[i].id, beacon), slots_[i].id, i};
  }
  slot_order_ = sorted(std::move(turns));
}

void Auction::sort(const Hash& beacon) {
  sort_bids(beacon);
  sort_slots(beacon);
  std::vector<std::uint32_t> place_of_slot(slots_.size());
  for (std::uint32_t place = 0; place < slot_order_.size(); ++place) place_of_slot[slot_order_[place]] = place;
  groups_.resize(shapes_.size());
  holders_.resize(slots_.size());
  for (std::uint32_t rank = 0; rank < order_.size(); ++rank) {
    const auto& b = bid(rank);
    HANSE_CHECK(b.per_gpu_hour.micros > 0 && b.shape < shapes_.size());
    if (b.slot == kNoAuctionSlot) {
      groups_[b.shape].ranks.push_back(rank);
    } else {
      HANSE_CHECK(b.slot < slots_.size());
      holders_[place_of_slot[b.slot]].push_back(rank);
    }
  }
  for (std::uint32_t group = 0; group < groups_.size(); ++group) {
    if (groups_[group].has_next()) active_.push_back(group);
  }
  place_of_.assign(order_.size(), kNone);
  alive_ = static_cast<std::uint32_t>(order_.size());
}

/// Raises the price: whoever bids less leaves. Those left see no more room than they saw at their turn.
void Auction::drop_below(Money floor) {
  while (alive_ > 0 && bid(alive_ - 1).per_gpu_hour < floor) {
    --alive_;
    if (place_of_[alive_] != kNone) placed_ -= shape(alive_).gpu_count;
  }
}

/// The heap of those that may have the slot; groups that nobody is left of fall out of `active_`.
void Auction::gather(std::uint32_t place) {
  heap_.clear();
  for (const auto rank : holders_[place]) {
    if (rank < alive_) heap_.push_back({rank, kNone});
  }
  for (std::size_t i = 0; i < active_.size();) {
    auto& group = groups_[active_[i]];
    if (!group.has_next() || group.next() >= alive_) {
      active_[i] = active_.back();
      active_.pop_back();
      continue;
    }
    const auto& wants = shapes_[active_[i]];
    if (wants.gpu_count <= slot(place).gpus && wants.disk_bytes <= slot(place).disk_bytes) {
      --checks_left_;
      if (fits_(active_[i], slot_order_[place])) {
        if (group.first_fit == kNone) group.first_fit = place;
        heap_.push_back({group.next(), active_[i]});
      }
    }
    ++i;
  }
  std::make_heap(heap_.begin(), heap_.end());
}

void Auction::fill(std::uint32_t place) {
  gather(place);
  std::uint32_t gpus = slot(place).gpus;
  std::uint64_t disk = slot(place).disk_bytes;
  while (!heap_.empty() && gpus > 0) {
    std::pop_heap(heap_.begin(), heap_.end());
    const Best best = heap_.back();
    heap_.pop_back();
    const auto& wants = shape(best.rank);
    if (wants.gpu_count > gpus || wants.disk_bytes > disk) continue;
    gpus -= wants.gpu_count;
    disk -= wants.disk_bytes;
    place_of_[best.rank] = place;
    placed_ += wants.gpu_count;
    if (best.group == kNone) continue;
    auto& group = groups_[best.group];
    ++group.served;
    if (!group.has_next() || group.next() >= alive_) continue;
    heap_.push_back({group.next(), best.group});
    std::push_heap(heap_.begin(), heap_.end());
  }
}

void Auction::sweep() {
  for (std::uint32_t place = 0; place < slot_order_.size() && active_.size() <= checks_left_; ++place) {
    const Money floor = slot(place).floor;
    drop_below(floor);
    if (alive_ == 0) return;
    fill(place);
    if (placed_ <= best_) continue;
    best_ = placed_;
    best_floor_ = floor;
    best_places_ = place + 1;
  }
}

/// The highest losing bid that fitted a slot, held between the floor and the lowest winning bid.
Money Auction::price(Money lowest_won) const {
  Money out = best_floor_;
  const auto consider = [&](std::uint32_t rank) { out = std::max(out, std::min(bid(rank).per_gpu_hour, lowest_won)); };
  for (const auto& group : groups_) {
    if (group.first_fit >= best_places_) continue;
    const auto lost = std::find_if(group.ranks.begin(), group.ranks.end(),
                                   [&](std::uint32_t rank) { return place_of_[rank] >= best_places_; });
    if (lost != group.ranks.end()) consider(*lost);
  }
  for (std::uint32_t place = 0; place < best_places_; ++place) {
    for (const auto rank : holders_[place]) {
      if (place_of_[rank] == kNone) consider(rank);
    }
  }
  return out;
}

Clearing Auction::settle() const {
  Clearing out;
  out.slot_of.assign(bids_.size(), kNoAuctionSlot);
  out.order = order_;
  Money lowest = kMaxMoney;
  for (std::uint32_t rank = 0; rank < order_.size() && bid(rank).per_gpu_hour >= best_floor_; ++rank) {
    if (place_of_[rank] >= best_places_) continue;
    out.slot_of[order_[rank]] = slot_order_[place_of_[rank]];
    out.gpus += shape(rank).gpu_count;
    ++out.bids;
    lowest = bid(rank).per_gpu_hour;
  }
  HANSE_CHECK(out.gpus == best_);
  if (out.bids > 0) out.price = price(lowest);
  return out;
}

}  // namespace

std::uint64_t auction_lot(std::uint64_t id, const Hash& beacon) {
  // Ids are fixed before the beacon is known, so to mix each of its words in is enough where a hash would take many
  // times as long: 100,000 bids at one price are drawn in a millisecond.
  std::uint64_t lot = id;
  for (std::size_t i = 0; i < 4; ++i) lot = mixed((lot ^ word_of(beacon, i)) + 0x9e3779b97f4a7c15U);
  return lot;
}

Clearing clear(std::span<const AuctionBid> bids, std::span<const AuctionSlot> slots,
               std::span<const AuctionShape> shapes, const AuctionFits& fits, const Hash& beacon,
               std::uint64_t max_checks) {
  HANSE_CHECK(bids.size() < kNone && slots.size() < kNone && shapes.size() < kNone);
  return Auction(bids, slots, shapes, fits, max_checks).run(beacon);
}

}  // namespace hanse::market
