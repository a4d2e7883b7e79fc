#include "market/shelf.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::market {
namespace {

std::uint64_t bit_of(std::uint16_t country) {
  return std::uint64_t{1} << (country % 64U);
}

std::uint64_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

/// A share of one device, floored: a share of n devices is at least x only if this is at least x ÷ n, floored.
std::uint64_t per_device(std::int64_t total, std::uint32_t devices) {
  return unsigned_of(total) / std::max(devices, 1U);
}

constexpr auto kCountry = static_cast<std::size_t>(Code::country);

/// Moves rows [from, count) by `by` places.
void shift(Box& box, std::size_t from, std::ptrdiff_t by) {
  const auto move = [&](auto& column) {
    const auto begin = column.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = column.begin() + static_cast<std::ptrdiff_t>(box.count);
    if (by > 0) {
      std::move_backward(begin, end, end + by);
    } else {
      std::move(begin, end, begin + by);
    }
  };
  for (auto& column : box.codes) move(column);
  move(box.cost), move(box.price), move(box.posted_at), move(box.id), move(box.slot), move(box.measured);
}

/// Adds the rows of `from` that begin at `first`.
void append(Box& to, const Box& from, std::size_t first) {
  const auto copy = [&](const auto& source, auto& target) {
    std::copy(source.begin() + static_cast<std::ptrdiff_t>(first),
              source.begin() + static_cast<std::ptrdiff_t>(from.count),
              target.begin() + static_cast<std::ptrdiff_t>(to.count));
  };
  for (std::size_t i = 0; i < kCodes; ++i) copy(from.codes[i], to.codes[i]);
  copy(from.cost, to.cost), copy(from.price, to.price), copy(from.posted_at, to.posted_at);
  copy(from.id, to.id), copy(from.slot, to.slot), copy(from.measured, to.measured);
  to.count += from.count - first;
}

void set_row(Box& box, std::size_t at, const Entry& entry) {
  for (std::size_t i = 0; i < kCodes; ++i) box.codes[i][at] = entry.codes[i];
  box.cost[at] = entry.place.cost;
  box.price[at] = entry.price;
  box.posted_at[at] = entry.place.posted_at.ms;
  box.id[at] = entry.place.id.value;
  box.slot[at] = entry.slot;
  box.measured[at] = entry.measured;
}

Rank age_of(const Box& box, std::size_t at) {
  return {0, {box.posted_at[at]}, {box.id[at]}};
}

void widen_code(Box& box, std::size_t code, std::size_t at) {
  box.low[code] = std::min(box.low[code], box.codes[code][at]);
  box.high[code] = std::max(box.high[code], box.codes[code][at]);
}

void widen(Box& box, std::size_t at) {
  for (std::size_t i = 0; i < kCodes; ++i) widen_code(box, i, at);
  box.least_price = std::min(box.least_price, box.price[at]);
  box.oldest = std::min(box.oldest, age_of(box, at));
  box.measured_by_any |= box.measured[at];
  box.countries |= bit_of(box.codes[kCountry][at]);
}

void fit_code(Box& box, std::size_t code) {
  std::uint16_t low = UINT16_MAX, high = 0;
  for (std::size_t i = 0; i < box.count; ++i) {
    low = std::min(low, box.codes[code][i]);
    high = std::max(high, box.codes[code][i]);
  }
  box.low[code] = low;
  box.high[code] = high;
}

void fit_rest(Box& box) {
  box.least_price = INT64_MAX;
  box.oldest = {INT64_MAX, {}, {}};
  box.measured_by_any = 0;
  box.countries = 0;
  for (std::size_t i = 0; i < box.count; ++i) {
    box.least_price = std::min(box.least_price, box.price[i]);
    box.oldest = std::min(box.oldest, age_of(box, i));
    box.measured_by_any |= box.measured[i];
    box.countries |= bit_of(box.codes[kCountry][i]);
  }
}

constexpr std::uint32_t kMostOutdated = 64;

void fit(Box& box) {
  box.outdated = 0;
  for (std::size_t i = 0; i < kCodes; ++i) fit_code(box, i);
  fit_rest(box);
}

void outdate(Box& box) {
  if (++box.outdated > kMostOutdated) fit(box);
}

std::size_t row_of(const Box& box, std::uint32_t slot) {
  // Without an early exit within a group, so that it is compared in a few instructions.
  constexpr std::size_t kGroup = 32;
  static_assert(kRowsPerBox % kGroup == 0);
  for (std::size_t begin = 0; begin < box.count; begin += kGroup) {
    std::uint32_t any = 0;
    for (std::size_t i = begin; i < begin + kGroup; ++i) any |= static_cast<std::uint32_t>(box.slot[i] == slot);
    if (any == 0) continue;
    const auto from = box.slot.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto at = static_cast<std::size_t>(std::find(from, from + kGroup, slot) - box.slot.begin());
    if (at < box.count) return at;  // behind the last row lies what once was there
  }
  HANSE_CHECK(false);
}

void set_code(Entry& entry, Code code, std::uint64_t value) {
  entry.codes[static_cast<std::size_t>(code)] = code_of(value);
}

void set_leased(Entry& entry, const Row& row) {
  set_code(entry, Code::free, row.open() && row.reachable() ? row.free_count() : 0);
  set_code(entry, Code::disk, unsigned_of(row.figure(3) - row.leased_disk()));
  set_code(entry, Code::free_disk, unsigned_of(row.free_disk()));
}
constexpr std::array kLeasedCodes{Code::free, Code::disk, Code::free_disk};

void set_standing(Entry& entry, const Row& row) {
  const bool priced = is_valid(row.price());
  entry.price = priced ? row.price().micros : INT64_MAX;  // what cannot be priced comes last
  const std::int64_t reliability = row.reliability();
  entry.place = {priced ? expected_cost(row.price(), reliability) : INT64_MAX, row.posted_at(), row.id()};
  set_code(entry, Code::free, row.open() && row.reachable() ? row.free_count() : 0);
  set_code(entry, Code::price, unsigned_of(entry.price));
  set_code(entry, Code::min_duration, unsigned_of(row.min_duration()));
  set_code(entry, Code::max_duration, unsigned_of(row.max_duration()));
  set_code(entry, Code::reliability, unsigned_of(std::max<std::int64_t>(reliability / 1000, 1)));
}

Entry read_row(const Box& box, std::size_t at) {
  Entry entry{box.place(at), box.price[at], box.slot[at], box.measured[at], {}};
  for (std::size_t i = 0; i < kCodes; ++i) entry.codes[i] = box.codes[i][at];
  return entry;
}

}  // namespace

