#pragma once

// The clock and the source of randomness for everything outside the core. Real programs use the system's; the
// simulator passes its own, so that a whole node runs under virtual time. Thread-safe.

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace hanse {

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() = 0;                   ///< Wall clock, UTC.
  [[nodiscard]] virtual std::int64_t monotonic_ms() = 0;  ///< Never goes back; for timeouts only.
};

/// The machine's own clock. Lives for ever.
Clock& system_clock();

/// Fills `out` from the operating system's generator; aborts if that fails (there is nothing safe to do then).
void system_random(std::span<std::uint8_t> out);

template <std::size_t N>
[[nodiscard]] FixedBytes<N> random_bytes() {
  FixedBytes<N> out;
  system_random(out.data);
  return out;
}

}  // namespace hanse
