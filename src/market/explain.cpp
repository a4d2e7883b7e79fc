// Why no offer fits, and which single relaxation would make one.

#include <array>
#include <limits>

#include "market/book_impl.hpp"
#include "model/text.hpp"

namespace hanse::market {

namespace {

using model::WhereField;

/// The count of one constraint while the book is gone through.
struct Tally {
  Explanation::Ruled ruled;
  const Listing* cheapest = nullptr;
  const Seller* seller = nullptr;
  std::int64_t distance = std::numeric_limits<std::int64_t>::max();  // of `nearest` from fitting
  std::optional<std::int64_t> nearest;

  void offer_value(std::int64_t value, std::int64_t away) {
    if (nearest && (away > distance || (away == distance && value >= *nearest))) return;
    distance = away;
    nearest = value;
  }
};

bool is_measurable(WhereField field) {
  return std::find(kMeasurable.begin(), kMeasurable.end(), field) != kMeasurable.end();
}

std::int64_t away_from(std::int64_t a, std::int64_t b) {
  return a > b ? a - b : b - a;
}
std::int64_t to_signed(std::uint64_t v) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(v, INT64_MAX));
}

/// A size to read: as people write it where that is short, else to a tenth of a decimal unit, rounded to the side
/// (`up`) on which a constraint with that figure still takes it.
std::string about_size(std::uint64_t bytes, bool up) {
  constexpr std::size_t kShort = 7;
  std::string exact = model::format_size(bytes);
  if (exact.size() <= kShort || bytes >= model::kMaxSizeBytes) return exact;
  constexpr std::array<std::string_view, 6> kUnits{"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 1;
  std::uint64_t tenth = 100;
  while (unit + 1 < kUnits.size() && bytes / tenth >= 10'000) {
    tenth *= 1000;
    ++unit;
  }
  const std::uint64_t tenths = (bytes + (up ? tenth - 1 : 0)) / tenth;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + std::string(kUnits[unit]);
}

bool is_size(WhereField field) {
  return field == WhereField::vram || field == WhereField::memory || field == WhereField::disk;
}

class Explainer {
 public:
  explicit Explainer(const Wanted& wanted)
      : wanted_(wanted), relaxed_(wanted), tallies_(wanted.where.size() + kBuiltins) {
    for (std::size_t i = 0; i < wanted.where.size(); ++i) {
      tallies_[i].ruled.constraint = model::format_constraint(wanted.where[i]);
    }
    for (std::size_t i = 0; i < kBuiltins; ++i) builtin(i).ruled.constraint = name_of(static_cast<Builtin>(i));
  }

  void look_at(const Listing& listing, const Seller& seller);
  std::vector<Explanation::Ruled> finish();

 private:
  Tally& builtin(std::size_t i) { return tallies_[wanted_.where.size() + i]; }
  std::optional<Price> without_constraint(std::size_t i, const Listing& listing, const Seller& seller);
  std::optional<Price> without_builtin(Builtin builtin, const Listing& listing, const Seller& seller);
  void note_value(Tally& tally, std::size_t index, const Listing& listing, const Seller& seller,
                  const Verdict& verdict);
  void note_builtin(Tally& tally, Builtin builtin, const Listing& listing, const Verdict& verdict);
  [[nodiscard]] std::string best_of(const Tally& tally, std::size_t index) const;
  [[nodiscard]] std::uint64_t nearest_duration(const Listing& listing) const;
  [[nodiscard]] bool fails_verified(const Verdict& verdict) const;

  const Wanted& wanted_;
  Wanted relaxed_;  // changed for one question, then put back
  std::vector<Tally> tallies_;
};

std::optional<Price> Explainer::without_constraint(std::size_t i, const Listing& listing, const Seller& seller) {
  auto& where = relaxed_.where;
  std::swap(where[i], where.back());
  model::Constraint dropped = std::move(where.back());
  where.pop_back();
  const auto price = price_if_fits(relaxed_, listing, seller);
  where.push_back(std::move(dropped));
  std::swap(where[i], where.back());
  return price;
}

std::uint64_t Explainer::nearest_duration(const Listing& listing) const {
  const auto& prices = listing.prices;
  const auto asked = std::max(wanted_.demand.duration_s, prices.min_duration_s);
  return prices.max_duration_s == 0 ? asked : std::min(asked, prices.max_duration_s);
}

std::optional<Price> Explainer::without_builtin(Builtin builtin, const Listing& listing, const Seller& seller) {
  auto& demand = relaxed_.demand;
  switch (builtin) {
    case Builtin::open:
    case Builtin::reachable:
      return std::nullopt;
    case Builtin::excluded:
      relaxed_.excluded_providers.clear();
      break;
    case Builtin::capacity:
      demand.gpu_count = listing.free_count();
      break;
    case Builtin::duration:
      demand.duration_s = nearest_duration(listing);
      break;
    case Builtin::disk:
      demand.disk_bytes = listing.free_disk_bytes;
      break;
    case Builtin::max_price:
      demand.max_price_per_gpu_hour = Money{};
      break;
    case Builtin::max_cost:
      demand.max_cost = Money{};
      break;
  }
  const auto price = price_if_fits(relaxed_, listing, seller);
  const auto& asked = wanted_.demand;
  demand.gpu_count = asked.gpu_count;
  demand.duration_s = asked.duration_s;
  demand.disk_bytes = asked.disk_bytes;
  demand.max_price_per_gpu_hour = asked.max_price_per_gpu_hour;
  demand.max_cost = asked.max_cost;
  if (builtin == Builtin::excluded) relaxed_.excluded_providers = wanted_.excluded_providers;
  return price;
}

bool Explainer::fails_verified(const Verdict& verdict) const {
  for (std::size_t i = 0; i < wanted_.where.size(); ++i) {
    if (wanted_.where[i].field == WhereField::verified) return (verdict.where >> i & 1U) != 0;
  }
  return false;
}

void Explainer::look_at(const Listing& listing, const Seller& seller) {
  const auto verdict = judge(wanted_, listing, seller);
  const auto fails = [&](std::size_t i) {
    return i < wanted_.where.size() ? (verdict.where >> i & 1U) != 0
                                    : (verdict.builtin >> (i - wanted_.where.size()) & 1U) != 0;
  };
  // Under `verified`, to drop the constraint on a figure that was not measured can be enough, though it holds itself.
  const auto frees_verified = [&](std::size_t i) {
    return i < wanted_.where.size() && fails_verified(verdict) && is_measurable(wanted_.where[i].field);
  };
  for (std::size_t i = 0; i < tallies_.size(); ++i) {
    if (!fails(i) && !frees_verified(i)) continue;
    auto& tally = tallies_[i];
    if (fails(i)) ++tally.ruled.offers;
    if (verdict.failures() > 2) continue;
    const auto price = i < wanted_.where.size()
                           ? without_constraint(i, listing, seller)
                           : without_builtin(static_cast<Builtin>(i - wanted_.where.size()), listing, seller);
    if (!price && (verdict.failures() > 1 || !fails(i))) continue;
    ++tally.ruled.only_this;
    if (fails(i)) note_value(tally, i, listing, seller, verdict);
    if (!price) continue;
    if (tally.cheapest == nullptr ||
        is_better(listing, seller, *price, *tally.cheapest, *tally.seller, *tally.ruled.price)) {
      tally.cheapest = &listing;
      tally.seller = &seller;
      tally.ruled.price = price;
      tally.ruled.offer = listing.id;
    }
  }
}

void Explainer::note_value(Tally& tally, std::size_t index, const Listing& listing, const Seller& seller,
                           const Verdict& verdict) {
  if (index >= wanted_.where.size()) {
    return note_builtin(tally, static_cast<Builtin>(index - wanted_.where.size()), listing, verdict);
  }
  const auto& c = wanted_.where[index];
  if (!model::is_number(c.field)) return;
  const auto value = number_of(c.field, wanted_, listing, seller, verdict.price);
  if (value) tally.offer_value(*value, away_from(*value, c.number));
}

void Explainer::note_builtin(Tally& tally, Builtin builtin, const Listing& listing, const Verdict& verdict) {
  const auto& demand = wanted_.demand;
  if (builtin == Builtin::capacity) {
    tally.offer_value(listing.free_count(), demand.gpu_count - listing.free_count());
  } else if (builtin == Builtin::duration) {
    const auto nearest = to_signed(nearest_duration(listing));
    tally.offer_value(nearest, away_from(nearest, to_signed(demand.duration_s)));
  } else if (builtin == Builtin::disk) {
    const auto free = to_signed(listing.free_disk_bytes);
    tally.offer_value(free, away_from(free, to_signed(demand.disk_bytes)));
  } else if (builtin == Builtin::max_price && verdict.price) {
    tally.offer_value(verdict.price->per_gpu_hour.micros, verdict.price->per_gpu_hour.micros);
  } else if (builtin == Builtin::max_cost && verdict.price) {
    const auto least =
        lock_for(verdict.price->rate_per_hour, std::max<std::uint64_t>(listing.prices.min_duration_s, 1), Money{});
    if (least) tally.offer_value(least->micros, least->micros);
  }
}

std::string Explainer::best_of(const Tally& tally, std::size_t index) const {
  if (index < wanted_.where.size()) {
    const auto field = wanted_.where[index].field;
    const auto op = wanted_.where[index].op;
    if (tally.nearest && is_size(field)) {
      return about_size(static_cast<std::uint64_t>(*tally.nearest),
                        op == model::WhereOp::less || op == model::WhereOp::less_equal);
    }
    if (tally.nearest) {
      return *tally.nearest == kNoMaximum ? "no maximum" : model::format_number(field, *tally.nearest);
    }
    if (tally.cheapest == nullptr || model::is_number(field) || field == WhereField::verified) return {};
    if (field == WhereField::kind) return std::string(model::name_of(tally.cheapest->machine.device_kind));
    return text_of(field, *tally.cheapest, *tally.seller);
  }
  if (!tally.nearest) return {};
  switch (static_cast<Builtin>(index - wanted_.where.size())) {
    case Builtin::duration:
      return model::format_duration(static_cast<std::uint64_t>(*tally.nearest));
    case Builtin::disk:
      return about_size(static_cast<std::uint64_t>(*tally.nearest), false);
    case Builtin::max_price:
    case Builtin::max_cost:
      return model::format_money(Money{*tally.nearest});
    default:
      return std::to_string(*tally.nearest);
  }
}

std::vector<Explanation::Ruled> Explainer::finish() {
  std::vector<Explanation::Ruled> out;
  for (std::size_t i = 0; i < tallies_.size(); ++i) {
    if (tallies_[i].ruled.offers == 0 && tallies_[i].ruled.only_this == 0) continue;
    tallies_[i].ruled.best = best_of(tallies_[i], i);
    out.push_back(std::move(tallies_[i].ruled));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    if (a.price.has_value() != b.price.has_value()) return a.price.has_value();
    if (a.price && a.price->per_gpu_hour != b.price->per_gpu_hour) return a.price->per_gpu_hour < b.price->per_gpu_hour;
    return a.offers > b.offers;
  });
  return out;
}

}  // namespace

Explanation Book::explain(const Wanted& wanted) const {
  Explanation explanation;
  Explainer explainer(wanted);
  const auto look_at = [&](const Listing& listing) {
    ++explanation.offers;
    explainer.look_at(listing, impl_->seller(listing));
  };
  if (wanted.demand.offer) {
    if (const auto* listing = impl_->find_listing(wanted.demand.offer)) look_at(*listing);
  } else {
    for (const auto& listing : impl_->all) look_at(*listing);
  }
  explanation.ruled = explainer.finish();
  return explanation;
}

}  // namespace hanse::market
