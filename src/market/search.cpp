// Where the demand names machines or providers, those few are looked at. Else shelf by shelf, from the one that begins
// cheapest. What is known of a box of 32 offers — the range of each figure, the least price, the best reliability —
// passes over most; in the others a few packed codes are compared; what is left is looked at exactly. A shelf is left
// as soon as nothing behind can be better than what was found.

#include "market/search.hpp"

#include <algorithm>
#include <bit>

#include "base/int128.hpp"
#include "market/sieve.hpp"

namespace hanse::market {
namespace {

using model::WhereField;
using model::WhereOp;

constexpr std::size_t kSample = 8;         // boxes
constexpr std::size_t kFetched = 2;        // codes
constexpr std::int64_t kRounding = 1'001;  // what flooring can take from an expected cost, micro-credits

/// A shelf as one demand sees it.
struct View {
  const Shelf* shelf = nullptr;
  const Terms* terms = nullptr;     ///< nullptr: each offer has its own.
  bool is_plain = false;            ///< The price is the posted one: the shelf's order is the order of what is found.
  std::int64_t off_bps = 0;         ///< (10000 − term) × (10000 − volume); 0 where unknown.
  std::vector<Filter> filters;      ///< As crates are sifted: the narrowest first.
  std::vector<Filter> row_filters;  ///< As boxes are.
  std::int64_t first_cost = 0;      ///< No offer costs less.
};

class Search {
 public:
  Search(const Rows& rows, const Wanted& wanted, std::size_t limit)
      : rows_(rows), wanted_(wanted), limit_(limit), sieve_(sieve_of(rows, wanted)) {}

