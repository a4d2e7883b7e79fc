#include "market/evaluate.hpp"

#include "base/check.hpp"

namespace hanse::market {

namespace {

__extension__ using Wide = __int128;
using model::Constraint;
using model::WhereField;

constexpr std::int64_t kMaxFigure = 1LL << 60;  // beyond any real one; keeps shares within 128 bits

std::optional<std::size_t> measurable_index(WhereField field) {
  const auto it = std::find(kMeasurable.begin(), kMeasurable.end(), field);
  if (it == kMeasurable.end()) return std::nullopt;
  return static_cast<std::size_t>(it - kMeasurable.begin());
}

std::int64_t figure(const Listing& listing, WhereField field) {
  return listing.figures[*measurable_index(field)];
}

/// What a lease of `gpu_count` of the machine's devices gets of a total.
std::int64_t share(std::int64_t total, std::uint32_t gpu_count, const model::Machine& machine) {
  if (gpu_count >= machine.gpu_count) return total;
  return static_cast<std::int64_t>(static_cast<Wide>(total) * gpu_count / machine.gpu_count);
}

bool allows_provider(const Constraint& c, const Seller& seller) {
  const bool by_address = model::allows(c, seller.address);
  const bool by_name = model::allows(c, seller.folded_name);
  const bool negative = c.op == model::WhereOp::not_equal || c.op == model::WhereOp::not_in;
  return negative ? by_address && by_name : by_address || by_name;
}

/// Every constrained figure that could be measured, was.
bool all_measured(const Wanted& wanted, const Listing& listing) {
  return std::all_of(wanted.where.begin(), wanted.where.end(), [&](const Constraint& c) {
    const auto index = measurable_index(c.field);
    return !index || (listing.measured >> *index & 1U) != 0;
  });
}

bool holds(const Constraint& c, const Wanted& wanted, const Listing& listing, const Seller& seller,
           const std::optional<Price>& price) {
  switch (c.field) {
    case WhereField::gpu:
      return model::allows(c, listing.gpu);
    case WhereField::country:
      return model::allows(c, listing.country);
    case WhereField::provider:
      return allows_provider(c, seller);
    case WhereField::machine:
      return model::allows(c, listing.machine_name);
    case WhereField::kind:
      return model::allows(c, model::name_of(listing.machine.device_kind));
    case WhereField::driver:
      return model::allows(c, listing.driver);
    case WhereField::verified:
      return all_measured(wanted, listing);
    default: {
      const auto number = number_of(c.field, wanted, listing, seller, price);
      return number && model::allows(c, *number);
    }
  }
}

bool is_excluded(const Wanted& wanted, const Seller& seller) {
  const auto& list = wanted.excluded_providers;
  return std::find(list.begin(), list.end(), seller.account) != list.end();
}

/// A demand without a duration (browsing) fits any.
bool duration_fits(const model::Demand& demand, const model::PriceList& prices) {
  if (demand.duration_s == 0) return true;
  return demand.duration_s >= prices.min_duration_s &&
         (prices.max_duration_s == 0 || demand.duration_s <= prices.max_duration_s);
}

bool price_fits(const model::Demand& demand, const Price& price) {
  return demand.max_price_per_gpu_hour.micros == 0 || price.per_gpu_hour <= demand.max_price_per_gpu_hour;
}

/// The ceiling pays for the shortest lease that the offer takes, a second at least. Without a ceiling: what the whole
/// lease costs is still an amount of money.
bool cost_fits(const model::Demand& demand, const model::PriceList& prices, const Price& price) {
  if (demand.max_cost.micros == 0) {
    const Wide whole = static_cast<Wide>(price.rate_per_hour.micros) * static_cast<Wide>(demand.duration_s);
    return whole <= static_cast<Wide>(kMaxMoney.micros) * 3600;
  }
  const auto least = lock_for(price.rate_per_hour, std::max<std::uint64_t>(prices.min_duration_s, 1), Money{});
  return least && *least <= demand.max_cost;
}

}  // namespace

std::string_view name_of(Builtin builtin) {
  static constexpr std::array<std::string_view, kBuiltins> kNames{"open",     "reachable", "excluded",  "capacity",
                                                                  "duration", "disk",      "max_price", "max_cost"};
  return kNames[static_cast<std::size_t>(builtin)];
}

void describe(Listing& listing, const model::Machine& machine) {
  listing.machine = machine;
  const auto clamped = [](std::uint64_t v) {
    return static_cast<std::int64_t>(std::min(v, static_cast<std::uint64_t>(kMaxFigure)));
  };
  listing.figures = {clamped(machine.vram_bytes), machine.cpu_threads,    clamped(machine.memory_bytes),
                     clamped(machine.disk_bytes), machine.inet_down_mbps, machine.inet_up_mbps};
  listing.measured = 0;
  for (const auto& measurement : machine.measured) {
    for (std::size_t i = 0; i < kMeasurable.size(); ++i) {
      if (measurement.field != model::name_of(kMeasurable[i])) continue;
      listing.figures[i] = std::clamp<std::int64_t>(measurement.value, 0, kMaxFigure);
      listing.measured |= 1U << i;
    }
  }
  listing.cuda = model::parse_version(machine.cuda_version);
  listing.gpu = model::fold(WhereField::gpu, machine.gpu_model);
  listing.country = model::fold(WhereField::country, machine.country);
  listing.machine_name = model::fold(WhereField::machine, machine.name);
  listing.driver = model::fold(WhereField::driver, machine.driver_version);
}

std::optional<std::int64_t> number_of(WhereField field, const Wanted& wanted, const Listing& listing,
                                      const Seller& seller, const std::optional<Price>& price) {
  switch (field) {
    case WhereField::gpus:
      return listing.machine.gpu_count;
    case WhereField::vram:
    case WhereField::inet_down:
    case WhereField::inet_up:
      return figure(listing, field);
    case WhereField::cpu:
    case WhereField::memory:
      return share(figure(listing, field), wanted.demand.gpu_count, listing.machine);
    case WhereField::disk: {
      const auto leased = static_cast<std::int64_t>(listing.leased_disk_bytes);
      return std::max<std::int64_t>(figure(listing, field) - leased, 0);
    }
    case WhereField::price:
      return price ? std::optional(price->per_gpu_hour.micros) : std::nullopt;
    case WhereField::reliability:
      return seller.reliability;
    case WhereField::cuda:
      return listing.cuda >= 0 ? std::optional(listing.cuda) : std::nullopt;
    case WhereField::duration: {
      const auto most = listing.prices.max_duration_s;
      return most == 0 ? kNoMaximum : static_cast<std::int64_t>(std::min<std::uint64_t>(most, kNoMaximum));
    }
    default:
      return std::nullopt;
  }
}

const std::string& text_of(WhereField field, const Listing& listing, const Seller& seller) {
  static const std::string kNone;
  switch (field) {
    case WhereField::gpu:
      return listing.machine.gpu_model;
    case WhereField::country:
      return listing.machine.country;
    case WhereField::provider:
      return seller.name.empty() ? seller.address : seller.name;
    case WhereField::machine:
      return listing.machine.name;
    case WhereField::driver:
      return listing.machine.driver_version;
    default:
      return kNone;
  }
}

std::optional<Price> price_if_fits(const Wanted& wanted, const Listing& listing, const Seller& seller) {
  const auto& demand = wanted.demand;
  if (!listing.open || !seller.reachable || listing.free_count() < demand.gpu_count ||
      !duration_fits(demand, listing.prices) || demand.disk_bytes > listing.free_disk_bytes ||
      is_excluded(wanted, seller)) {
    return std::nullopt;
  }
  const auto price = price_of(listing.prices, demand);
  if (!price || !price_fits(demand, *price) || !cost_fits(demand, listing.prices, *price)) return std::nullopt;
  for (const auto& c : wanted.where) {
    if (!holds(c, wanted, listing, seller, price)) return std::nullopt;
  }
  return price;
}

Verdict judge(const Wanted& wanted, const Listing& listing, const Seller& seller) {
  HANSE_CHECK(wanted.where.size() <= model::kMaxConstraints);
  const auto& demand = wanted.demand;
  Verdict verdict;
  verdict.price = price_of(listing.prices, demand);
  const auto check = [&verdict](Builtin builtin, bool passes) {
    if (!passes) verdict.builtin |= 1U << static_cast<unsigned>(builtin);
  };
  check(Builtin::open, listing.open);
  check(Builtin::reachable, seller.reachable);
  check(Builtin::excluded, !is_excluded(wanted, seller));
  check(Builtin::capacity, listing.free_count() >= demand.gpu_count);
  check(Builtin::duration, duration_fits(demand, listing.prices));
  check(Builtin::disk, demand.disk_bytes <= listing.free_disk_bytes);
  // What cannot be priced is dearer than any ceiling, and no relaxation makes it fit.
  check(Builtin::max_price, verdict.price && price_fits(demand, *verdict.price));
  check(Builtin::max_cost, !verdict.price || cost_fits(demand, listing.prices, *verdict.price));
  for (std::size_t i = 0; i < wanted.where.size(); ++i) {
    if (!holds(wanted.where[i], wanted, listing, seller, verdict.price)) verdict.where |= std::uint64_t{1} << i;
  }
  return verdict;
}

bool is_better(const Listing& a, const Seller& a_seller, const Price& a_price, const Listing& b, const Seller& b_seller,
               const Price& b_price) {
  // A provider that fails always still has an order among its like: nobody's reliability counts as 0.
  const Wide a_cost = static_cast<Wide>(a_price.rate_per_hour.micros) * std::max<std::int64_t>(b_seller.reliability, 1);
  const Wide b_cost = static_cast<Wide>(b_price.rate_per_hour.micros) * std::max<std::int64_t>(a_seller.reliability, 1);
  if (a_cost != b_cost) return a_cost < b_cost;
  if (a.posted_at != b.posted_at) return a.posted_at < b.posted_at;
  return a.id < b.id;
}

}  // namespace hanse::market
