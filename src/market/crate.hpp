#pragma once

// Up to 64 boxes of a shelf, in its order, and what holds of every row in each: the range of each code and more, in
// columns with one entry a box, so that a filter is held against all of them in a few instructions and without touching
// any. Inside the market; not thread-safe.

#include <memory>

#include "market/box.hpp"

namespace hanse::market {

class Shelf;

class Crate {
 public:
  static constexpr std::size_t kMostBoxes = 64;

  explicit Crate(Shelf* shelf) : shelf_(shelf) {}

  [[nodiscard]] Shelf& shelf() const { return *shelf_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Box& box(std::size_t at) const { return *boxes_[at]; }
  [[nodiscard]] Box& box(std::size_t at) { return *boxes_[at]; }
  /// The place of the box's first row.
  [[nodiscard]] const Rank& first(std::size_t at) const { return firsts_[at]; }
  [[nodiscard]] std::size_t rows(std::size_t at) const { return rows_[at]; }
  [[nodiscard]] std::uint16_t high(Code code, std::size_t at) const {
    return high_[static_cast<std::size_t>(code)][at];
  }
  [[nodiscard]] std::uint8_t measured_by_any(std::size_t at) const { return measured_[at]; }
  /// Bit (country mod 64) of each.
  [[nodiscard]] std::uint64_t countries(std::size_t at) const { return countries_[at]; }

  /// Which boxes may have rows that pass them all, as bits.
  [[nodiscard]] std::uint64_t select(std::span<const Filter> filters) const;
  /// Those of the filters that rows of the box may fail, in `out`.
  std::span<const Filter> open_filters(std::size_t at, std::span<const Filter> filters,
                                       std::array<Filter, kCodes>& out) const;

  /// The last box that begins at or before the place; the first where none does.
  [[nodiscard]] std::size_t box_for(const Rank& place) const;
  [[nodiscard]] std::size_t index_of(const Box& box) const;

  /// Nothing is known of a new box until it is fitted.
  void insert(std::size_t at, std::unique_ptr<Box> box);
  std::unique_ptr<Box> remove(std::size_t at);
  /// To its rows as they are. Changes in between leave what is known as wide as it was.
  void fit(std::size_t at);
  /// After a row came or changed.
  void widen(std::size_t at, std::size_t row);
  /// After these codes of a row changed.
  void widen(std::size_t at, std::size_t row, std::span<const Code> codes);
  /// After rows went or changed: fits it now and then.
  void outdate(std::size_t at);

 private:
  void note(std::size_t at);
  void widen_code(std::size_t at, std::size_t code, std::uint16_t value);

  template <class T>
  using Column = std::array<T, kMostBoxes>;

  Shelf* shelf_;
  std::size_t size_ = 0;
  alignas(64) std::array<Column<std::uint16_t>, kCodes> low_{}, high_{};
  Column<std::uint64_t> countries_{};
  Column<std::uint8_t> rows_{}, measured_{};
  Column<Rank> firsts_{};
  Column<std::unique_ptr<Box>> boxes_;
};

}  // namespace hanse::market
