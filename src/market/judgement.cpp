#include "market/judgement.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "base/int128.hpp"

namespace hanse::market {
namespace {

using model::Constraint;
using model::WhereField;
using model::WhereOp;

/// In two steps that compilers turn into vector instructions: a byte a row, then eight bytes to eight bits at a time.
template <class Holds>
void mark_unless(Mask& fails, Holds&& holds) {
  alignas(64) std::array<std::uint8_t, kRowsPerChunk> failed;
  for (std::size_t i = 0; i < kRowsPerChunk; ++i) failed[i] = holds(i) ? 0 : 1;
  for (std::size_t w = 0; w < fails.size(); ++w) {
    std::uint64_t bits = 0;
    for (std::size_t b = 0; b < 8; ++b) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, &failed[64 * w + 8 * b], sizeof eight);
      bits |= (eight * 0x0102040810204080ULL >> 56U) << (8 * b);
    }
    fails[w] = bits;
  }
}

/// `reaches(i)`: row i's value is at least the constraint's number; `passes(i)`: it is above it.
template <class Reaches, class Passes>
void mark_compared(Mask& fails, WhereOp op, Reaches&& reaches, Passes&& passes) {
  switch (op) {
    case WhereOp::greater_equal:
      return mark_unless(fails, reaches);
    case WhereOp::greater:
      return mark_unless(fails, passes);
    case WhereOp::less:
      return mark_unless(fails, [&](std::size_t i) { return !reaches(i); });
    case WhereOp::less_equal:
      return mark_unless(fails, [&](std::size_t i) { return !passes(i); });
    case WhereOp::equal:
      return mark_unless(fails, [&](std::size_t i) { return reaches(i) && !passes(i); });
    case WhereOp::not_equal:
      return mark_unless(fails, [&](std::size_t i) { return !reaches(i) || passes(i); });
    default:
      fails.fill(~std::uint64_t{0});  // the parser gives no number field a list
  }
}

template <class Value>
void mark_values(Mask& fails, const Constraint& c, Value&& value) {
  mark_compared(
      fails, c.op, [&](std::size_t i) { return value(i) >= c.number; },
      [&](std::size_t i) { return value(i) > c.number; });
}

