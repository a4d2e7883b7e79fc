#include "ledger/auctions.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

#include "ledger/accrual.hpp"
#include "ledger/requests.hpp"
#include "ledger/spot.hpp"
#include "market/auction.hpp"

namespace hanse::ledger {
namespace {

struct WaitingBid {
  model::RequestId request;
  Money bid;
};

/// One class's auction: gathered from the tables, cleared, and carried out.
class ClassAuction {
 public:
  ClassAuction(Context& context, model::ClassId id) : context_(context), tables_(context.tables), class_(id) {}

  void hold() {
    gather_slots();
    if (slots_.empty()) return;
    gather_waiting();
    if (bids_.empty()) return;
    std::vector<bool> looked(shapes_.size()), found(shapes_.size());
    const auto cleared = market::clear(
        bids_, slots_, shapes_,
        [&](std::uint32_t shape, std::uint32_t slot) {
          const bool fit = fits(shape, slot);
          looked[shape] = true;
          found[shape] = found[shape] || fit;
          return fit;
        },
        context_.beacon);
    // Who bids for another class came along for nothing here, and is none of its bidders.
    const auto bidders = static_cast<std::size_t>(std::count_if(
        bids_.begin(), bids_.end(), [&](const auto& bid) { return found[bid.shape] || !looked[bid.shape]; }));
    if (bidders > 0) record(cleared, bidders);
    carry_out(cleared);
  }

 private:
  void gather_slots();
  void gather_waiting();
  std::uint32_t shape_of(const model::Request& request, Money keep_limit);
  [[nodiscard]] Money keep_limit_of(const model::Demand& demand, Money bid_per_gpu_hour) const;
  [[nodiscard]] bool fits(std::uint32_t shape, std::uint32_t slot) const;
  void record(const market::Clearing& cleared, std::size_t bidders);
  void carry_out(const market::Clearing& cleared);

