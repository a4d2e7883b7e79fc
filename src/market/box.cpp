#include "market/box.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::market {
namespace {

std::uint64_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

/// A share of one device, floored: a share of n devices is at least x only if this is at least x ÷ n, floored.
std::uint64_t per_device(std::int64_t total, std::uint32_t devices) {
  return unsigned_of(total) / std::max(devices, 1U);
}

void set_code(Entry& entry, Code code, std::uint64_t value) {
  entry.codes[static_cast<std::size_t>(code)] = code_of(value);
}

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

}  // namespace

void set_leased(Entry& entry, const Row& row) {
  set_code(entry, Code::free, row.open() && row.reachable() ? row.free_count() : 0);
  set_code(entry, Code::disk, unsigned_of(row.figure(3) - row.leased_disk()));
  set_code(entry, Code::free_disk, unsigned_of(row.free_disk()));
}

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

std::uint32_t Box::select(std::size_t rows, std::span<const Filter> filters) const {
  // As wide as the codes, so that they are compared many at once; bits are made of what passes only.
  Column<std::uint16_t> passing;
  passing.fill(UINT16_MAX);
  std::fill(passing.begin() + static_cast<std::ptrdiff_t>(rows), passing.end(), 0);
  for (const Filter& filter : filters) {
    const auto& column = codes[static_cast<std::size_t>(filter.code)];
    const std::uint16_t from = filter.low;
    const auto width = static_cast<std::uint16_t>(filter.high - filter.low);
    std::uint16_t any = 0;
    for (std::size_t i = 0; i < kRowsPerBox; ++i) {
      const auto above = static_cast<std::uint16_t>(column[i] - from);
      passing[i] = above <= width ? passing[i] : std::uint16_t{0};
      any |= passing[i];
    }
    if (any == 0) return 0;
  }
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < kRowsPerBox; ++i) bits |= static_cast<std::uint32_t>(passing[i] & 1U) << i;
  return bits;
}

std::size_t Box::row_of(std::uint32_t wanted) const {
  const auto* const end = slot.begin() + static_cast<std::ptrdiff_t>(count);
  const auto* const at = std::find(slot.begin(), end, wanted);
  HANSE_CHECK(at != end);
  return static_cast<std::size_t>(at - slot.begin());
}

std::size_t Box::lower_bound(const Rank& wanted) const {
  std::size_t low = 0, high = count;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (place(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Entry Box::entry(std::size_t at) const {
  Entry out{place(at), price[at], slot[at], measured[at], {}};
  for (std::size_t i = 0; i < kCodes; ++i) out.codes[i] = codes[i][at];
  return out;
}

void Box::set(std::size_t at, const Entry& entry) {
  for (std::size_t i = 0; i < kCodes; ++i) codes[i][at] = entry.codes[i];
  cost[at] = entry.place.cost;
  price[at] = entry.price;
  posted_at[at] = entry.place.posted_at.ms;
  id[at] = entry.place.id.value;
  slot[at] = entry.slot;
  measured[at] = entry.measured;
}

void Box::open(std::size_t at) {
  shift(*this, at, 1);
  ++count;
}

void Box::close(std::size_t at) {
  shift(*this, at + 1, -1);
  --count;
}

void Box::append(const Box& from, std::size_t first_row) {
  const auto copy = [&](const auto& source, auto& target) {
    std::copy(source.begin() + static_cast<std::ptrdiff_t>(first_row),
              source.begin() + static_cast<std::ptrdiff_t>(from.count),
              target.begin() + static_cast<std::ptrdiff_t>(count));
  };
  for (std::size_t i = 0; i < kCodes; ++i) copy(from.codes[i], codes[i]);
  copy(from.cost, cost), copy(from.price, price), copy(from.posted_at, posted_at);
  copy(from.id, id), copy(from.slot, slot), copy(from.measured, measured);
  count += from.count - first_row;
}

void Box::widen(std::size_t at) {
  least_price = std::min(least_price, price[at]);
  oldest = std::min(oldest, Rank{0, {posted_at[at]}, {id[at]}});
}

void Box::fit() {
  outdated = 0;
  least_price = INT64_MAX;
  oldest = {INT64_MAX, {}, {}};
  for (std::size_t i = 0; i < count; ++i) widen(i);
}

}  // namespace hanse::market
