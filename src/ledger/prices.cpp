#include "ledger/prices.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "ledger/quotes.hpp"
#include "ledger/requests.hpp"
#include "market/check.hpp"
#include "market/steering.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

constexpr std::uint64_t kLeastBatch = 256, kMostBatch = 4096;
constexpr std::int64_t kBatchPauseMs = 1000;

/// Classes step at different times, so that no block has to move all of them.
Time step_after(model::ClassId id, Time now, const model::Params& params) {
  const auto step = static_cast<std::int64_t>(params.price_step_s * 1000);
  const auto offset = static_cast<std::int64_t>(id.value % static_cast<std::uint64_t>(step));
  return {(now.ms - offset + step) / step * step + offset};
}

std::uint32_t slot_of(const model::Lease& lease) {
  const Hash hash = crypto::hash("hanse/trade/v1", {lease.consumer.view(), lease.provider.view()});
  return (std::uint32_t{hash.data[0]} << 8 | hash.data[1]) % model::kTradeSlots;
}

/// What was paid in the window; older trades are forgotten.
std::vector<Money> recent_trades(Context& context, model::ClassId id) {
  auto& trades = context.tables.trades;
  std::vector<Money> paid;
  const auto slots = trades.index.slots.find(id);
  if (slots == trades.index.slots.end()) return paid;
  const auto window_ms = static_cast<std::int64_t>(context.params().index_window_s) * 1000;
  std::vector<ClassKey> old;
  for (const std::uint32_t slot : slots->second) {
    const auto& trade = trades.at({id, slot});
    if (trade.at.ms + window_ms < context.now().ms) {
      old.push_back({id, slot});
    } else {
      paid.push_back(trade.price);
    }
  }
  for (const auto& key : old) trades.erase(key);
  return paid;
}

/// Erases the points of the hours [from, to).
void forget_points(Context& context, model::ClassId id, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t hour = from; hour < to; ++hour) {
    if (context.tables.points.find({id, hour}) != nullptr) context.tables.points.erase({id, hour});
  }
}

void note_point(Context& context, model::ClassId id, const model::ClassPrices& prices, std::uint64_t hour_before) {
  auto& points = context.tables.points;
  const model::PricePoint point{id, prices.hour, prices.index, prices.base, prices.spot, prices.gpus, prices.leased};
  if (points.find(key_of(point)) != nullptr) {
    points.change(key_of(point), [&](model::PricePoint& p) { p = point; });
    return;
  }
  points.insert(point);
  const std::uint64_t kept = prices.hour - std::min(prices.hour, model::kPriceHistoryHours);
  const std::uint64_t kept_before = hour_before - std::min(hour_before, model::kPriceHistoryHours);
  forget_points(context, id, std::max(kept_before, kept - std::min(kept, model::kPriceHistoryHours)), kept + 1);
}

void forget_class(Context& context, model::ClassId id) {
  const std::uint64_t hour = context.tables.classes.at(id).hour;
  forget_points(context, id, hour - std::min(hour, model::kPriceHistoryHours), hour + 1);
  context.tables.classes.erase(id);
}

std::uint64_t followers(const Tables& tables, model::ClassId id) {
  const auto found = tables.offers.index.following.find(id);
  return found == tables.offers.index.following.end() ? 0 : found->second.size();
}

/// What of a class is on spot, as its last auction left it. Who pays the price takes it from them, so for the base
/// price it is not in use: else a class that is too dear on demand would look full, and stay too dear.
std::uint64_t on_spot(const Context& context, model::ClassId id) {
  const auto* auction = context.tables.auctions.find(id);
  const std::uint64_t period = context.params().auction_period_s;
  if (auction == nullptr || after_s(auction->at, static_cast<std::int64_t>(2 * period)) < context.now()) return 0;
  return auction->gpus;
}

void step(Context& context, model::ClassId id) {
  auto& classes = context.tables.classes;
  const model::ClassPrices before = classes.at(id);
  auto capacity = context.book.capacity(*model::parse_class(before.price_class));
  capacity.leased -= std::min(capacity.leased, on_spot(context, id));
  const auto paid = recent_trades(context, id);
  if (paid.empty() && capacity.offers == 0) return forget_class(context, id);
  model::ClassPrices after = before;
  after.trades = static_cast<std::uint32_t>(paid.size());
  if (!paid.empty()) after.index = market::median(paid);
  market::step_base(after, capacity, context.now(), context.params());
  if (const auto* auction = context.tables.auctions.find(id)) after.spot = auction->price_per_gpu_hour;
  after.next_step = step_after(id, context.now(), context.params());
  const bool moved = after.index != before.index || after.base != before.base;
  if (moved) after.to_reprice = followers(context.tables, id);
  after.due = after.to_reprice > 0 ? after_ms(context.now(), 1) : after.next_step;
  note_point(context, id, after, before.hour);
  if (moved) {
    auto& event = context.emit(model::EventKind::prices_moved);
    event.amount = after.base;
    event.note =
        after.price_class + " index " + model::format_money(after.index) + " base " + model::format_money(after.base);
  }
  classes.change(id, [&](model::ClassPrices& prices) { prices = std::move(after); });
}

