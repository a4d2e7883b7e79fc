#pragma once

// A small, fast, seeded generator for tests, simulations and benchmarks: xoshiro256** (Blackman and Vigna, 2018,
// public domain) seeded by splitmix64. The same seed gives the same numbers on every machine. Not for secrets: those
// come from system_random() (clock.hpp).

#include <array>
#include <cstdint>

#include "base/int128.hpp"

namespace hanse {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15U;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
      word = z ^ (z >> 31);
    }
  }

  [[nodiscard]] std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  /// Uniform in [0, bound); bound > 0. The bias of a 128-bit multiply is below 2^-64 × bound.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<UInt128>(next()) * bound) >> 64);
  }

  /// Uniform in [low, high], both included.
  [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

  /// True once in `n` draws on average.
  [[nodiscard]] bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  static std::uint64_t rotate(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace hanse
