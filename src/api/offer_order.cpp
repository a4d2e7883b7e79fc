#include "api/offer_order.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "market/figures.hpp"

namespace hanse::api {

using model::WhereField;

Result<Order> parse_order(const Call& call) {
  Order out;
  auto text = call.find("sort").value_or(kSortNames.front());
  if (text.starts_with('-') || text.ends_with('-')) {
    out.descending = true;
    text.starts_with('-') ? text.remove_prefix(1) : text.remove_suffix(1);
  }
  const auto found = std::find(kSortNames.begin(), kSortNames.end(), text);
  if (found == kSortNames.end()) {
    std::string names;
    for (const auto name : kSortNames) names.append(names.empty() ? "" : ", ").append(name);
    return fail(ErrorCode::invalid_argument,
                "sort must be one of " + names + ", with - in front or behind to turn it round");
  }
  out.key = static_cast<SortKey>(found - kSortNames.begin());
  return out;
}

std::int64_t figure_of(const Order& order, const model::Machine& machine, const market::Price& price,
                       std::int64_t reliability) {
  std::int64_t out = 0;
  switch (order.key) {
    case SortKey::value:  // expected cost per useful hour, as matching has it
      out = scale(price.per_gpu_hour, 1'000'000, std::max<std::int64_t>(1, reliability)).value_or(kMaxMoney).micros;
      break;
    case SortKey::price:
      out = price.per_gpu_hour.micros;
      break;
    case SortKey::vram:
      out = market::figure_of(machine, WhereField::vram);
      break;
    case SortKey::reliability:
      out = reliability;
      break;
    case SortKey::gpus:
      out = machine.gpu_count;
      break;
    case SortKey::cpu:
      out = market::figure_of(machine, WhereField::cpu);
      break;
    case SortKey::memory:
      out = market::figure_of(machine, WhereField::memory);
      break;
    case SortKey::disk:
      out = market::figure_of(machine, WhereField::disk);
      break;
    case SortKey::inet_down:
      out = market::figure_of(machine, WhereField::inet_down);
      break;
    case SortKey::inet_up:
      out = market::figure_of(machine, WhereField::inet_up);
      break;
    case SortKey::id:
      break;
  }
  return order.descending ? -out : out;
}

std::string format_place(const Place& place) {
  std::array<std::uint8_t, kPlaceBytes> bytes{};
  const std::uint64_t parts[] = {static_cast<std::uint64_t>(place.figure), place.id};
  for (std::size_t i = 0; i < kPlaceBytes; ++i) bytes[i] = static_cast<std::uint8_t>(parts[i / 8] >> (56 - i % 8 * 8));
  return to_hex(bytes);
}

Result<std::optional<Place>> parse_place(const Call& call) {
  const auto text = call.find("after");
  if (!text) return std::optional<Place>{};
  const auto bytes = fixed_from_hex<kPlaceBytes>(*text);
  if (!bytes) return fail(ErrorCode::invalid_argument, "after: give the `next` of the page before as it is");
  std::uint64_t parts[] = {0, 0};
  for (std::size_t i = 0; i < kPlaceBytes; ++i) parts[i / 8] = parts[i / 8] << 8 | bytes->data[i];
  return std::optional(Place{static_cast<std::int64_t>(parts[0]), parts[1]});
}

}  // namespace hanse::api
