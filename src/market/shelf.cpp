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
void shift(Block& block, std::size_t from, std::ptrdiff_t by) {
  const auto move = [&](auto& column) {
    const auto begin = column.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = column.begin() + static_cast<std::ptrdiff_t>(block.count);
    if (by > 0) {
      std::move_backward(begin, end, end + by);
    } else {
      std::move(begin, end, begin + by);
    }
  };
  for (auto& column : block.codes) move(column);
  move(block.cost), move(block.price), move(block.posted_at), move(block.id), move(block.slot), move(block.measured);
}

/// Adds the rows of `from` that begin at `first`.
void append(Block& to, const Block& from, std::size_t first) {
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

void set_row(Block& block, std::size_t at, const Entry& entry) {
  for (std::size_t i = 0; i < kCodes; ++i) block.codes[i][at] = entry.codes[i];
  block.cost[at] = entry.place.cost;
  block.price[at] = entry.price;
  block.posted_at[at] = entry.place.posted_at.ms;
  block.id[at] = entry.place.id.value;
  block.slot[at] = entry.slot;
  block.measured[at] = entry.measured;
}

Rank age_of(const Block& block, std::size_t at) {
  return {0, {block.posted_at[at]}, {block.id[at]}};
}

void widen(Block& block, std::size_t at) {
  for (std::size_t i = 0; i < kCodes; ++i) {
    block.low[i] = std::min(block.low[i], block.codes[i][at]);
    block.high[i] = std::max(block.high[i], block.codes[i][at]);
  }
  block.least_price = std::min(block.least_price, block.price[at]);
  block.oldest = std::min(block.oldest, age_of(block, at));
  block.measured_by_any |= block.measured[at];
  block.countries |= bit_of(block.codes[kCountry][at]);
}

void fit_code(Block& block, std::size_t code) {
  std::uint16_t low = UINT16_MAX, high = 0;
  for (std::size_t i = 0; i < block.count; ++i) {
    low = std::min(low, block.codes[code][i]);
    high = std::max(high, block.codes[code][i]);
  }
  block.low[code] = low;
  block.high[code] = high;
}

void fit_rest(Block& block) {
  block.least_price = INT64_MAX;
  block.oldest = {INT64_MAX, {}, {}};
  block.measured_by_any = 0;
  block.countries = 0;
  for (std::size_t i = 0; i < block.count; ++i) {
    block.least_price = std::min(block.least_price, block.price[i]);
    block.oldest = std::min(block.oldest, age_of(block, i));
    block.measured_by_any |= block.measured[i];
    block.countries |= bit_of(block.codes[kCountry][i]);
  }
}

constexpr std::uint32_t kMostOutdated = 64;

void fit(Block& block) {
  block.outdated = 0;
  for (std::size_t i = 0; i < kCodes; ++i) fit_code(block, i);
  fit_rest(block);
}

void outdate(Block& block) {
  if (++block.outdated > kMostOutdated) fit(block);
}

std::size_t row_of(const Block& block, std::uint32_t slot) {
  const auto end = block.slot.begin() + static_cast<std::ptrdiff_t>(block.count);
  const auto it = std::find(block.slot.begin(), end, slot);
  HANSE_CHECK(it != end);
  return static_cast<std::size_t>(it - block.slot.begin());
}

}  // namespace

Entry entry_of(const Row& row) {
  Entry entry;
  const bool priced = is_valid(row.price());
  entry.price = priced ? row.price().micros : INT64_MAX;  // what cannot be priced comes last
  const std::int64_t reliability = row.reliability();
  entry.place = {priced ? expected_cost(row.price(), reliability) : INT64_MAX, row.posted_at(), row.id()};
  entry.slot = row.slot();
  entry.measured = static_cast<std::uint8_t>(row.measured());
  const auto set = [&](Code code, std::uint64_t value) {
    entry.codes[static_cast<std::size_t>(code)] = code_of(value);
  };
  set(Code::free, row.open() && row.reachable() ? row.free_count() : 0);
  set(Code::vram, unsigned_of(row.figure(0)));
  set(Code::cpu, per_device(row.figure(1), row.gpu_count()));
  set(Code::memory, per_device(row.figure(2), row.gpu_count()));
  set(Code::disk, unsigned_of(row.figure(3) - row.leased_disk()));
  set(Code::free_disk, unsigned_of(row.free_disk()));
  set(Code::inet_down, unsigned_of(row.figure(4)));
  set(Code::inet_up, unsigned_of(row.figure(5)));
  set(Code::cuda, unsigned_of(row.cuda() + 1));
  set(Code::min_duration, unsigned_of(row.min_duration()));
  set(Code::max_duration, unsigned_of(row.max_duration()));
  set(Code::price, unsigned_of(entry.price));
  set(Code::reliability, unsigned_of(std::max<std::int64_t>(reliability / 1000, 1)));
  set(Code::gpus, row.gpu_count());
  set(Code::country, row.country());
  const auto name = [&](Code code, std::string_view of) {
    entry.codes[static_cast<std::size_t>(code)] = code_of_name(of);
  };
  name(Code::machine, row.name());
  name(Code::driver, row.rows().drivers.folded(row.driver()));
  entry.codes[static_cast<std::size_t>(Code::provider)] = static_cast<std::uint16_t>(row.seller_number());
  return entry;
}

