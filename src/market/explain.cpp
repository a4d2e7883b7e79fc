// Why no offer fits, and which single relaxation would make one.

#include <array>
#include <bit>
#include <limits>

#include "market/book_impl.hpp"
#include "market/judgement.hpp"
#include "model/text.hpp"

namespace hanse::market {

namespace {

using model::WhereField;

static_assert(kMaxRuled == model::kMaxConstraints + kBuiltins);

/// The count of one reason while the book is gone through.
struct Tally {
  Explanation::Ruled ruled;
  Rank cheapest;
  std::uint32_t slot = kNoSlot;                                      // of the cheapest
  std::int64_t distance = std::numeric_limits<std::int64_t>::max();  // of `nearest` from fitting
  std::optional<std::int64_t> nearest;

  void offer_value(std::int64_t value, std::int64_t away) {
    if (nearest && (away > distance || (away == distance && value >= *nearest))) return;
    distance = away;
    nearest = value;
  }
};

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

/// The rows of a chunk by how many reasons stand against them.
struct Counts {
  Mask one{}, two{}, more{};  ///< At least so many.

  void add(const Mask& fails) {
    for (std::size_t w = 0; w < fails.size(); ++w) {
      more[w] |= two[w] & fails[w];
      two[w] |= one[w] & fails[w];
      one[w] |= fails[w];
    }
  }
};

template <class Visit>
void for_each_bit(std::uint64_t bits, Visit&& visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<std::size_t>(std::countr_zero(bits)));
}

class Explainer {
 public:
  Explainer(const Rows& rows, const Wanted& wanted)
      : rows_(rows), wanted_(wanted), relaxed_(wanted), judgement_(rows, wanted), tallies_(judgement_.reasons()) {
    for (std::size_t i = 0; i < wanted.where.size(); ++i) {
      tallies_[i].ruled.constraint = model::format_constraint(wanted.where[i]);
      if (wanted.where[i].field == WhereField::verified) verified_ = i;
    }
    for (std::size_t i = 0; i < kBuiltins; ++i) {
      tallies_[wanted.where.size() + i].ruled.constraint = name_of(static_cast<Builtin>(i));
    }
  }

  /// `only`: the one offer to look at; kNoSlot: all.
  void look_at(std::size_t chunk_number, std::uint32_t only);
  std::vector<Explanation::Ruled> finish();
  [[nodiscard]] std::uint64_t looked_at() const { return looked_at_; }
  [[nodiscard]] std::uint64_t fitting() const { return fitting_; }

 private:
  [[nodiscard]] bool is_builtin(std::size_t reason) const { return reason >= wanted_.where.size(); }
  [[nodiscard]] Builtin builtin(std::size_t reason) const {
    return static_cast<Builtin>(reason - wanted_.where.size());
  }
  void fails_alone(std::size_t reason, const Row& row);
  void frees_verified(std::size_t reason, const Row& row, bool fails);
  void note_cheapest(Tally& tally, const Row& row, const Price& price);
  std::optional<Price> without(Builtin builtin, const Row& row);
  void note_value(Tally& tally, std::size_t reason, const Row& row);
  void note_builtin(Tally& tally, Builtin builtin, const Row& row);
  [[nodiscard]] std::string best_of(const Tally& tally, std::size_t reason) const;
  [[nodiscard]] std::uint64_t nearest_duration(const Row& row) const;

