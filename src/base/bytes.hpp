#pragma once

// Bytes, fixed-size byte strings, and their hexadecimal text.

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// Exactly N bytes, ordered and compared as unsigned bytes. All zero means "none" wherever a field may be absent.
template <std::size_t N>
struct FixedBytes {
  static constexpr std::size_t size = N;
  std::array<std::uint8_t, N> data{};

  [[nodiscard]] bool is_zero() const {
    return std::all_of(data.begin(), data.end(), [](std::uint8_t b) { return b == 0; });
  }
  [[nodiscard]] ByteView view() const { return data; }
  auto operator<=>(const FixedBytes&) const = default;
  bool operator==(const FixedBytes&) const = default;
};

using Hash = FixedBytes<32>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal, two characters a byte.
std::string to_hex(ByteView bytes);

/// Accepts upper and lower case; refuses an odd length or any other character (malformed).
Result<Bytes> from_hex(std::string_view text);

template <std::size_t N>
Result<FixedBytes<N>> fixed_from(ByteView bytes) {
  if (bytes.size() != N) {
    return fail(ErrorCode::malformed, "expected " + std::to_string(N) + " bytes, got " + std::to_string(bytes.size()));
  }
  FixedBytes<N> out;
  std::copy(bytes.begin(), bytes.end(), out.data.begin());
  return out;
}

template <std::size_t N>
Result<FixedBytes<N>> fixed_from_hex(std::string_view text) {
  auto bytes = from_hex(text);
  if (!bytes) return fail(bytes);
  return fixed_from<N>(*bytes);
}

/// A hash for unordered containers over bytes that are already uniformly distributed (keys, hashes, salts). An
/// attacker who can choose the bytes can choose the buckets: use only for cryptographic output.
struct UniformHash {
  template <std::size_t N>
  std::size_t operator()(const FixedBytes<N>& bytes) const {
    static_assert(N >= sizeof(std::size_t));
    std::size_t out;
    std::memcpy(&out, bytes.data.data(), sizeof out);
    return out;
  }
};

}  // namespace hanse