/// The last of [-1, kMaxMoney] of which `holds`, where it holds up to some amount and not above.
template <class Holds>
std::int64_t last_where(Holds&& holds) {
  std::int64_t low = -1, high = kMaxMoney.micros;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (holds(Money{middle})) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace

Judgement::Judgement(const Rows& rows, const Wanted& wanted)
    : rows_(rows), wanted_(wanted), prices_(rows.terms_slots()), verdicts_(wanted.where.size()) {
  for (const auto& account : wanted.excluded_providers) {
    if (const auto seller = rows.find_seller(account)) excluded_.push_back(*seller);
  }
}

void Judgement::mark(const Chunk& chunk, std::size_t reason, Mask& fails) {
  if (reason < wanted_.where.size()) return mark_where(chunk, wanted_.where[reason], fails);
  mark_builtin(chunk, static_cast<Builtin>(reason - wanted_.where.size()), fails);
}

void Judgement::mark_where(const Chunk& chunk, const Constraint& c, Mask& fails) {
  if (c.field == WhereField::verified) {
    const std::uint32_t needed = constrained_figures(wanted_.where);
    return mark_unless(fails, [&](std::size_t i) { return (chunk.measured[i] & needed) == needed; });
  }
  if (model::is_number(c.field)) return mark_number(chunk, c, fails);
  mark_text(chunk, c, fails);
}

void Judgement::mark_number(const Chunk& chunk, const Constraint& c, Mask& fails) {
  switch (c.field) {
    case WhereField::gpus:
      return mark_values(fails, c, [&](std::size_t i) { return std::int64_t{chunk.gpu_count[i]}; });
    case WhereField::vram:
    case WhereField::inet_down:
    case WhereField::inet_up:
    case WhereField::interconnect: {
      const auto& column = chunk.figures[*measurable_index(c.field)];
      return mark_values(fails, c, [&](std::size_t i) { return column[i]; });
    }
    case WhereField::cpu:
    case WhereField::memory:
      return mark_share(chunk, *measurable_index(c.field), c, fails);
    case WhereField::disk: {
      const auto& column = chunk.figures[*measurable_index(c.field)];
      return mark_values(fails, c,
                         [&](std::size_t i) { return std::max<std::int64_t>(column[i] - chunk.leased_disk[i], 0); });
    }
    case WhereField::reliability:
      return mark_values(fails, c,
                         [&](std::size_t i) { return std::int64_t{rows_.standings[chunk.seller[i]].reliability}; });
    case WhereField::cuda:
      mark_values(fails, c, [&](std::size_t i) { return std::int64_t{chunk.cuda[i]}; });
      if (allows(c, std::int64_t{-1})) {  // a machine without CUDA has no version that could hold
        Mask none;
        mark_unless(none, [&](std::size_t i) { return chunk.cuda[i] >= 0; });
        for (std::size_t w = 0; w < fails.size(); ++w) fails[w] |= none[w];
      }
      return;
    case WhereField::duration:
      return mark_values(fails, c, [&](std::size_t i) { return chunk.max_duration[i]; });
    default:
      return mark_price(chunk, c, fails);
  }
}

/// A share of n of a machine's d devices is at least x from a total of x d ÷ n on, rounded up.
void Judgement::mark_share(const Chunk& chunk, std::size_t figure, const Constraint& c, Mask& fails) {
  std::array<std::int64_t, model::kMaxDevicesPerMachine + 1> reach{}, pass{};
  const auto n = wanted_.demand.gpu_count;
  for (std::uint32_t d = 0; d < reach.size(); ++d) {
    const auto total_for = [&](Int128 x) {
      const Int128 total = n >= d ? x : (x * d + n - 1) / n;
      return static_cast<std::int64_t>(std::min<Int128>(total, INT64_MAX));
    };
    reach[d] = total_for(c.number);
    pass[d] = total_for(static_cast<Int128>(c.number) + 1);
  }
  const auto& column = chunk.figures[figure];
  mark_compared(
      fails, c.op, [&](std::size_t i) { return column[i] >= reach[chunk.gpu_count[i]]; },
      [&](std::size_t i) { return column[i] >= pass[chunk.gpu_count[i]]; });
}

void Judgement::mark_price(const Chunk& chunk, const Constraint& c, Mask& fails) {
  std::size_t which = 0;
  for (const auto* at = wanted_.where.data(); at != &c; ++at) which += at->field == WhereField::price ? 1 : 0;
  mark_compared(
      fails, c.op, [&](std::size_t i) { return chunk.price[i] >= prices_of(chunk.terms[i]).reach[which]; },
      [&](std::size_t i) { return chunk.price[i] >= prices_of(chunk.terms[i]).pass[which]; });
  for (std::size_t i = 0; i < kRowsPerChunk; ++i) {  // what cannot be priced holds nothing about its price
    if (chunk.live[i] == 0 || (chunk.price[i] >= 0 && chunk.price[i] <= prices_of(chunk.terms[i]).priceable)) continue;
    fails[i / 64] |= std::uint64_t{1} << (i % 64);
  }
}

void Judgement::mark_text(const Chunk& chunk, const Constraint& c, Mask& fails) {
  // Each name is compared once; offers only look up what came of it.
  const auto verdicts = [&](std::size_t count, auto&& of) {
    std::vector<std::uint8_t> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = of(i) ? 1 : 0;
    return out;
  };
  auto& known = verdicts_[static_cast<std::size_t>(&c - wanted_.where.data())];
  switch (c.field) {
    case WhereField::gpu:
      if (known.empty())
        known = verdicts(rows_.models.slots(),
                         [&](std::size_t i) { return allows(c, rows_.models.folded(static_cast<std::uint32_t>(i))); });
      return mark_unless(fails, [&](std::size_t i) { return known[chunk.model[i]] != 0; });
    case WhereField::driver:
      if (known.empty())
        known = verdicts(rows_.drivers.slots(),
                         [&](std::size_t i) { return allows(c, rows_.drivers.folded(static_cast<std::uint32_t>(i))); });
      return mark_unless(fails, [&](std::size_t i) { return known[chunk.driver[i]] != 0; });
    case WhereField::country:
      if (known.empty())
        known = verdicts(kCountries, [&](std::size_t i) {
          return i != kNoCountry &&
                 allows(c, model::fold(WhereField::country, country_code(static_cast<std::uint16_t>(i))));
        });
      return mark_unless(fails, [&](std::size_t i) { return known[chunk.country[i]] != 0; });
    case WhereField::provider:
      if (known.empty())
        known = verdicts(rows_.sellers.size(), [&](std::size_t i) { return allows_provider(c, rows_.sellers[i]); });
      return mark_unless(fails, [&](std::size_t i) { return known[chunk.seller[i]] != 0; });
    case WhereField::kind:
      return mark_unless(fails, [&](std::size_t i) {
        return allows(c, model::name_of(static_cast<model::DeviceKind>(chunk.kind[i])));
      });
    default:
      return mark_unless(fails, [&](std::size_t i) { return chunk.live[i] == 0 || allows(c, chunk.name[i]); });
  }
}

void Judgement::mark_builtin(const Chunk& chunk, Builtin builtin, Mask& fails) {
  const auto& demand = wanted_.demand;
  const auto asked = static_cast<std::int64_t>(std::min<std::uint64_t>(demand.duration_s, kNoMaximum));
  switch (builtin) {
    case Builtin::open:
      return mark_unless(fails, [&](std::size_t i) { return chunk.open[i] != 0; });
    case Builtin::reachable:
      return mark_unless(fails, [&](std::size_t i) { return rows_.standings[chunk.seller[i]].reachable; });
    case Builtin::excluded:
      if (excluded_.empty()) return fails.fill(0);
      return mark_unless(fails, [&](std::size_t i) {
        return std::find(excluded_.begin(), excluded_.end(), chunk.seller[i]) == excluded_.end();
      });
    case Builtin::capacity:
      return mark_unless(fails, [&](std::size_t i) { return chunk.free_count[i] >= demand.gpu_count; });
    case Builtin::duration:
      if (asked == 0) return fails.fill(0);
      return mark_unless(
          fails, [&](std::size_t i) { return asked >= chunk.min_duration[i] && asked <= chunk.max_duration[i]; });
    case Builtin::disk:
      if (demand.disk_bytes == 0) return fails.fill(0);
      return mark_unless(
          fails, [&](std::size_t i) { return demand.disk_bytes <= static_cast<std::uint64_t>(chunk.free_disk[i]); });
    case Builtin::max_price:
      return mark_unless(fails, [&](std::size_t i) {
        return chunk.live[i] == 0 || (chunk.price[i] >= 0 && chunk.price[i] <= prices_of(chunk.terms[i]).affordable);
      });
    case Builtin::max_cost:
      return mark_max_cost(chunk, fails);
  }
}

void Judgement::mark_max_cost(const Chunk& chunk, Mask& fails) {
  mark_unless(fails, [&](std::size_t i) {
    if (chunk.live[i] == 0 || chunk.price[i] < 0) return true;
    const Prices& prices = prices_of(chunk.terms[i]);
    if (chunk.price[i] > prices.priceable) return true;
    if (wanted_.demand.max_cost.micros == 0) return chunk.price[i] <= prices.payable;
    return chunk.price[i] <= most_for_shortest(chunk.terms[i], chunk.min_duration[i]);
  });
}

const Judgement::Prices& Judgement::learn_prices(std::uint32_t number) {
  Prices& prices = prices_[number];
  prices.known = true;
  const Terms& terms = rows_.terms(number);
  const auto& demand = wanted_.demand;
  const auto price_at = [&](Money posted) {
    return price_of(posted, terms.term_discounts, terms.volume_discounts, terms.storage_per_gib_hour, demand);
  };
  prices.priceable = last_where([&](Money posted) { return posted.micros < 0 || price_at(posted); });
  const auto last_priced = [&](auto&& holds) {
    return last_where([&](Money posted) {
      if (posted.micros < 0) return true;
      const auto price = price_at(posted);
      return price && holds(*price);
    });
  };
  const Money ceiling = demand.max_price_per_gpu_hour;
  prices.affordable =
      ceiling.micros == 0 ? prices.priceable : last_priced([&](const Price& p) { return p.per_gpu_hour <= ceiling; });
  prices.payable = last_priced([&](const Price& p) {
    return whole_cost(p.rate_per_hour, demand.duration_s, terms.storage_per_gib_hour, demand).has_value();
  });
  for (const auto& c : wanted_.where) {
    if (c.field != WhereField::price) continue;
    prices.reach.push_back(last_priced([&](const Price& p) { return p.per_gpu_hour.micros < c.number; }) + 1);
    prices.pass.push_back(last_priced([&](const Price& p) { return p.per_gpu_hour.micros <= c.number; }) + 1);
  }
  return prices;
}

std::int64_t Judgement::most_for_shortest(std::uint32_t number, std::int64_t min_duration) {
  const auto hash = (static_cast<std::uint64_t>(min_duration) * 31 + number) * 0x9E3779B97F4A7C15ULL >> 56U;
  Shortest& known = shortest_[hash];
  if (known.terms == number && known.min_duration == min_duration) return known.most;
  const Terms& terms = rows_.terms(number);
  known = {number, min_duration, last_where([&](Money posted) {
             if (posted.micros < 0) return true;
             const auto price = price_of(posted, terms.term_discounts, terms.volume_discounts,
                                         terms.storage_per_gib_hour, wanted_.demand);
             const auto least =
                 price ? least_cost(price->rate_per_hour, min_duration, terms.storage_per_gib_hour, wanted_.demand)
                       : std::nullopt;
             return least && *least <= wanted_.demand.max_cost;
           })};
  return known.most;
}

}  // namespace hanse::market
