#pragma once

// Time as the ledger knows it: milliseconds since the Unix epoch, UTC, taken from the block and never from a clock.
// Durations are plain integers whose name ends in their unit (`_ms`, `_s`).

#include <compare>
#include <cstdint>

namespace hanse {

struct Time {
  std::int64_t ms = 0;  ///< 0 means "never" / "not yet" wherever a field may be absent.

  auto operator<=>(const Time&) const = default;
  bool operator==(const Time&) const = default;
};

/// 2^53 ms: the year 287396. Keeps every sum of a time and a bounded duration inside int64 and exact in JSON.
inline constexpr Time kMaxTime{9'007'199'254'740'992};

[[nodiscard]] constexpr Time after_s(Time t, std::int64_t seconds) {
  return Time{t.ms + seconds * 1000};
}
[[nodiscard]] constexpr Time after_ms(Time t, std::int64_t milliseconds) {
  return Time{t.ms + milliseconds};
}

}  // namespace hanse
