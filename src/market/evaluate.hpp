#pragma once

// One offer against one demand, exactly: does it serve it, at what price, and if not, what stands against it. What the
// index only narrows down is decided here. Inside the market.

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "market/book.hpp"
#include "market/rows.hpp"

namespace hanse::market {

/// What the book itself demands, beside the constraints of `where`.
enum class Builtin : std::uint8_t { open, reachable, excluded, capacity, duration, disk, max_price, max_cost };
inline constexpr std::size_t kBuiltins = 8;
[[nodiscard]] std::string_view name_of(Builtin builtin);

[[nodiscard]] std::optional<Price> price_of(const Row& row, const model::Demand& demand);

/// What a lease of so many seconds would lock, with the keeping of its files. nullopt where money would overflow.
[[nodiscard]] std::optional<Money> whole_cost(Money rate_per_hour, std::uint64_t seconds, Money storage_per_gib_hour,
                                              const model::Demand& demand);
/// The same of the shortest lease that an offer takes, a second at least.
[[nodiscard]] std::optional<Money> least_cost(Money rate_per_hour, std::int64_t min_duration_s,
                                              Money storage_per_gib_hour, const model::Demand& demand);

/// The price if the offer serves the demand, stopping at the first thing against it.
[[nodiscard]] std::optional<Price> price_if_fits(const Wanted& wanted, const Row& row);

/// Does it pass this one demand of the book's own? `price` is its price for the demand.
[[nodiscard]] bool passes(Builtin builtin, const Wanted& wanted, const Row& row, const std::optional<Price>& price);
/// Does it pass this one constraint?
[[nodiscard]] bool passes(const model::Constraint& constraint, const Wanted& wanted, const Row& row,
                          const std::optional<Price>& price);

/// Every figure that `where` constrains, of those that can be measured, as bits of Row::measured.
[[nodiscard]] std::uint32_t constrained_figures(const model::Where& where);

/// A number field's value for this demand; nullopt where the offer has none.
[[nodiscard]] std::optional<std::int64_t> number_of(model::WhereField field, const Wanted& wanted, const Row& row,
                                                    const std::optional<Price>& price);
/// A set field's value, for people.
[[nodiscard]] std::string text_of(model::WhereField field, const Row& row);

[[nodiscard]] bool allows_provider(const model::Constraint& constraint, const Seller& seller);

/// The place of an offer among those that fit: the lower the better.
struct Rank {
  std::int64_t cost = 0;  ///< expected_cost(): micro-credits per useful GPU-hour.
  Time posted_at;
  model::OfferId id;

  auto operator<=>(const Rank&) const = default;
  bool operator==(const Rank&) const = default;
};
[[nodiscard]] Rank rank_of(const Row& row, const Price& price);

}  // namespace hanse::market
