// Shelf by shelf, from the one that begins cheapest. What is known of a block of 256 offers — the range of each figure,
// the least price, the best reliability — passes over most; in the others a few packed codes are compared; what is left
// is looked at exactly. A shelf is left as soon as nothing behind can be better than what was found.

#include "market/search.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "base/check.hpp"

namespace hanse::market {
namespace {

__extension__ using Wide = __int128;
using model::WhereField;
using model::WhereOp;

constexpr std::int64_t kWhole = 10'000;    // basis points
constexpr std::int64_t kRounding = 1'001;  // what flooring can take from an expected cost, micro-credits

/// What of a demand is the same for every shelf, as ranges of codes. Everything here is necessary, not sufficient.
struct Sieve {
  std::vector<Filter> filters;
  std::uint32_t measured = 0;  ///< Bits that must be set.
  bool by_country = false;
  std::uint64_t country_bits = 0;  ///< Bit (country mod 64) of each that is allowed.
  std::bitset<kCountries> countries;
  /// Names of a list, where one range would not do.
  struct Names {
    Code code;
    std::bitset<(1U << 16U)> allowed;
  };
  std::vector<std::unique_ptr<Names>> names;
};

class SieveMaker {
 public:
  SieveMaker(const Rows& rows, const Wanted& wanted) : rows_(rows), wanted_(wanted) {}

  Sieve make() {
    const auto& demand = wanted_.demand;
    at_least(Code::free, demand.gpu_count);
    if (demand.duration_s != 0) {
      at_most(Code::min_duration, demand.duration_s);
      at_least(Code::max_duration, demand.duration_s);
    }
    if (demand.disk_bytes != 0) at_least(Code::free_disk, demand.disk_bytes);
    for (const auto& c : wanted_.where) add(c);
    std::stable_sort(sieve_.filters.begin(), sieve_.filters.end(), [](const Filter& a, const Filter& b) {
      return a.high - a.low < b.high - b.low;  // as a rule the narrowest leaves the fewest
    });
    return std::move(sieve_);
  }

 private:
  void at_least(Code code, std::uint64_t value) { range(code, code_of(value), UINT16_MAX); }
  void at_most(Code code, std::uint64_t value) { range(code, 0, code_of(value)); }
  void range(Code code, std::uint16_t low, std::uint16_t high) {
    for (auto& filter : sieve_.filters) {
      if (filter.code != code) continue;
      filter.low = std::max(filter.low, low);
      filter.high = std::min(filter.high, high);
      return;
    }
    sieve_.filters.push_back({code, low, high});
  }

  void add(const model::Constraint& c) {
    if (c.field == WhereField::country) return add_countries(c);
    if (c.field == WhereField::machine || c.field == WhereField::provider || c.field == WhereField::driver) {
      return add_names(c);
    }
    if (c.field == WhereField::verified) {
      sieve_.measured = constrained_figures(wanted_.where);
      return;
    }
    const std::uint64_t n = wanted_.demand.gpu_count;
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(c.number, 0));
    switch (c.field) {
      case WhereField::gpus:
        return bound(Code::gpus, c.op, value, value);
      case WhereField::vram:
        return bound(Code::vram, c.op, value, value);
      case WhereField::cpu:
        return bound(Code::cpu, c.op, value / n, (value + 1) / n);
      case WhereField::memory:
        return bound(Code::memory, c.op, value / n, (value + 1) / n);
      case WhereField::disk:
        return bound(Code::disk, c.op, value, value);
      case WhereField::inet_down:
        return bound(Code::inet_down, c.op, value, value);
      case WhereField::inet_up:
        return bound(Code::inet_up, c.op, value, value);
      case WhereField::reliability:
        return bound(Code::reliability, c.op, value / 1000, std::max<std::uint64_t>(value / 1000, 1));
      case WhereField::cuda:
        return bound(Code::cuda, c.op, value + 1, value + 1);
      case WhereField::duration:
        return bound(Code::max_duration, c.op, value, value);
      default:
        return;  // price differs from shelf to shelf; names are looked at exactly
    }
  }

  /// What holds the constraint is at least `low` where it bounds from below, and at most `high` where from above.
  void bound(Code code, WhereOp op, std::uint64_t low, std::uint64_t high) {
    if (op == WhereOp::equal || op == WhereOp::greater || op == WhereOp::greater_equal) at_least(code, low);
    if (op == WhereOp::equal || op == WhereOp::less || op == WhereOp::less_equal) at_most(code, high);
  }

