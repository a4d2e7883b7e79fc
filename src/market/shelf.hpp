#pragma once

// Offers of one GPU model under the same price terms, in the order of price ÷ reliability, age and id: a tree of crates
// of boxes of rows, of which a search passes over most. Inside the market; not thread-safe.

#include <vector>

#include "market/crate.hpp"

namespace hanse::market {

/// What of an offer changes while it stands on its shelf.
enum class Change : std::uint8_t {
  leased,   ///< What is free of it.
  standing  ///< Its price list, or its provider's reliability or being reachable.
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
  /// None is empty.
  [[nodiscard]] std::span<const std::unique_ptr<Crate>> crates() const { return crates_; }

  void insert(const Entry& entry);
  void erase(std::uint32_t slot);
  /// After the change of a row that stands here. It is moved where that changes its place, which may leave the shelf
  /// without crates in between.
  void refresh(const Row& row, Change change);

 private:
  [[nodiscard]] std::size_t crate_for(const Rank& place) const;
  [[nodiscard]] std::size_t index_of(const Crate& crate) const;
  /// Their upper part becomes one of its own behind them.
  void split_box(Crate& crate, std::size_t at);
  void split_crate(std::size_t index);
  /// With the next, where both are nearly empty.
  void merge_box(Crate& crate, std::size_t at);
  void merge_crate(std::size_t index);
  void note_first(std::size_t index) { firsts_[index] = crates_[index]->first(0); }
  void remove_crate(std::size_t index);

  ShelfKey key_;
  std::vector<Box*>& box_of_;
  std::vector<std::unique_ptr<Crate>> crates_;
  std::vector<Rank> firsts_;  // the place of each crate's first row
};

}  // namespace hanse::market
