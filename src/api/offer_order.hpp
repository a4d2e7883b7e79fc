#pragma once

// How a list of offers is ordered, and the cursor that goes on in it. Pure.

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.hpp"
#include "market/book.hpp"

namespace hanse::api {

/// Figures to sort by, in the order of the names that `sort` takes.
enum class SortKey : std::uint8_t { value, price, vram, reliability, gpus, cpu, memory, disk, inet_down, inet_up, id };
inline constexpr std::array<std::string_view, 11> kSortNames{
    "value", "price", "vram", "reliability", "gpus", "cpu", "memory", "disk", "inet_down", "inet_up", "id"};

struct Order {
  SortKey key = SortKey::value;
  bool descending = false;
};

/// `sort`: one of kSortNames, with '-' in front or behind to turn it round. By value if it is missing.
Result<Order> parse_order(const Call& call);

/// By what a machine at that price is ordered; negated where the order is turned round. `reliability`: in millionths.
std::int64_t figure_of(const Order& order, const model::Machine& machine, const market::Price& price,
                       std::int64_t reliability);

/// An offer's place in the list: its figure, then its id. The cursor is the last place shown, so that a page goes on
/// behind it whatever came or went meanwhile. In a list by id alone the figure is 0.
struct Place {
  std::int64_t figure = 0;
  std::uint64_t id = 0;
  auto operator<=>(const Place&) const = default;
};

inline constexpr std::size_t kPlaceBytes = 16;

/// In hexadecimal: the figure, then the id, 8 bytes each.
std::string format_place(const Place& place);
/// `after`; nullopt if it is missing.
Result<std::optional<Place>> parse_place(const Call& call);

}  // namespace hanse::api