  /// What is not to be cannot be told by a code: other names may have the same.
  void add_names(const model::Constraint& c) {
    if (c.op == WhereOp::not_equal || c.op == WhereOp::not_in) return;
    const Code code = c.field == WhereField::machine    ? Code::machine
                      : c.field == WhereField::provider ? Code::provider
                                                        : Code::driver;
    std::vector<std::uint16_t> codes;
    for (const auto& value : c.values) {
      if (code != Code::provider) {
        codes.push_back(code_of_name(value));
        continue;
      }
      for (const auto seller : rows_.sellers_called(value)) codes.push_back(static_cast<std::uint16_t>(seller));
    }
    std::sort(codes.begin(), codes.end());
    codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
    if (codes.empty()) return range(code, UINT16_MAX, 0);  // nobody is called so
    range(code, codes.front(), codes.back());
    if (codes.size() == 1) return;
    auto names = std::make_unique<Sieve::Names>();
    names->code = code;
    for (const auto one : codes) names->allowed.set(one);
    sieve_.names.push_back(std::move(names));
  }

  void add_countries(const model::Constraint& c) {
    std::bitset<kCountries> allowed;
    for (const auto& value : c.values) allowed.set(country_number(value));
    if (c.op == WhereOp::not_equal || c.op == WhereOp::not_in) allowed.flip();
    sieve_.countries = sieve_.by_country ? sieve_.countries & allowed : allowed;
    sieve_.by_country = true;
    sieve_.country_bits = 0;
    std::uint16_t first = UINT16_MAX, last = 0;
    for (std::size_t i = 0; i < kCountries; ++i) {
      if (!sieve_.countries[i]) continue;
      sieve_.country_bits |= std::uint64_t{1} << (i % 64);
      first = std::min(first, static_cast<std::uint16_t>(i));
      last = static_cast<std::uint16_t>(i);
    }
    range(Code::country, first, last);
  }

  const Rows& rows_;
  const Wanted& wanted_;
  Sieve sieve_;
};

/// A shelf as one demand sees it.
struct View {
  const Shelf* shelf = nullptr;
  const Terms* terms = nullptr;  ///< nullptr: each offer has its own.
  bool is_plain = false;         ///< The price is the posted one: the shelf's order is the order of what is found.
  std::int64_t off_bps = 0;      ///< (10000 − term) × (10000 − volume); 0 where unknown.
  std::vector<Filter> filters;
  std::int64_t first_cost = 0;  ///< No offer costs less.
};

class Search {
 public:
  Search(const Rows& rows, const Wanted& wanted, std::size_t limit)
      : rows_(rows), wanted_(wanted), limit_(limit), sieve_(SieveMaker(rows, wanted).make()) {}

  std::vector<Found> run(const Index& index) {
    if (limit_ == 0) return {};
    std::vector<View> views;
    for (const Shelf* shelf : index.shelves_for(wanted_.where)) views.push_back(view_of(*shelf));
    std::sort(views.begin(), views.end(), [](const View& a, const View& b) { return a.first_cost < b.first_cost; });
    for (const View& view : views) {
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
    View view{&shelf, nullptr, false, 0, sieve_.filters, 0};
    if (!shelf.key().mixed) {
      view.terms = &rows_.terms(shelf.key().terms);
      const auto price = price_at(view, 0);
      const std::int64_t term = price ? price->term_discount_bps : 0, volume = price ? price->volume_discount_bps : 0;
      view.off_bps = (kWhole - term) * (kWhole - volume);
      view.is_plain =
          term == 0 && volume == 0 && (demand.disk_bytes == 0 || view.terms->storage_per_gib_hour.micros == 0);
    }
    view.first_cost = least_cost_from(view, shelf.blocks().front()->cost[0]);
    add_price_filter(view);
    return view;
  }

  [[nodiscard]] std::optional<Price> price_at(const View& view, std::int64_t posted) const {
    const Terms& terms = *view.terms;
    return price_of({posted}, terms.term_discounts, terms.volume_discounts, terms.storage_per_gib_hour, wanted_.demand);
  }

  /// No offer at this place of the shelf's order, or behind it, costs less.
  static std::int64_t least_cost_from(const View& view, std::int64_t cost) {
    if (view.is_plain) return cost;
    const auto least = static_cast<Wide>(cost) * view.off_bps / (kWhole * kWhole);
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
      const auto rate = static_cast<Wide>(demand.max_cost.micros) * 3600;
      most = static_cast<std::int64_t>(std::min<Wide>(most, rate));
    }
    if (most == kMaxMoney.micros) return;
    const auto posted = (static_cast<Wide>(most) + 1) * (kWhole * kWhole) / view.off_bps + 1;
    const auto high = static_cast<std::uint64_t>(std::min<Wide>(posted, INT64_MAX));
    view.filters.insert(view.filters.begin(), {Code::price, 0, code_of(high)});
  }

