#include "market/sieve.hpp"

#include <algorithm>

namespace hanse::market {
namespace {

using model::WhereField;
using model::WhereOp;

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
      case WhereField::interconnect:
        return bound(Code::interconnect, c.op, value, value);
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
    allowed.reset(kNoCountry);
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

}  // namespace

Sieve sieve_of(const Rows& rows, const Wanted& wanted) {
  return SieveMaker(rows, wanted).make();
}

}  // namespace hanse::market
