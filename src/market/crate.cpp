#include "market/crate.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::market {
namespace {

constexpr std::uint32_t kMostOutdated = 16;

std::uint64_t country_bit(const Box& box, std::size_t row) {
  return std::uint64_t{1} << (box.code(Code::country, row) % 64U);
}

}  // namespace

std::uint64_t Crate::select(std::span<const Filter> filters) const {
  // As wide as the codes, so that they are compared many at once; bits are made of what passes only.
  Column<std::uint16_t> passing;
  passing.fill(UINT16_MAX);
  std::fill(passing.begin() + static_cast<std::ptrdiff_t>(size_), passing.end(), 0);
  for (const Filter& filter : filters) {
    const auto& low = low_[static_cast<std::size_t>(filter.code)];
    const auto& high = high_[static_cast<std::size_t>(filter.code)];
    const std::uint16_t least = filter.low, most = filter.high;
    std::uint16_t any = 0;
    for (std::size_t i = 0; i < kMostBoxes; ++i) {
      passing[i] = static_cast<unsigned>(low[i] <= most) & static_cast<unsigned>(high[i] >= least) ? passing[i]
                                                                                                   : std::uint16_t{0};
      any |= passing[i];
    }
    if (any == 0) return 0;
  }
  std::uint64_t boxes = 0;
  for (std::size_t i = 0; i < kMostBoxes; ++i) boxes |= static_cast<std::uint64_t>(passing[i] & 1U) << i;
  return boxes;
}

std::span<const Filter> Crate::open_filters(std::size_t at, std::span<const Filter> filters,
                                            std::array<Filter, kCodes>& out) const {
  std::size_t count = 0;
  for (const Filter& filter : filters) {
    const auto which = static_cast<std::size_t>(filter.code);
    if (low_[which][at] < filter.low || high_[which][at] > filter.high) out[count++] = filter;
  }
  return {out.data(), count};
}

std::size_t Crate::box_for(const Rank& place) const {
  const auto* const after =
      std::upper_bound(firsts_.begin(), firsts_.begin() + static_cast<std::ptrdiff_t>(size_), place);
  return after == firsts_.begin() ? 0 : static_cast<std::size_t>(after - firsts_.begin()) - 1;
}

std::size_t Crate::index_of(const Box& box) const {
  const std::size_t at = box_for(box.place(0));
  HANSE_CHECK(boxes_[at].get() == &box);
  return at;
}

void Crate::insert(std::size_t at, std::unique_ptr<Box> box) {
  HANSE_CHECK(size_ < kMostBoxes);
  const auto open = [&](auto& column) {
    std::move_backward(column.begin() + static_cast<std::ptrdiff_t>(at),
                       column.begin() + static_cast<std::ptrdiff_t>(size_),
                       column.begin() + static_cast<std::ptrdiff_t>(size_) + 1);
  };
  for (std::size_t code = 0; code < kCodes; ++code) open(low_[code]), open(high_[code]);
  open(rows_), open(measured_), open(countries_), open(firsts_), open(boxes_);
  boxes_[at] = std::move(box);
  boxes_[at]->crate = this;
  ++size_;
}

std::unique_ptr<Box> Crate::remove(std::size_t at) {
  std::unique_ptr<Box> out = std::move(boxes_[at]);
  const auto close = [&](auto& column) {
    std::move(column.begin() + static_cast<std::ptrdiff_t>(at) + 1, column.begin() + static_cast<std::ptrdiff_t>(size_),
              column.begin() + static_cast<std::ptrdiff_t>(at));
  };
  for (std::size_t code = 0; code < kCodes; ++code) close(low_[code]), close(high_[code]);
  close(rows_), close(measured_), close(countries_), close(firsts_), close(boxes_);
  --size_;
  return out;
}

void Crate::fit(std::size_t at) {
  Box& box = *boxes_[at];
  box.fit();
  for (std::size_t code = 0; code < kCodes; ++code) {
    const auto& column = box.codes[code];
    std::uint16_t low = UINT16_MAX, high = 0;
    for (std::size_t row = 0; row < box.count; ++row) {
      low = std::min(low, column[row]);
      high = std::max(high, column[row]);
    }
    low_[code][at] = low;
    high_[code][at] = high;
  }
  measured_[at] = 0;
  countries_[at] = 0;
  for (std::size_t row = 0; row < box.count; ++row) {
    measured_[at] |= box.measured[row];
    countries_[at] |= country_bit(box, row);
  }
  note(at);
}

void Crate::widen_code(std::size_t at, std::size_t code, std::uint16_t value) {
  low_[code][at] = std::min(low_[code][at], value);
  high_[code][at] = std::max(high_[code][at], value);
}

void Crate::widen(std::size_t at, std::size_t row) {
  Box& box = *boxes_[at];
  box.widen(row);
  for (std::size_t code = 0; code < kCodes; ++code) widen_code(at, code, box.codes[code][row]);
  measured_[at] |= box.measured[row];
  countries_[at] |= country_bit(box, row);
  note(at);
}

void Crate::widen(std::size_t at, std::size_t row, std::span<const Code> codes) {
  for (const Code code : codes) widen_code(at, static_cast<std::size_t>(code), boxes_[at]->code(code, row));
}

void Crate::note(std::size_t at) {
  firsts_[at] = boxes_[at]->place(0);
  rows_[at] = static_cast<std::uint8_t>(boxes_[at]->count);
}

void Crate::outdate(std::size_t at) {
  note(at);
  if (++boxes_[at]->outdated > kMostOutdated) fit(at);
}

}  // namespace hanse::market