Entry entry_of(const Row& row) {
  Entry entry;
  entry.slot = row.slot();
  entry.measured = static_cast<std::uint8_t>(row.measured());
  set_standing(entry, row);
  set_leased(entry, row);
  set_code(entry, Code::vram, unsigned_of(row.figure(0)));
  set_code(entry, Code::cpu, per_device(row.figure(1), row.gpu_count()));
  set_code(entry, Code::memory, per_device(row.figure(2), row.gpu_count()));
  set_code(entry, Code::inet_down, unsigned_of(row.figure(4)));
  set_code(entry, Code::inet_up, unsigned_of(row.figure(5)));
  set_code(entry, Code::interconnect, unsigned_of(row.figure(6)));
  set_code(entry, Code::cuda, unsigned_of(row.cuda() + 1));
  set_code(entry, Code::gpus, row.gpu_count());
  set_code(entry, Code::country, row.country());
  const auto name = [&](Code code, std::string_view of) {
    entry.codes[static_cast<std::size_t>(code)] = code_of_name(of);
  };
  name(Code::machine, row.name());
  name(Code::driver, row.rows().drivers.folded(row.driver()));
  entry.codes[static_cast<std::size_t>(Code::provider)] = static_cast<std::uint16_t>(row.seller_number());
  return entry;
}

bool Box::may_pass(std::span<const Filter> filters) const {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    const auto i = static_cast<std::size_t>(filter.code);
    return low[i] <= filter.high && high[i] >= filter.low;
  });
}

