#include "market/evaluate.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/int128.hpp"

namespace hanse::market {
namespace {

using model::Constraint;
using model::WhereField;

bool is_excluded(const Wanted& wanted, const Seller& seller) {
  const auto& list = wanted.excluded_providers;
  return std::find(list.begin(), list.end(), seller.account) != list.end();
}

/// What a lease of `gpu_count` of a machine's devices gets of a total.
std::int64_t share(std::int64_t total, std::uint32_t gpu_count, std::uint32_t machine_gpus) {
  if (gpu_count >= machine_gpus) return total;
  return static_cast<std::int64_t>(static_cast<Int128>(total) * gpu_count / machine_gpus);
}

/// A demand without a duration (browsing) fits any.
bool duration_fits(const model::Demand& demand, const Row& row) {
  if (demand.duration_s == 0) return true;
  const auto asked = static_cast<std::int64_t>(std::min<std::uint64_t>(demand.duration_s, kNoMaximum));
  return asked >= row.min_duration() && asked <= row.max_duration();
}

bool price_fits(const model::Demand& demand, const Price& price) {
  return demand.max_price_per_gpu_hour.micros == 0 || price.per_gpu_hour <= demand.max_price_per_gpu_hour;
}

/// The ceiling pays for the shortest lease that the offer takes. Without a ceiling: what the whole lease costs is still
/// an amount of money.
bool cost_fits(const model::Demand& demand, const Row& row, const Price& price) {
  const Money storage = row.terms().storage_per_gib_hour;
  if (demand.max_cost.micros == 0) {
    return whole_cost(price.rate_per_hour, demand.duration_s, storage, demand).has_value();
  }
  const auto least = least_cost(price.rate_per_hour, row.min_duration(), storage, demand);
  return least && *least <= demand.max_cost;
}

}  // namespace

std::optional<Money> whole_cost(Money rate_per_hour, std::uint64_t seconds, Money storage_per_gib_hour,
                                const model::Demand& demand) {
  const auto keep = keep_of(storage_per_gib_hour, demand);
  return keep ? lock_for(rate_per_hour, seconds, Money{}, keep->reserve) : std::nullopt;
}

std::optional<Money> least_cost(Money rate_per_hour, std::int64_t min_duration_s, Money storage_per_gib_hour,
                                const model::Demand& demand) {
  const auto shortest = static_cast<std::uint64_t>(std::max<std::int64_t>(min_duration_s, 1));
  return whole_cost(rate_per_hour, shortest, storage_per_gib_hour, demand);
}

std::string_view name_of(Builtin builtin) {
  static constexpr std::array<std::string_view, kBuiltins> kNames{"open",     "reachable", "excluded",  "capacity",
                                                                  "duration", "disk",      "max_price", "max_cost"};
  return kNames[static_cast<std::size_t>(builtin)];
}

std::optional<Price> price_of(const Row& row, const model::Demand& demand) {
  const Terms& terms = row.terms();
  return price_of(row.price(), terms.term_discounts, terms.volume_discounts, terms.storage_per_gib_hour, demand);
}

bool allows_provider(const Constraint& c, const Seller& seller) {
  const bool by_address = model::allows(c, seller.address);
  const bool by_name = model::allows(c, seller.folded_name);
  const bool negative = c.op == model::WhereOp::not_equal || c.op == model::WhereOp::not_in;
  return negative ? by_address && by_name : by_address || by_name;
}

std::uint32_t constrained_figures(const model::Where& where) {
  std::uint32_t bits = 0;
  for (const auto& c : where) {
    if (const auto index = measurable_index(c.field)) bits |= 1U << *index;
  }
  return bits;
}

std::optional<std::int64_t> number_of(WhereField field, const Wanted& wanted, const Row& row,
                                      const std::optional<Price>& price) {
  const auto figure = [&] { return row.figure(*measurable_index(field)); };
  switch (field) {
    case WhereField::gpus:
      return row.gpu_count();
    case WhereField::vram:
    case WhereField::inet_down:
    case WhereField::inet_up:
    case WhereField::interconnect:
      return figure();
    case WhereField::cpu:
    case WhereField::memory:
      return share(figure(), wanted.demand.gpu_count, row.gpu_count());
    case WhereField::disk:
      return std::max<std::int64_t>(figure() - row.leased_disk(), 0);
    case WhereField::price:
      return price ? std::optional(price->per_gpu_hour.micros) : std::nullopt;
    case WhereField::reliability:
      return row.reliability();
    case WhereField::cuda:
      return row.cuda() >= 0 ? std::optional(row.cuda()) : std::nullopt;
    case WhereField::duration:
      return row.max_duration();
    default:
      return std::nullopt;
  }
}

std::string text_of(WhereField field, const Row& row) {
  switch (field) {
    case WhereField::gpu:
      return row.rows().models.text(row.model());
    case WhereField::country:
      return row.country() == kNoCountry ? "an unknown one" : country_code(row.country());
    case WhereField::provider:
      return row.seller().name.empty() ? row.seller().address : row.seller().name;
    case WhereField::machine:
      return row.name();
    case WhereField::kind:
      return std::string(model::name_of(row.kind()));
    case WhereField::driver:
      return row.rows().drivers.text(row.driver());
    default:
      return {};
  }
}

bool passes(const Constraint& c, const Wanted& wanted, const Row& row, const std::optional<Price>& price) {
  switch (c.field) {
    case WhereField::gpu:
      return model::allows(c, row.rows().models.folded(row.model()));
    case WhereField::country:
      return row.country() != kNoCountry &&  // it may be the very one that is not wanted
             model::allows(c, model::fold(WhereField::country, country_code(row.country())));
    case WhereField::provider:
      return allows_provider(c, row.seller());
    case WhereField::machine:
      return model::allows(c, row.name());
    case WhereField::kind:
      return model::allows(c, model::name_of(row.kind()));
    case WhereField::driver:
      return model::allows(c, row.rows().drivers.folded(row.driver()));
    case WhereField::verified: {
      const std::uint32_t needed = constrained_figures(wanted.where);
      return (row.measured() & needed) == needed;
    }
    default: {
      const auto number = number_of(c.field, wanted, row, price);
      return number && model::allows(c, *number);
    }
  }
}

bool passes(Builtin builtin, const Wanted& wanted, const Row& row, const std::optional<Price>& price) {
  const auto& demand = wanted.demand;
  switch (builtin) {
    case Builtin::open:
      return row.open();
    case Builtin::reachable:
      return row.reachable();
    case Builtin::excluded:
      return !is_excluded(wanted, row.seller());
    case Builtin::capacity:
      return row.free_count() >= demand.gpu_count;
    case Builtin::duration:
      return duration_fits(demand, row);
    case Builtin::disk:
      return demand.disk_bytes <= static_cast<std::uint64_t>(row.free_disk());
    case Builtin::max_price:
      return price && price_fits(demand, *price);  // what cannot be priced is dearer than any ceiling
    case Builtin::max_cost:
      return !price || cost_fits(demand, row, *price);
  }
  return false;
}

std::optional<Price> price_if_fits(const Wanted& wanted, const Row& row) {
  const auto price = price_of(row, wanted.demand);
  for (std::size_t i = 0; i < kBuiltins; ++i) {
    if (!passes(static_cast<Builtin>(i), wanted, row, price)) return std::nullopt;
  }
  for (const auto& c : wanted.where) {
    if (!passes(c, wanted, row, price)) return std::nullopt;
  }
  return price;
}

Rank rank_of(const Row& row, const Price& price) {
  return {expected_cost(price.per_gpu_hour, row.reliability()), row.posted_at(), row.id()};
}

}  // namespace hanse::market