  Context& context_;
  Tables& tables_;
  model::ClassId class_;
  std::string name_;
  std::vector<market::AuctionSlot> slots_;
  std::vector<market::AuctionBid> bids_;  // the first held_ are leases' and named by them, the others requests'
  std::size_t held_ = 0;
  std::vector<market::AuctionShape> shapes_;
  std::vector<std::optional<market::Wanted>> wanted_;  // by shape; of those that wait
  std::vector<Money> keep_limits_;                     // by shape: what keeping its files may lock
  Money dearest_storage_;                              // of the slots
  std::map<std::tuple<std::string_view, std::uint64_t, std::uint32_t, std::uint64_t, std::uint64_t, std::uint64_t,
                      Money, std::vector<model::AccountId>>,
           std::uint32_t>
      shape_of_;
};

/// A machine's slot: what is free of it, and what spot leases hold that are not leaving. Those of a provider that is
/// silent stay as they are.
void ClassAuction::gather_slots() {
  tables_.offers.index.spot_classes.at(class_.value).for_each_after({}, [&](model::OfferId id) {
    const auto& offer = tables_.offers.at(id);
    if (name_.empty()) name_ = model::format_class(model::class_of(offer.machine));
    if (tables_.watches.at(offer.provider).liveness != Liveness::reachable) return true;
    const auto held = held_on_spot(tables_, id);
    const std::uint64_t others = offer.leased_devices & ~held.devices;
    const auto gpus = offer.machine.gpu_count - static_cast<std::uint32_t>(std::popcount(others));
    if (gpus == 0) return true;
    const auto slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back({id.value, offer.prices.spot_floor_per_gpu_hour, gpus,
                      offer.machine.disk_bytes - offer.leased_disk_bytes + held.disk_bytes});
    dearest_storage_ = std::max(dearest_storage_, offer.prices.storage_per_gib_hour);
    for (const auto lease_id : held.leases) {
      const auto& lease = tables_.leases.at(lease_id);
      bids_.push_back({lease_id.value, lease.bid_per_gpu_hour, static_cast<std::uint32_t>(shapes_.size()), slot});
      shapes_.push_back({lease.gpu_count, lease.disk_bytes});
    }
    return true;
  });
  held_ = bids_.size();
  wanted_.resize(shapes_.size());
  keep_limits_.resize(shapes_.size());
}

std::uint32_t ClassAuction::shape_of(const model::Request& request, Money keep_limit) {
  const auto& demand = request.demand;
  const auto [found, added] =
      shape_of_.try_emplace({demand.where, demand.offer.value, demand.gpu_count, demand.disk_bytes, demand.duration_s,
                             demand.keep_s, keep_limit, request.excluded_providers},
                            static_cast<std::uint32_t>(shapes_.size()));
  if (!added) return found->second;
  auto plain = demand;  // what it pays is the auction's affair
  plain.max_price_per_gpu_hour = {};
  plain.max_cost = {};
  auto wanted = market::Wanted::from(plain, request.excluded_providers);
  HANSE_CHECK(wanted.has_value());  // it was parsed when the request came in
  shapes_.push_back({demand.gpu_count, demand.disk_bytes});
  wanted_.push_back(std::move(*wanted));
  keep_limits_.push_back(keep_limit);
  return found->second;
}

/// The most that keeping its files may lock: what it locks on the dearest of the slots, no more than running for so
/// long would cost, and within a max_cost that has to pay for a second of running too.
Money ClassAuction::keep_limit_of(const model::Demand& demand, Money bid_per_gpu_hour) const {
  if (demand.keep_s == 0) return {};
  const Money rate{bid_per_gpu_hour.micros * demand.gpu_count};
  const auto dearest = market::keep_of(dearest_storage_, demand);
  const auto as_running = market::keep_at(rate, demand.keep_s);
  Money limit = kMaxMoney;
  if (dearest) limit = std::min(limit, dearest->reserve);
  if (as_running) limit = std::min(limit, as_running->reserve);
  if (demand.max_cost.micros == 0) return limit;
  const Money second = market::lock_for(rate, 1, Money{}).value_or(kMaxMoney);
  return {std::clamp<std::int64_t>(demand.max_cost.micros - second.micros, 0, limit.micros)};
}

/// The bids that were in time and that their consumers can pay, the highest first: who bids for more than it has is
/// taken at the first bids that its money is enough for, so that every winner can pay.
void ClassAuction::gather_waiting() {
  const Time in_time = model::reveals_from(tables_.head.auction_at, context_.params());
  std::vector<WaitingBid> waiting;
  tables_.requests.index.bidding.for_each_after({}, [&](model::RequestId id) {
    const auto& request = tables_.requests.at(id);
    const bool takes_part = request.bid_per_gpu_hour.micros > 0 && request.submitted_at < in_time && !request.won;
    if (takes_part) waiting.push_back({id, request.bid_per_gpu_hour});
    return waiting.size() < kMaxAuctionBids;
  });
  std::sort(waiting.begin(), waiting.end(), [](const WaitingBid& a, const WaitingBid& b) {
    return a.bid != b.bid ? a.bid > b.bid : a.request < b.request;
  });
  std::map<model::AccountId, Money> left;
  for (const auto& entry : waiting) {
    const auto& request = tables_.requests.at(entry.request);
    const auto* account = tables_.accounts.find(request.consumer);
    const auto lock = lock_of_bid(request.demand, entry.bid);
    if (account == nullptr || !lock) continue;
    auto& money = left.try_emplace(request.consumer, account->balance).first->second;
    if (money < *lock) continue;
    Money limit = keep_limit_of(request.demand, entry.bid);
    auto all = lock_of_bid(request.demand, entry.bid, limit);
    if (!all || money < *all) {
      limit.micros = money.micros - lock->micros;
      all = money;
    }
    money.micros -= all->micros;
    bids_.push_back({entry.request.value, entry.bid, shape_of(request, limit), market::kNoAuctionSlot});
  }
}

/// A spot price has the disk in it: of that a lease may have its GPUs' share. What keeping its files locks there is
/// within its limit.
bool ClassAuction::fits(std::uint32_t shape, std::uint32_t slot) const {
  const model::OfferId id{slots_[slot].id};
  const auto& offer = tables_.offers.at(id);
  const auto& machine = offer.machine;
  const auto& wants = shapes_[shape];
  const auto keep = market::keep_of(offer.prices.storage_per_gib_hour, wanted_[shape]->demand);
  if (!keep || keep->reserve > keep_limits_[shape]) return false;
  if (wants.disk_bytes > machine.disk_bytes / machine.gpu_count * wants.gpu_count) return false;
  return context_.spot_book.fits(*wanted_[shape], id).has_value();
}

void ClassAuction::record(const market::Clearing& cleared, std::size_t bidders) {
  const model::Auction auction{name_, tables_.head.auction_at, cleared.price, bidders, cleared.bids, cleared.gpus};
  if (tables_.auctions.find(class_) == nullptr) {
    tables_.auctions.insert(auction);
  } else {
    tables_.auctions.change(class_, [&](model::Auction& a) { a = auction; });
  }
  auto& event = context_.emit(model::EventKind::auction_cleared);
  event.amount = cleared.price;
  event.note = name_;
}

void ClassAuction::carry_out(const market::Clearing& cleared) {
  for (std::size_t i = 0; i < held_; ++i) {
    const model::LeaseId lease{bids_[i].id};
    if (cleared.slot_of[i] == market::kNoAuctionSlot) {
      preempt(context_, lease);
    } else {
      reprice(context_, lease, cleared.price);
    }
  }
  for (const auto bid : cleared.order) {
    if (bid < held_ || cleared.slot_of[bid] == market::kNoAuctionSlot) continue;
    award(context_, {bids_[bid].id}, {slots_[cleared.slot_of[bid]].id}, cleared.price);
  }
}

/// What was won in the last auction and not free since: a notice is shorter than a period, so it will not be.
void forget_won(Context& context) {
  std::vector<model::RequestId> late;
  context.tables.requests.index.won.for_each_after({}, [&](const auto& won) {
    late.push_back(won.second);
    return true;
  });
  for (const auto id : late) give_up_won(context, id);
}

}  // namespace

void wake_auction(Context& context) {
  auto& head = context.tables.head;
  if (head.auction_due.ms != 0) return;
  head.auction_at = model::next_auction(context.now(), context.params());
  head.auction_due = head.auction_at;
  head.auction_cursor = 0;
}

void hold_auction(Context& context) {
  auto& tables = context.tables;
  auto& head = tables.head;
  if (head.auction_cursor == 0) forget_won(context);
  const auto& classes = tables.offers.index.spot_classes;
  const auto next = classes.upper_bound(head.auction_cursor);
  if (next != classes.end()) {
    head.auction_cursor = next->first;
    head.auction_due = context.now();
    ClassAuction(context, {head.auction_cursor}).hold();
    return;
  }
  head.auction_cursor = 0;
  head.auction_at = {};
  head.auction_due = {};
  const bool goes_on = !tables.requests.index.bidding.empty() || !tables.leases.index.spot.empty();
  if (goes_on) wake_auction(context);
}

}  // namespace hanse::ledger