  const Rows& rows_;
  const Wanted& wanted_;
  Wanted relaxed_;  // changed for one question, then put back
  Judgement judgement_;
  std::vector<Tally> tallies_;
  std::vector<Mask> fails_;
  std::optional<std::size_t> verified_;
  std::uint64_t looked_at_ = 0, fitting_ = 0;
};

void Explainer::look_at(std::size_t chunk_number, std::uint32_t only) {
  const Chunk& chunk = *rows_.chunks()[chunk_number];
  Mask live{};
  for (std::size_t i = 0; i < kRowsPerChunk; ++i) {
    const bool counts = chunk.live[i] != 0 && (only == kNoSlot || only == chunk_number * kRowsPerChunk + i);
    live[i / 64] |= std::uint64_t{counts ? 1U : 0U} << (i % 64);
  }
  fails_.resize(tallies_.size());
  Counts counts;
  for (std::size_t reason = 0; reason < tallies_.size(); ++reason) {
    Mask& fails = fails_[reason];
    judgement_.mark(chunk, reason, fails);
    for (std::size_t w = 0; w < fails.size(); ++w) {
      fails[w] &= live[w];
      tallies_[reason].ruled.offers += static_cast<std::uint64_t>(std::popcount(fails[w]));
    }
    counts.add(fails);
  }
  const auto first = static_cast<std::uint32_t>(chunk_number * kRowsPerChunk);
  for (std::size_t w = 0; w < live.size(); ++w) {
    looked_at_ += static_cast<std::uint64_t>(std::popcount(live[w]));
    fitting_ += static_cast<std::uint64_t>(std::popcount(live[w] & ~counts.one[w]));
    const auto row = [&](std::size_t bit) { return rows_.row(first + static_cast<std::uint32_t>(64 * w + bit)); };
    for (std::size_t reason = 0; reason < tallies_.size(); ++reason) {
      const std::uint64_t fails = fails_[reason][w];
      for_each_bit(fails & ~counts.two[w], [&](std::size_t bit) { fails_alone(reason, row(bit)); });
      // Under `verified`, to drop the constraint on a figure that was not measured can be enough.
      if (!verified_ || is_builtin(reason) || !measurable_index(wanted_.where[reason].field)) continue;
      const std::uint64_t unverified = fails_[*verified_][w];
      for_each_bit(unverified & ~fails & ~counts.two[w],
                   [&](std::size_t bit) { frees_verified(reason, row(bit), false); });
      for_each_bit(unverified & fails & ~counts.more[w],
                   [&](std::size_t bit) { frees_verified(reason, row(bit), true); });
    }
  }
}

void Explainer::fails_alone(std::size_t reason, const Row& row) {
  Tally& tally = tallies_[reason];
  ++tally.ruled.only_this;
  note_value(tally, reason, row);
  // All else holds, and to drop a constraint changes no price.
  const auto price = is_builtin(reason) ? without(builtin(reason), row) : price_of(row, wanted_.demand);
  if (price) note_cheapest(tally, row, *price);
}

void Explainer::frees_verified(std::size_t reason, const Row& row, bool fails) {
  auto& where = relaxed_.where;
  where.erase(where.begin() + static_cast<std::ptrdiff_t>(reason));
  const auto price = price_if_fits(relaxed_, row);
  where = wanted_.where;
  if (!price) return;
  Tally& tally = tallies_[reason];
  ++tally.ruled.only_this;
  if (fails) note_value(tally, reason, row);
  note_cheapest(tally, row, *price);
}

void Explainer::note_cheapest(Tally& tally, const Row& row, const Price& price) {
  const Rank rank = rank_of(row, price);
  if (tally.slot != kNoSlot && !(rank < tally.cheapest)) return;
  tally.cheapest = rank;
  tally.slot = row.slot();
  tally.ruled.price = price;
  tally.ruled.offer = row.id();
}

std::uint64_t Explainer::nearest_duration(const Row& row) const {
  const auto asked = std::max(to_signed(wanted_.demand.duration_s), row.min_duration());
  return static_cast<std::uint64_t>(std::min(asked, row.max_duration()));
}

std::optional<Price> Explainer::without(Builtin builtin, const Row& row) {
  auto& demand = relaxed_.demand;
  switch (builtin) {
    case Builtin::open:
    case Builtin::reachable:
      return std::nullopt;
    case Builtin::excluded:
      relaxed_.excluded_providers.clear();
      break;
    case Builtin::capacity:
      demand.gpu_count = row.free_count();
      break;
    case Builtin::duration:
      demand.duration_s = nearest_duration(row);
      break;
    case Builtin::disk:
      demand.disk_bytes = static_cast<std::uint64_t>(row.free_disk());
      break;
    case Builtin::max_price:
      demand.max_price_per_gpu_hour = Money{};
      break;
    case Builtin::max_cost:
      demand.max_cost = Money{};
      break;
  }
  const auto price = price_if_fits(relaxed_, row);
  const auto& asked = wanted_.demand;
  demand.gpu_count = asked.gpu_count;
  demand.duration_s = asked.duration_s;
  demand.disk_bytes = asked.disk_bytes;
  demand.max_price_per_gpu_hour = asked.max_price_per_gpu_hour;
  demand.max_cost = asked.max_cost;
  if (builtin == Builtin::excluded) relaxed_.excluded_providers = wanted_.excluded_providers;
  return price;
}

void Explainer::note_value(Tally& tally, std::size_t reason, const Row& row) {
  if (is_builtin(reason)) return note_builtin(tally, builtin(reason), row);
  const auto& c = wanted_.where[reason];
  if (!model::is_number(c.field)) return;
  const auto price = c.field == WhereField::price ? price_of(row, wanted_.demand) : std::nullopt;
  const auto value = number_of(c.field, wanted_, row, price);
  if (value) tally.offer_value(*value, away_from(*value, c.number));
}

void Explainer::note_builtin(Tally& tally, Builtin builtin, const Row& row) {
  const auto& demand = wanted_.demand;
  if (builtin == Builtin::capacity) {
    tally.offer_value(row.free_count(), demand.gpu_count - row.free_count());
  } else if (builtin == Builtin::duration) {
    const auto nearest = to_signed(nearest_duration(row));
    tally.offer_value(nearest, away_from(nearest, to_signed(demand.duration_s)));
  } else if (builtin == Builtin::disk) {
    tally.offer_value(row.free_disk(), away_from(row.free_disk(), to_signed(demand.disk_bytes)));
  } else if (builtin == Builtin::max_price || builtin == Builtin::max_cost) {
    const auto price = price_of(row, demand);
    if (!price) return;
    const auto ceiling = builtin == Builtin::max_price ? std::optional(price->per_gpu_hour)
                                                       : least_cost(price->rate_per_hour, row.min_duration(),
                                                                    row.terms().storage_per_gib_hour, demand);
    if (ceiling) tally.offer_value(ceiling->micros, ceiling->micros);
  }
}

std::string Explainer::best_of(const Tally& tally, std::size_t reason) const {
  if (!is_builtin(reason)) {
    const auto field = wanted_.where[reason].field;
    const auto op = wanted_.where[reason].op;
    if (tally.nearest && is_size(field)) {
      return about_size(static_cast<std::uint64_t>(*tally.nearest),
                        op == model::WhereOp::less || op == model::WhereOp::less_equal);
    }
    if (tally.nearest) {
      return *tally.nearest == kNoMaximum ? "no maximum" : model::format_number(field, *tally.nearest);
    }
    return tally.slot == kNoSlot ? std::string() : text_of(field, rows_.row(tally.slot));
  }
  if (!tally.nearest) return {};
  switch (builtin(reason)) {
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
  const Rows& rows = impl_->rows;
  Explainer explainer(rows, wanted);
  if (wanted.demand.offer) {
    const std::uint32_t slot = rows.find(wanted.demand.offer);
    if (slot != kNoSlot) explainer.look_at(slot / kRowsPerChunk, slot);
  } else {
    for (std::size_t i = 0; i < rows.chunks().size(); ++i) explainer.look_at(i, kNoSlot);
  }
  Explanation explanation;
  explanation.ruled = explainer.finish();
  explanation.offers = explainer.looked_at();
  explanation.fitting = explainer.fitting();
  explanation.keeps = wanted.demand.keep_s > 0;
  return explanation;
}

}  // namespace hanse::market