  void look_through(const View& view) {
    for (const auto& block : view.shelf->blocks()) {
      if (is_full() && least_cost_from(view, block->cost[0]) > found_.back().rank.cost) return;
      if (!block->may_pass(view.filters) || (block->measured_by_any & sieve_.measured) != sieve_.measured) continue;
      if (sieve_.by_country && (block->countries & sieve_.country_bits) == 0) continue;
      if (!may_be_wanted(view, *block)) continue;
      if (!block->select(view.filters, passing_)) continue;
      if (!look_at_rows(view, *block)) return;
    }
  }

  /// Could any row of the block be better than what was found? Exact at its least price and best reliability.
  [[nodiscard]] bool may_be_wanted(const View& view, const Block& block) const {
    if (view.terms == nullptr || !is_full()) return true;
    std::int64_t cost = block.cost[0];
    if (!view.is_plain) {
      const auto price = price_at(view, block.least_price);
      if (!price) return false;  // dearer ones cannot be priced either
      cost = expected_cost(price->per_gpu_hour, 1000 * block.high[static_cast<std::size_t>(Code::reliability)]);
    }
    return Rank{cost, block.oldest.posted_at, block.oldest.id} < found_.back().rank;
  }

  /// False: nothing behind on this shelf can be better.
  bool look_at_rows(const View& view, const Block& block) {
    for (std::size_t i = 0; i < block.count; i += 4) {
      std::uint64_t four = 0;
      std::memcpy(&four, &passing_[i], sizeof four);
      if (four == 0) continue;
      for (std::size_t at = i; at < std::min(i + 4, block.count); ++at) {
        if (passing_[at] != 0 && !look_at(view, block, at)) return false;
      }
    }
    return true;
  }

  bool look_at(const View& view, const Block& block, std::size_t at) {
    if (view.is_plain && !is_wanted(block.place(at))) return false;
    if ((block.measured[at] & sieve_.measured) != sieve_.measured) return true;
    if (sieve_.by_country && !sieve_.countries[block.code(Code::country, at)]) return true;
    for (const auto& names : sieve_.names) {
      if (!names->allowed[block.code(names->code, at)]) return true;
    }
    if (!view.is_plain && view.terms != nullptr) {
      const auto price = price_at(view, block.price[at]);
      if (!price) return true;
      const std::int64_t cost =
          expected_cost(price->per_gpu_hour, 1000 * static_cast<std::int64_t>(block.code(Code::reliability, at)));
      if (!is_wanted({cost, {block.posted_at[at]}, {block.id[at]}})) return true;
    }
    const Row row = rows_.row(block.slot[at]);
    if (const auto price = price_if_fits(wanted_, row)) keep({rank_of(row, *price), row.slot(), *price});
    return true;
  }

  void keep(Found found) {
    if (!is_wanted(found.rank)) return;
    if (is_full()) found_.pop_back();
    const auto at = std::upper_bound(found_.begin(), found_.end(), found,
                                     [](const Found& a, const Found& b) { return a.rank < b.rank; });
    found_.insert(at, std::move(found));
  }

  const Rows& rows_;
  const Wanted& wanted_;
  const std::size_t limit_;
  const Sieve sieve_;
  std::vector<Found> found_;
  Block::Column<std::uint16_t> passing_{};
};

}  // namespace

std::vector<Found> search(const Rows& rows, const Index& index, const Wanted& wanted, std::size_t limit) {
  return Search(rows, wanted, limit).run(index);
}

}  // namespace hanse::market
