#pragma once

// What a provider may put up for rent: the rules that the ledger refuses an offer by, and that the provider's agent
// tells its owner of before it posts one. Pure. Every error is invalid_argument (or too_large for lengths and counts),
// names the field and says what it takes.

#include "base/error.hpp"
#include "model/offer.hpp"

namespace hanse::market {

/// The dearest posted prices, far above any machine's: what is over them is a slip of units.
inline constexpr Money kMaxPricePerGpuHour = credits(100'000);
inline constexpr Money kMaxStoragePerGibHour = credits(1'000);
inline constexpr std::uint32_t kMaxDiscountBps = 9'000;
inline constexpr std::uint32_t kMaxFactorPermille = 10'000;
inline constexpr std::size_t kMaxDiscounts = 8;
inline constexpr std::uint64_t kMaxBytes = 1ULL << 60;
inline constexpr std::uint64_t kMaxDurationS = 10ULL * 365 * 86400;

/// Prices above 0 (a spot floor or storage price may be 0: not for rent on spot, storage free) and in range; durations
/// consistent; at most 8 discounts of a kind, each from further on and at least as deep as the one before, 90 % at
/// most; a factor, floor and cap where the price follows its class, and none where it does not.
Result<> check_prices(const model::PriceList& prices);

/// Names of printable ASCII, counts from 1 to 64, a country of ISO 3166-1 or none, sizes up to 2^60 bytes, a CUDA
/// version that is empty or reads as one, and check_measured().
Result<> check_machine(const model::Machine& machine);

/// Measurements of known fields, each once, from 0 to 2^60 in the field's unit, with the time they were taken at.
Result<> check_measured(const std::vector<model::Measurement>& measured);

}  // namespace hanse::market
