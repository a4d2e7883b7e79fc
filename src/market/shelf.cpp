#include "market/shelf.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::market {

std::size_t Shelf::crate_for(const Rank& place) const {
  const auto after = std::upper_bound(firsts_.begin(), firsts_.end(), place);
  return after == firsts_.begin() ? 0 : static_cast<std::size_t>(after - firsts_.begin()) - 1;
}

std::size_t Shelf::index_of(const Crate& crate) const {
  const std::size_t index = crate_for(crate.first(0));
  HANSE_CHECK(crates_[index].get() == &crate);
  return index;
}

void Shelf::insert(const Entry& entry) {
  if (crates_.empty()) {
    crates_.push_back(std::make_unique<Crate>(this));
    crates_[0]->insert(0, std::make_unique<Box>());
    firsts_.push_back(entry.place);
  }
  std::size_t index = crate_for(entry.place);
  std::size_t at = crates_[index]->box_for(entry.place);
  if (crates_[index]->box(at).count == kRowsPerBox) {
    if (crates_[index]->size() == Crate::kMostBoxes) {
      split_crate(index);
      index = crate_for(entry.place);
      at = crates_[index]->box_for(entry.place);
    }
    split_box(*crates_[index], at);
    at = crates_[index]->box_for(entry.place);
  }
  Crate& crate = *crates_[index];
  Box& box = crate.box(at);
  const std::size_t row = box.lower_bound(entry.place);
  box.open(row);
  box.set(row, entry);
  box_of_[entry.slot] = &box;
  if (box.count == 1) {
    crate.fit(at);
  } else {
    crate.widen(at, row);
  }
  note_first(index);
}

void Shelf::split_box(Crate& crate, std::size_t at) {
  // Ascending inserts, as loading makes them, leave nearly full boxes behind.
  const bool is_last = at + 1 == crate.size() && crates_.back().get() == &crate;
  const std::size_t kept = is_last ? kRowsPerBox * 15 / 16 : kRowsPerBox / 2;
  Box& lower = crate.box(at);
  auto upper = std::make_unique<Box>();
  upper->append(lower, kept);
  lower.count = kept;
  for (std::size_t row = 0; row < upper->count; ++row) box_of_[upper->slot[row]] = upper.get();
  crate.insert(at + 1, std::move(upper));
  crate.fit(at);
  crate.fit(at + 1);
}

void Shelf::split_crate(std::size_t index) {
  Crate& lower = *crates_[index];
  auto upper = std::make_unique<Crate>(this);
  const bool is_last = index + 1 == crates_.size();
  const std::size_t kept = is_last ? Crate::kMostBoxes * 15 / 16 : Crate::kMostBoxes / 2;
  while (lower.size() > kept) {
    upper->insert(0, lower.remove(lower.size() - 1));
    upper->fit(0);
  }
  firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(index) + 1, upper->first(0));
  crates_.insert(crates_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
}

void Shelf::merge_box(Crate& crate, std::size_t at) {
  if (at + 1 >= crate.size()) return;
  Box& lower = crate.box(at);
  if (lower.count + crate.box(at + 1).count > kRowsPerBox / 2) return;
  const auto upper = crate.remove(at + 1);
  for (std::size_t row = 0; row < upper->count; ++row) box_of_[upper->slot[row]] = &lower;
  lower.append(*upper, 0);
  crate.fit(at);
}

void Shelf::merge_crate(std::size_t index) {
  if (index + 1 >= crates_.size()) return;
  Crate& lower = *crates_[index];
  Crate& upper = *crates_[index + 1];
  if (lower.size() + upper.size() > Crate::kMostBoxes / 2) return;
  while (upper.size() > 0) {
    lower.insert(lower.size(), upper.remove(0));
    lower.fit(lower.size() - 1);
  }
  remove_crate(index + 1);
}

void Shelf::remove_crate(std::size_t index) {
  firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(index));
  crates_.erase(crates_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Shelf::erase(std::uint32_t slot) {
  Box& box = *box_of_[slot];
  Crate& crate = *box.crate;
  const std::size_t index = index_of(crate);
  const std::size_t at = crate.index_of(box);
  box_of_[slot] = nullptr;
  if (box.count > 1) {
    box.close(box.row_of(slot));
    crate.outdate(at);
    if (box.count <= kRowsPerBox / 4) {
      merge_box(crate, at);
      if (at > 0) merge_box(crate, at - 1);
    }
  } else {
    crate.remove(at);
    if (crate.size() == 0) return remove_crate(index);
  }
  note_first(index);
  if (crate.size() > Crate::kMostBoxes / 4) return;
  merge_crate(index);
  if (index > 0) merge_crate(index - 1);
}

void Shelf::refresh(const Row& row, Change change) {
  Box& box = *box_of_[row.slot()];
  Crate& crate = *box.crate;
  const std::size_t at = crate.index_of(box);
  const std::size_t in_box = box.row_of(row.slot());
  if (change == Change::leased) {
    Entry entry;
    set_leased(entry, row);
    for (const Code code : kLeasedCodes) {
      const auto which = static_cast<std::size_t>(code);
      box.codes[which][in_box] = entry.codes[which];
    }
    crate.widen(at, in_box, kLeasedCodes);
    return crate.outdate(at);
  }
  Entry entry = box.entry(in_box);
  set_standing(entry, row);
  if (box.place(in_box) != entry.place) {
    erase(row.slot());
    return insert(entry);
  }
  box.set(in_box, entry);
  crate.widen(at, in_box);
  crate.outdate(at);
}

}  // namespace hanse::market
