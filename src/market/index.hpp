#pragma once

// All shelves, and which of them a demand need look at. Inside the market; not thread-safe.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "market/shelf.hpp"

namespace hanse::market {

class Index {
 public:
  /// Beyond so many shelves offers of new models or terms share one: a search looks at each shelf that it cannot rule
  /// out, and nobody shall make it look at a million.
  static constexpr std::size_t kMaxShelves = 4096;

  void add(const Row& row);
  void remove(const Row& row);
  void refresh(const Row& row, Change change);

  /// The shelves whose GPU model and kind the constraints allow, and the mixed one.
  [[nodiscard]] std::vector<const Shelf*> shelves_for(const model::Where& where) const;

 private:
  using Shelves = std::vector<Shelf*>;
  Shelf& shelf_for(const Row& row);

  std::vector<Box*> box_of_;  // by slot
  std::map<ShelfKey, std::unique_ptr<Shelf>> shelves_;
  std::map<std::string, Shelves, std::less<>> by_model_;  // folded
};

}  // namespace hanse::market
