#pragma once

// Money: an integer number of micro-credits (1 credit = 1 US dollar = 1,000,000 micros), never a float. Amounts are
// never negative; arithmetic that would leave [0, kMaxMoney] yields nullopt and the caller says why.

#include <compare>
#include <cstdint>
#include <optional>

#include "base/int128.hpp"

namespace hanse {

struct Money {
  std::int64_t micros = 0;

  auto operator<=>(const Money&) const = default;
  bool operator==(const Money&) const = default;
};

inline constexpr std::int64_t kMicrosPerCredit = 1'000'000;

/// 9 billion credits: leaves room so that the sum of two valid amounts never overflows int64, and every amount is
/// exact as an IEEE double (JSON numbers).
inline constexpr Money kMaxMoney{9'000'000'000 * kMicrosPerCredit};

[[nodiscard]] constexpr Money credits(std::int64_t whole) {
  return Money{whole * kMicrosPerCredit};
}

[[nodiscard]] constexpr bool is_valid(Money amount) {
  return amount.micros >= 0 && amount <= kMaxMoney;
}

[[nodiscard]] constexpr std::optional<Money> add(Money a, Money b) {
  if (!is_valid(a) || !is_valid(b)) return std::nullopt;
  const Money sum{a.micros + b.micros};
  return is_valid(sum) ? std::optional(sum) : std::nullopt;
}

[[nodiscard]] constexpr std::optional<Money> subtract(Money a, Money b) {
  if (!is_valid(a) || !is_valid(b) || b > a) return std::nullopt;
  return Money{a.micros - b.micros};
}

/// floor(amount × numerator / denominator) in 128-bit integers. Requires numerator ≥ 0 and denominator > 0.
[[nodiscard]] constexpr std::optional<Money> scale(Money amount, std::int64_t numerator, std::int64_t denominator) {
  if (!is_valid(amount) || numerator < 0 || denominator <= 0) return std::nullopt;
  const Int128 wide = static_cast<Int128>(amount.micros) * numerator / denominator;
  if (wide > kMaxMoney.micros) return std::nullopt;
  return Money{static_cast<std::int64_t>(wide)};
}

/// What `elapsed_s` seconds at `rate_per_hour` cost, floored once. Flooring the whole and not the parts is what makes
/// a thousand settlements pay exactly what one would.
[[nodiscard]] constexpr std::optional<Money> accrued(Money rate_per_hour, std::int64_t elapsed_s) {
  return scale(rate_per_hour, elapsed_s, 3600);
}

}  // namespace hanse