  std::vector<Found> run(const Index& index) {
    if (limit_ == 0) return {};
    if (const auto named = rows_.named(wanted_.where)) {
      for (const std::uint32_t slot : *named) look_at(rows_.row(slot));
      return std::move(found_);
    }
    std::vector<View> views;
    for (const Shelf* shelf : index.shelves_for(wanted_.where)) views.push_back(view_of(*shelf));
    std::sort(views.begin(), views.end(), [](const View& a, const View& b) { return a.first_cost < b.first_cost; });
    for (View& view : views) {
      if (is_full() && view.first_cost > found_.back().rank.cost) break;
      look_through(view);
    }
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool is_full() const { return found_.size() == limit_; }
  [[nodiscard]] bool is_wanted(const Rank& rank) const { return !is_full() || rank < found_.back().rank; }

  View view_of(const Shelf& shelf) {
    const auto& demand = wanted_.demand;
    View view{&shelf, nullptr, false, 0, sieve_.filters, {}, 0};
    if (!shelf.key().mixed) {
      view.terms = &rows_.terms(shelf.key().terms);
      const auto price = price_at(view, 0);
      const std::int64_t term = price ? price->term_discount_bps : 0, volume = price ? price->volume_discount_bps : 0;
      view.off_bps = (kWholeBps - term) * (kWholeBps - volume);
      view.is_plain =
          term == 0 && volume == 0 && (demand.disk_bytes == 0 || view.terms->storage_per_gib_hour.micros == 0);
    }
    view.first_cost = least_cost_from(view, shelf.crates().front()->first(0).cost);
    add_price_filter(view);
    view.row_filters = view.filters;
    return view;
  }

  [[nodiscard]] std::optional<Price> price_at(const View& view, std::int64_t posted) const {
    const Terms& terms = *view.terms;
    return price_of({posted}, terms.term_discounts, terms.volume_discounts, terms.storage_per_gib_hour, wanted_.demand);
  }

  /// No offer at this place of the shelf's order, or behind it, costs less.
  static std::int64_t least_cost_from(const View& view, std::int64_t cost) {
    if (view.is_plain) return cost;
    const auto least = static_cast<Int128>(cost) * view.off_bps / (kWholeBps * kWholeBps);
    return std::max<std::int64_t>(static_cast<std::int64_t>(least) - kRounding, 0);
  }

  /// The posted price that a ceiling on the whole price leaves at most.
  void add_price_filter(View& view) const {
    if (view.off_bps == 0) return;
    std::int64_t most = kMaxMoney.micros;
    const auto& demand = wanted_.demand;
    if (demand.max_price_per_gpu_hour.micros != 0) most = std::min(most, demand.max_price_per_gpu_hour.micros);
    for (const auto& c : wanted_.where) {
      const bool from_above = c.op == WhereOp::less || c.op == WhereOp::less_equal || c.op == WhereOp::equal;
      if (c.field == WhereField::price && from_above) most = std::min(most, c.number);
    }
    if (demand.max_cost.micros != 0) {  // it pays for a second at least
      const auto rate = static_cast<Int128>(demand.max_cost.micros) * 3600;
      most = static_cast<std::int64_t>(std::min<Int128>(most, rate));
    }
    if (most == kMaxMoney.micros) return;
    const auto posted = (static_cast<Int128>(most) + 1) * (kWholeBps * kWholeBps) / view.off_bps + 1;
    const auto high = static_cast<std::uint64_t>(std::min<Int128>(posted, INT64_MAX));
    view.filters.insert(view.filters.begin(), {Code::price, 0, code_of(high)});
  }

  void look_through(View& view) {
    const auto crates = view.shelf->crates();
    for (std::size_t i = 0; i < crates.size(); ++i) {
      if (is_over(view, crates[i]->first(0))) return;
      if (i == 1) sort_filters(view, *crates[0]);
      const std::uint64_t marked = crates[i]->select(view.filters);
      if (i > 0) fetch(view, *crates[i], marked);
      for (std::uint64_t boxes = marked; boxes != 0; boxes &= boxes - 1) {
        const auto at = static_cast<std::size_t>(std::countr_zero(boxes));
        if (is_over(view, crates[i]->first(at)) || !look_at_box(view, *crates[i], at)) return;
      }
    }
  }

  /// Where a search is not over soon, the filter that the fewest rows pass comes first: most boxes then need no other.
  void sort_filters(View& view, const Crate& sample) {
    if (!is_sampled_) {
      is_sampled_ = true;
      for (const Filter& filter : view.row_filters) {
        auto& passing = passing_[static_cast<std::size_t>(filter.code)];
        for (std::size_t at = 0; at < std::min(sample.size(), kSample); ++at) {
          passing += std::popcount(sample.box(at).select(sample.rows(at), {&filter, 1}));
        }
      }
    }
    std::sort(view.row_filters.begin(), view.row_filters.end(), [&](const Filter& a, const Filter& b) {
      const auto of = [&](Code code) { return std::pair(passing_[static_cast<std::size_t>(code)], code); };
      return of(a.code) < of(b.code);
    });
  }

  /// The boxes lie anywhere in memory: what will be read of them is asked for all at once.
  static void fetch(const View& view, const Crate& crate, std::uint64_t boxes) {
    for (; boxes != 0; boxes &= boxes - 1) {
      const Box& box = crate.box(static_cast<std::size_t>(std::countr_zero(boxes)));
      for (std::size_t i = 0; i < std::min(view.row_filters.size(), kFetched); ++i) {
        __builtin_prefetch(&box.codes[static_cast<std::size_t>(view.row_filters[i].code)]);
      }
    }
  }

  /// Nothing from this place on can be better than what was found.
  [[nodiscard]] bool is_over(const View& view, const Rank& place) const {
    return is_full() && least_cost_from(view, place.cost) > found_.back().rank.cost;
  }

  /// False: nothing behind on this shelf can be better.
  bool look_at_box(const View& view, const Crate& crate, std::size_t at) {
    if ((crate.measured_by_any(at) & sieve_.measured) != sieve_.measured) return true;
    if (sieve_.by_country && (crate.countries(at) & sieve_.country_bits) == 0) return true;
    if (!may_be_wanted(view, crate, at)) return true;
    const Box& box = crate.box(at);
    for (std::uint32_t rows = box.select(crate.rows(at), crate.open_filters(at, view.row_filters, open_)); rows != 0;
         rows &= rows - 1) {
      if (!look_at(view, box, static_cast<std::size_t>(std::countr_zero(rows)))) return false;
    }
    return true;
  }

  /// Could any row of the box be better than what was found? Exact at its least price and best reliability.
  [[nodiscard]] bool may_be_wanted(const View& view, const Crate& crate, std::size_t at) const {
    if (view.terms == nullptr || !is_full()) return true;
    const Box& box = crate.box(at);
    std::int64_t cost = crate.first(at).cost;
    if (!view.is_plain) {
      const auto price = price_at(view, box.least_price);
      if (!price) return false;  // dearer ones cannot be priced either
      cost = expected_cost(price->per_gpu_hour, 1000 * crate.high(Code::reliability, at));
    }
    return Rank{cost, box.oldest.posted_at, box.oldest.id} < found_.back().rank;
  }

  bool look_at(const View& view, const Box& box, std::size_t at) {
    if (view.is_plain && !is_wanted(box.place(at))) return false;
    if ((box.measured[at] & sieve_.measured) != sieve_.measured) return true;
    if (sieve_.by_country && !sieve_.countries[box.code(Code::country, at)]) return true;
    for (const auto& names : sieve_.names) {
      if (!names->allowed[box.code(names->code, at)]) return true;
    }
    if (!view.is_plain && view.terms != nullptr) {
      const auto price = price_at(view, box.price[at]);
      if (!price) return true;
      const std::int64_t cost =
          expected_cost(price->per_gpu_hour, 1000 * static_cast<std::int64_t>(box.code(Code::reliability, at)));
      if (!is_wanted({cost, {box.posted_at[at]}, {box.id[at]}})) return true;
    }
    look_at(rows_.row(box.slot[at]));
    return true;
  }

  void look_at(const Row& row) {
    if (const auto price = price_if_fits(wanted_, row)) keep({rank_of(row, *price), row.slot(), *price});
  }

  void keep(const Found& found) {
    if (!is_wanted(found.rank)) return;
    if (is_full()) found_.pop_back();
    const auto at = std::upper_bound(found_.begin(), found_.end(), found,
                                     [](const Found& a, const Found& b) { return a.rank < b.rank; });
    found_.insert(at, found);
  }

  const Rows& rows_;
  const Wanted& wanted_;
  const std::size_t limit_;
  const Sieve sieve_;
  std::vector<Found> found_;
  std::array<Filter, kCodes> open_{};
  bool is_sampled_ = false;
  std::array<int, kCodes> passing_{};  // of the sample's rows
};

}  // namespace

std::vector<Found> search(const Rows& rows, const Index& index, const Wanted& wanted, std::size_t limit) {
  return Search(rows, wanted, limit).run(index);
}

}  // namespace hanse::market
