#pragma once

// Offers of one GPU model under the same price terms, in the order of price ÷ reliability, age and id: packed boxes of
// codes, each with the range of every code in it, so that a search passes over most boxes and reads few bytes of the
// others. Inside the market; not thread-safe.

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "market/codes.hpp"
#include "market/evaluate.hpp"

namespace hanse::market {

inline constexpr std::size_t kRowsPerBox = 256;

/// An offer as the index holds it. `place.cost` is its posted price's expected cost: its place on the shelf.
struct Entry {
  Rank place;
  std::int64_t price = 0;
  std::uint32_t slot = 0;
  std::uint8_t measured = 0;
  std::array<std::uint16_t, kCodes> codes{};
};
[[nodiscard]] Entry entry_of(const Row& row);

/// What of an offer changes while it stands on its shelf.
enum class Change : std::uint8_t {
  leased,   ///< What is free of it.
  standing  ///< Its price list, or its provider's reliability or being reachable.
};

/// A range that a code must lie in.
struct Filter {
  Code code = Code::free;
  std::uint16_t low = 0;
  std::uint16_t high = UINT16_MAX;
};

class Shelf;

struct Box {
  template <class T>
  using Column = std::array<T, kRowsPerBox>;

  Shelf* shelf = nullptr;
  std::size_t count = 0;
  // What holds of every row. Rows that go or change leave it as wide as it was for a while.
  std::array<std::uint16_t, kCodes> low{}, high{};  ///< The range of each code.
  std::int64_t least_price = 0;
  Rank oldest;  ///< Without regard to cost.
  std::uint8_t measured_by_any = 0;
  std::uint64_t countries = 0;  ///< Bit (country mod 64) of each.
  std::uint32_t outdated = 0;   ///< Changes since it was last fitted.
  alignas(64) std::array<Column<std::uint16_t>, kCodes> codes;
  Column<std::int64_t> cost, price, posted_at;
  Column<std::uint64_t> id;
  Column<std::uint32_t> slot;
  Column<std::uint8_t> measured;

  [[nodiscard]] Rank place(std::size_t at) const { return {cost[at], {posted_at[at]}, {id[at]}}; }
  [[nodiscard]] std::uint16_t code(Code which, std::size_t at) const {
    return codes[static_cast<std::size_t>(which)][at];
  }
  /// False: no row passes them all.
  [[nodiscard]] bool may_pass(std::span<const Filter> filters) const;
  /// Marks (non-zero) the rows that pass; false if none does.
  bool select(std::span<const Filter> filters, Column<std::uint16_t>& passing) const;
};

/// Who shares a shelf. `mixed`: all that found no shelf of their own.
struct ShelfKey {
  bool mixed = false;  ///< In order it comes last.
  std::uint32_t model = 0, terms = 0;
  std::uint8_t kind = 0;

  auto operator<=>(const ShelfKey&) const = default;
  bool operator==(const ShelfKey&) const = default;
};

class Shelf {
 public:
  /// `box_of[slot]` is kept in step; the caller keeps it as long as all slots.
  Shelf(ShelfKey key, std::vector<Box*>& box_of) : key_(key), box_of_(box_of) {}
  Shelf(const Shelf&) = delete;
  Shelf& operator=(const Shelf&) = delete;

  [[nodiscard]] const ShelfKey& key() const { return key_; }
  [[nodiscard]] std::span<const std::unique_ptr<Box>> boxes() const { return boxes_; }

  void insert(const Entry& entry);
  void erase(std::uint32_t slot);
  /// After the change of a row that stands here. It is moved where that changes its place, which may leave the shelf
  /// without boxes in between.
  void refresh(const Row& row, Change change);

 private:
  [[nodiscard]] std::size_t box_for(const Rank& place) const;
  [[nodiscard]] std::size_t index_of(const Box& box) const;
  void put(Box& box, const Entry& entry);
  void split(std::size_t index);  ///< Its upper part becomes a box of its own behind it.
  void merge(std::size_t index);  ///< With the next, where both are nearly empty.

  void note_first(std::size_t index) { firsts_[index] = boxes_[index]->place(0); }

  ShelfKey key_;
  std::vector<Box*>& box_of_;
  std::vector<std::unique_ptr<Box>> boxes_;
  std::vector<Rank> firsts_;  // the place of each box's first row
};

}  // namespace hanse::market
