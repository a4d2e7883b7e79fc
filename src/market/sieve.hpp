#pragma once

// A demand as ranges of codes: what an offer must pass before it is worth an exact look. Inside the market.

#include <bitset>
#include <memory>
#include <vector>

#include "market/shelf.hpp"

namespace hanse::market {

/// What of a demand is the same for every shelf, as ranges of codes. Everything here is necessary, not sufficient.
struct Sieve {
  std::vector<Filter> filters;
  std::uint32_t measured = 0;  ///< Bits that must be set.
  bool by_country = false;
  std::uint64_t country_bits = 0;  ///< Bit (country mod 64) of each that is allowed.
  std::bitset<kCountries> countries;
  /// Names of a list, where one range would not do.
  struct Names {
    Code code;
    std::bitset<(1U << 16U)> allowed;
  };
  std::vector<std::unique_ptr<Names>> names;
};

[[nodiscard]] Sieve sieve_of(const Rows& rows, const Wanted& wanted);

}  // namespace hanse::market