bool Block::may_pass(std::span<const Filter> filters) const {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    const auto i = static_cast<std::size_t>(filter.code);
    return low[i] <= filter.high && high[i] >= filter.low;
  });
}

bool Block::select(std::span<const Filter> filters, Column<std::uint16_t>& passing) const {
  passing.fill(UINT16_MAX);
  for (const Filter& filter : filters) {
    const auto which = static_cast<std::size_t>(filter.code);
    if (low[which] >= filter.low && high[which] <= filter.high) continue;
    const auto& column = codes[which];
    const std::uint16_t from = filter.low;
    const auto width = static_cast<std::uint16_t>(filter.high - filter.low);
    std::uint16_t any = 0;
    for (std::size_t i = 0; i < kRowsPerBlock; ++i) {
      const auto above = static_cast<std::uint16_t>(column[i] - from);
      passing[i] = above <= width ? passing[i] : std::uint16_t{0};
      any |= passing[i];
    }
    if (any == 0) return false;
  }
  return true;
}

/// The last block that begins at or before the place; the first where none does.
std::size_t Shelf::block_for(const Rank& place) const {
  const auto after = std::upper_bound(firsts_.begin(), firsts_.end(), place);
  return after == firsts_.begin() ? 0 : static_cast<std::size_t>(after - firsts_.begin()) - 1;
}

std::size_t Shelf::index_of(const Block& block) const {
  const std::size_t index = block_for(block.place(0));
  HANSE_CHECK(blocks_[index].get() == &block);
  return index;
}

void Shelf::put(Block& block, const Entry& entry) {
  std::size_t low = 0, high = block.count;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (block.place(middle) < entry.place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  shift(block, low, 1);
  set_row(block, low, entry);
  if (++block.count == 1) {
    fit(block);
  } else {
    widen(block, low);
  }
}

bool Shelf::is_at(std::uint32_t slot, const Rank& place) const {
  const Block& block = *block_of_[slot];
  return block.place(row_of(block, slot)) == place;
}

void Shelf::insert(const Entry& entry) {
  if (blocks_.empty()) {
    blocks_.push_back(std::make_unique<Block>());
    blocks_.back()->shelf = this;
    firsts_.push_back(entry.place);
  }
  std::size_t index = block_for(entry.place);
  if (blocks_[index]->count == kRowsPerBlock) {
    split(index);
    if (entry.place > firsts_[index + 1]) ++index;
  }
  put(*blocks_[index], entry);
  note_first(index);
  block_of_[entry.slot] = blocks_[index].get();
}

void Shelf::split(std::size_t index) {
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::make_unique<Block>());
  Block& lower = *blocks_[index];
  Block& upper = *blocks_[index + 1];
  upper.shelf = this;
  // Ascending inserts, as loading makes them, leave nearly full blocks behind.
  const std::size_t kept = index + 2 == blocks_.size() ? kRowsPerBlock * 15 / 16 : kRowsPerBlock / 2;
  append(upper, lower, kept);
  lower.count = kept;
  fit(lower);
  fit(upper);
  firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(index) + 1, upper.place(0));
  for (std::size_t i = 0; i < upper.count; ++i) block_of_[upper.slot[i]] = &upper;
}

void Shelf::merge(std::size_t index) {
  if (index + 1 >= blocks_.size()) return;
  Block& lower = *blocks_[index];
  const Block& upper = *blocks_[index + 1];
  if (lower.count + upper.count > kRowsPerBlock / 2) return;
  for (std::size_t i = 0; i < upper.count; ++i) block_of_[upper.slot[i]] = &lower;
  append(lower, upper, 0);
  fit(lower);
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
  firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
}

void Shelf::erase(std::uint32_t slot) {
  Block& block = *block_of_[slot];
  const std::size_t index = index_of(block);
  const std::size_t at = row_of(block, slot);
  block_of_[slot] = nullptr;
  if (block.count == 1) {
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(index));
    firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(index));
    return;
  }
  shift(block, at + 1, -1);
  --block.count;
  note_first(index);
  outdate(block);
  if (block.count > kRowsPerBlock / 4) return;
  merge(index);
  if (index > 0) merge(index - 1);
}

void Shelf::update(const Entry& entry) {
  Block& block = *block_of_[entry.slot];
  const std::size_t at = row_of(block, entry.slot);
  const bool same_place = block.place(at) == entry.place;
  HANSE_CHECK(same_place);
  set_row(block, at, entry);
  widen(block, at);
  outdate(block);
}

}  // namespace hanse::market
