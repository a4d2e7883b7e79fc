#pragma once

// Figures as 16-bit codes that keep their order: exact below 2,048, to a thousandth above. What the index compares: a
// code decides all but near misses, and those are looked at exactly. Inside the market.

#include <bit>
#include <cstdint>
#include <string_view>

namespace hanse::market {

/// a <= b implies code_of(a) <= code_of(b). At most 55,295.
[[nodiscard]] constexpr std::uint16_t code_of(std::uint64_t value) {
  constexpr int kExactBits = 11;
  const int width = static_cast<int>(std::bit_width(value));
  if (width <= kExactBits) return static_cast<std::uint16_t>(value);
  const int shift = width - kExactBits;
  return static_cast<std::uint16_t>((static_cast<std::uint64_t>(shift) << 10U) + (value >> shift));
}

/// What the index holds of an offer.
enum class Code : std::uint8_t {
  free,  ///< Free devices; 0 while it is closed or its provider away.
  vram,
  cpu,     ///< Of one device's share, as ...
  memory,  ///< ... this.
  disk,    ///< As `where` means it: measured where it was, less what is leased.
  free_disk,
  inet_down,
  inet_up,
  cuda,  ///< + 1: none is 0.
  min_duration,
  max_duration,
  price,        ///< Posted, per GPU-hour.
  reliability,  ///< Whole thousandths, 1 at least.
  gpus,
  interconnect,
  country,
  // Of names that are equal, equal; of others, mostly not:
  machine,
  provider,
  driver
};
inline constexpr std::size_t kCodes = 19;

/// FNV-1a. Who chooses names to collide makes searches for those names slower, no other.
[[nodiscard]] constexpr std::uint32_t hash_of_name(std::string_view name) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619U;
  return hash;
}
[[nodiscard]] constexpr std::uint16_t code_of_name(std::string_view name) {
  const std::uint32_t hash = hash_of_name(name);
  return static_cast<std::uint16_t>(hash ^ (hash >> 16U));
}

}  // namespace hanse::market
