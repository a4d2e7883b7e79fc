#pragma once

// The rows of a shelf, 32 to a box: packed columns of codes, each a cache line, so that a search reads few bytes of
// them. Inside the market; not thread-safe.

#include <array>
#include <span>

#include "market/codes.hpp"
#include "market/evaluate.hpp"

namespace hanse::market {

inline constexpr std::size_t kRowsPerBox = 32;

/// A range that a code must lie in. Of one code a demand has one at most.
struct Filter {
  Code code = Code::free;
  std::uint16_t low = 0;
  std::uint16_t high = UINT16_MAX;
};

class Crate;

/// An offer as the index holds it. `place.cost` is its posted price's expected cost: its place on the shelf.
struct Entry {
  Rank place;
  std::int64_t price = 0;
  std::uint32_t slot = 0;
  std::uint8_t measured = 0;
  std::array<std::uint16_t, kCodes> codes{};
};
[[nodiscard]] Entry entry_of(const Row& row);
/// What leasing changes of an entry, and the codes that it sets.
void set_leased(Entry& entry, const Row& row);
inline constexpr std::array kLeasedCodes{Code::free, Code::disk, Code::free_disk};
/// What a price list, and its provider's reliability and being reachable, change of an entry.
void set_standing(Entry& entry, const Row& row);

struct Box {
  template <class T>
  using Column = std::array<T, kRowsPerBox>;

  Crate* crate = nullptr;
  std::size_t count = 0;
  // What holds of every row. Rows that go or change leave it as wide as it was for a while.
  std::int64_t least_price = 0;
  Rank oldest;                 ///< Without regard to cost.
  std::uint32_t outdated = 0;  ///< Changes since it was last fitted.
  alignas(64) std::array<Column<std::uint16_t>, kCodes> codes;
  Column<std::int64_t> cost, price, posted_at;
  Column<std::uint64_t> id;
  Column<std::uint32_t> slot;
  Column<std::uint8_t> measured;

  [[nodiscard]] Rank place(std::size_t at) const { return {cost[at], {posted_at[at]}, {id[at]}}; }
  [[nodiscard]] std::uint16_t code(Code which, std::size_t at) const {
    return codes[static_cast<std::size_t>(which)][at];
  }
  /// Which of its `rows` rows pass them all, as bits; the count is passed in so that nothing else is read.
  [[nodiscard]] std::uint32_t select(std::size_t rows, std::span<const Filter> filters) const;
  /// Where the offer stands, which must be in it.
  [[nodiscard]] std::size_t row_of(std::uint32_t slot) const;
  /// The first row that is not before that place.
  [[nodiscard]] std::size_t lower_bound(const Rank& place) const;
  [[nodiscard]] Entry entry(std::size_t at) const;
  void set(std::size_t at, const Entry& entry);

  /// Makes room at `at`, or closes the gap there; the count is changed.
  void open(std::size_t at);
  void close(std::size_t at);
  /// Adds the rows of `from` that begin at `first_row`.
  void append(const Box& from, std::size_t first_row);

  void widen(std::size_t at);
  void fit();
};

}  // namespace hanse::market
