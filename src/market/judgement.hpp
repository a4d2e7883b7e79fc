#pragma once

// What of a demand each offer fails, a chunk of offers at a time and a column at a time. Exact: it says of every offer
// what evaluate.hpp says. Inside the market.

#include <array>
#include <bitset>
#include <vector>

#include "market/evaluate.hpp"

namespace hanse::market {

/// Bit i of word w: row 64 w + i of the chunk.
using Mask = std::array<std::uint64_t, kRowsPerChunk / 64>;

/// For one demand over one state of the book.
class Judgement {
 public:
  Judgement(const Rows& rows, const Wanted& wanted);

  /// As many as there are reasons to fail: the constraints of `where`, then the builtins.
  [[nodiscard]] std::size_t reasons() const { return wanted_.where.size() + kBuiltins; }
  /// Marks the offers of a chunk that fail for that reason; what is not live may be marked too.
  void mark(const Chunk& chunk, std::size_t reason, Mask& fails);

 private:
  /// Posted prices of some terms at which something changes.
  struct Prices {
    bool known = false;
    std::int64_t priceable = -1;            ///< The dearest that has a price at all.
    std::int64_t affordable = -1;           ///< ... whose price max_price allows.
    std::int64_t payable = -1;              ///< ... whose whole lease costs an amount of money.
    std::vector<std::int64_t> reach, pass;  ///< Of each `price` constraint: the cheapest that is at least it, above it.
  };
  struct Shortest {  // the dearest posted price at which max_cost pays for the shortest lease
    std::uint32_t terms = UINT32_MAX;
    std::int64_t min_duration = 0;
    std::int64_t most = 0;
  };

  void mark_where(const Chunk& chunk, const model::Constraint& c, Mask& fails);
  void mark_number(const Chunk& chunk, const model::Constraint& c, Mask& fails);
  void mark_share(const Chunk& chunk, std::size_t figure, const model::Constraint& c, Mask& fails);
  void mark_price(const Chunk& chunk, const model::Constraint& c, Mask& fails);
  void mark_text(const Chunk& chunk, const model::Constraint& c, Mask& fails);
  void mark_builtin(const Chunk& chunk, Builtin builtin, Mask& fails);
  void mark_max_cost(const Chunk& chunk, Mask& fails);

  const Prices& prices_of(std::uint32_t terms) { return prices_[terms].known ? prices_[terms] : learn_prices(terms); }
  const Prices& learn_prices(std::uint32_t terms);
  std::int64_t most_for_shortest(std::uint32_t terms, std::int64_t min_duration);

  const Rows& rows_;
  const Wanted& wanted_;
  std::vector<Prices> prices_;  // by terms
  std::array<Shortest, 256> shortest_;
  std::vector<std::uint32_t> excluded_;              // sellers
  std::vector<std::vector<std::uint8_t>> verdicts_;  // by constraint, then by the number of a name
};

}  // namespace hanse::market