bool Box::select(std::span<const Filter> filters, Column<std::uint16_t>& passing) const {
  passing.fill(UINT16_MAX);
  for (const Filter& filter : filters) {
    const auto which = static_cast<std::size_t>(filter.code);
    if (low[which] >= filter.low && high[which] <= filter.high) continue;
    const auto& column = codes[which];
    const std::uint16_t from = filter.low;
    const auto width = static_cast<std::uint16_t>(filter.high - filter.low);
    std::uint16_t any = 0;
    for (std::size_t i = 0; i < kRowsPerBox; ++i) {
      const auto above = static_cast<std::uint16_t>(column[i] - from);
      passing[i] = above <= width ? passing[i] : std::uint16_t{0};
      any |= passing[i];
    }
    if (any == 0) return false;
  }
  return true;
}

/// The last box that begins at or before the place; the first where none does.
std::size_t Shelf::box_for(const Rank& place) const {
  const auto after = std::upper_bound(firsts_.begin(), firsts_.end(), place);
  return after == firsts_.begin() ? 0 : static_cast<std::size_t>(after - firsts_.begin()) - 1;
}

std::size_t Shelf::index_of(const Box& box) const {
  const std::size_t index = box_for(box.place(0));
  HANSE_CHECK(boxes_[index].get() == &box);
  return index;
}

void Shelf::put(Box& box, const Entry& entry) {
  std::size_t low = 0, high = box.count;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (box.place(middle) < entry.place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  shift(box, low, 1);
  set_row(box, low, entry);
  if (++box.count == 1) {
    fit(box);
  } else {
    widen(box, low);
  }
}

void Shelf::insert(const Entry& entry) {
  if (boxes_.empty()) {
    boxes_.push_back(std::make_unique<Box>());
    boxes_.back()->shelf = this;
    firsts_.push_back(entry.place);
  }
  std::size_t index = box_for(entry.place);
  if (boxes_[index]->count == kRowsPerBox) {
    split(index);
    if (entry.place > firsts_[index + 1]) ++index;
  }
  put(*boxes_[index], entry);
  note_first(index);
  box_of_[entry.slot] = boxes_[index].get();
}

void Shelf::split(std::size_t index) {
  boxes_.insert(boxes_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::make_unique<Box>());
  Box& lower = *boxes_[index];
  Box& upper = *boxes_[index + 1];
  upper.shelf = this;
  // Ascending inserts, as loading makes them, leave nearly full boxes behind.
  const std::size_t kept = index + 2 == boxes_.size() ? kRowsPerBox * 15 / 16 : kRowsPerBox / 2;
  append(upper, lower, kept);
  lower.count = kept;
  fit(lower);
  fit(upper);
  firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(index) + 1, upper.place(0));
  for (std::size_t i = 0; i < upper.count; ++i) box_of_[upper.slot[i]] = &upper;
}

void Shelf::merge(std::size_t index) {
  if (index + 1 >= boxes_.size()) return;
  Box& lower = *boxes_[index];
  const Box& upper = *boxes_[index + 1];
  if (lower.count + upper.count > kRowsPerBox / 2) return;
  for (std::size_t i = 0; i < upper.count; ++i) box_of_[upper.slot[i]] = &lower;
  append(lower, upper, 0);
  fit(lower);
  boxes_.erase(boxes_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
  firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
}

void Shelf::erase(std::uint32_t slot) {
  Box& box = *box_of_[slot];
  const std::size_t index = index_of(box);
  const std::size_t at = row_of(box, slot);
  box_of_[slot] = nullptr;
  if (box.count == 1) {
    boxes_.erase(boxes_.begin() + static_cast<std::ptrdiff_t>(index));
    firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(index));
    return;
  }
  shift(box, at + 1, -1);
  --box.count;
  note_first(index);
  outdate(box);
  if (box.count > kRowsPerBox / 4) return;
  merge(index);
  if (index > 0) merge(index - 1);
}

void Shelf::refresh(const Row& row, Change change) {
  Box& box = *box_of_[row.slot()];
  const std::size_t at = row_of(box, row.slot());
  if (change == Change::leased) {
    Entry entry;
    set_leased(entry, row);
    for (const Code code : kLeasedCodes) {
      const auto i = static_cast<std::size_t>(code);
      box.codes[i][at] = entry.codes[i];
      widen_code(box, i, at);
    }
    return outdate(box);
  }
  Entry entry = read_row(box, at);
  set_standing(entry, row);
  if (box.place(at) != entry.place) {
    erase(row.slot());
    return insert(entry);
  }
  set_row(box, at, entry);
  widen(box, at);
  outdate(box);
}

}  // namespace hanse::market