void reprice(Context& context, model::OfferId id, const model::ClassPrices& prices) {
  const auto& offer = context.tables.offers.at(id);
  const Money before = offer.prices.on_demand_per_gpu_hour;
  const Money price = market::posted_price(offer.prices, prices.index, prices.base);
  if (price == before) return;
  if (price > before) keep_prices(context, offer);
  context.tables.offers.change(id, [&](model::Offer& o) { o.prices.on_demand_per_gpu_hour = price; });
  context.offer_repriced(id);
  if (price < before) sweep_later(context, id);
}

/// So many that all are done in half a step, at one batch a second.
void reprice_batch(Context& context, model::ClassId id) {
  auto& tables = context.tables;
  const auto& prices = tables.classes.at(id);
  const std::uint64_t all = followers(tables, id);
  const std::uint64_t pace = 2 * all / std::max<std::uint64_t>(context.params().price_step_s, 1) + 1;
  const std::uint64_t count = std::min({all, prices.to_reprice, std::clamp(pace, kLeastBatch, kMostBatch)});
  std::vector<model::OfferId> batch;
  const auto take = [&](model::OfferId offer) {
    if (batch.size() < count) batch.push_back(offer);
    return batch.size() < count;
  };
  if (count > 0) {
    const auto& ring = tables.offers.index.following.find(id)->second;
    ring.for_each_after(prices.reprice_after, take);
    if (batch.size() < count) ring.for_each_after({}, take);
  }
  for (const auto offer : batch) reprice(context, offer, prices);
  tables.classes.change(id, [&](model::ClassPrices& p) {
    p.to_reprice = batch.empty() ? 0 : p.to_reprice - count;
    if (!batch.empty()) p.reprice_after = batch.back();
    p.due = p.to_reprice == 0 ? p.next_step : std::min(after_ms(context.now(), kBatchPauseMs), p.next_step);
  });
}

}  // namespace

Money price_now(const Context& context, const model::Machine& machine, const model::PriceList& prices) {
  if (prices.rule == model::PriceRule::fixed) return prices.on_demand_per_gpu_hour;
  const auto* known = context.tables.classes.find(model::id_of(model::class_of(machine)));
  return known == nullptr ? prices.on_demand_per_gpu_hour : market::posted_price(prices, known->index, known->base);
}

void ensure_class(Context& context, const model::Machine& machine) {
  if (context.params().price_step_s == 0) return;
  const std::string name = model::format_class(model::class_of(machine));
  const auto id = model::id_of_class(name);
  if (context.tables.classes.find(id) != nullptr) return;
  model::ClassPrices prices;
  prices.price_class = name;
  prices.hour = hour_of(context.now());
  prices.next_step = step_after(id, context.now(), context.params());
  prices.due = prices.next_step;
  context.tables.classes.insert(std::move(prices));
}

void note_trade(Context& context, const model::Lease& lease) {
  if (lease.posted_per_gpu_hour.micros == 0 || lease.consumer == lease.provider || context.params().price_step_s == 0 ||
      lease.billed_s < static_cast<std::int64_t>(context.params().index_min_lease_s)) {
    return;
  }
  const auto& machine = context.tables.offers.at(lease.offer).machine;
  ensure_class(context, machine);
  const model::Trade trade{model::id_of(model::class_of(machine)), slot_of(lease), lease.posted_per_gpu_hour,
                           lease.ends_at};
  auto& trades = context.tables.trades;
  if (trades.find(key_of(trade)) == nullptr) {
    trades.insert(trade);
  } else {
    trades.change(key_of(trade), [&](model::Trade& t) { t = trade; });
  }
}

void class_due(Context& context, model::ClassId id) {
  const auto& prices = context.tables.classes.at(id);
  if (prices.next_step <= context.now()) return step(context, id);
  reprice_batch(context, id);
}

bool is_whole(const model::ClassPrices& prices) {
  return model::parse_class(prices.price_class).has_value() && is_valid(prices.index) && is_valid(prices.base) &&
         prices.base <= market::kMaxPricePerGpuHour && prices.trades <= model::kTradeSlots &&
         prices.leased <= prices.gpus && prices.due <= prices.next_step;
}

}  // namespace hanse::ledger
