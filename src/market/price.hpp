#pragma once

// The whole price of a lease: GPUs, storage, and the discounts of its term and volume. Integer arithmetic; pure.

#include <optional>

#include "model/lease.hpp"
#include "model/offer.hpp"

namespace hanse::market {

inline constexpr std::int64_t kWholeBps = 10'000;  ///< All of it, in basis points.

struct Price {
  Money rate_per_hour;  ///< Everything: gpu_count × discounted GPU price + storage. What the lease pays.
  Money per_gpu_hour;   ///< rate_per_hour ÷ gpu_count, rounded up: what tables show and `price` constrains.
  std::uint32_t term_discount_bps = 0;
  std::uint32_t volume_discount_bps = 0;

  bool operator==(const Price&) const = default;
};

/// gpu = posted × gpu_count × (10000 − term) × (10000 − volume) ÷ 10^8, floored once; storage = GiB × its price,
/// rounded up to whole GiB. A term earns its discount where it is paid in advance (reserved): what may end at any
/// second promises no term. nullopt where money would overflow.
[[nodiscard]] std::optional<Price> price_of(const model::PriceList& prices, const model::Demand& demand);
/// The same, of the parts.
[[nodiscard]] std::optional<Price> price_of(Money posted_per_gpu_hour,
                                            const std::vector<model::Discount>& term_discounts,
                                            const std::vector<model::Discount>& volume_discounts,
                                            Money storage_per_gib_hour, const model::Demand& demand);

/// What it costs to keep a lease's files on the machine once its job is done.
struct Keep {
  Money rate_per_hour;  ///< Storage of its disk, as price_of() counts it; no discounts. 0 where nothing is kept.
  Money reserve;        ///< That for all of the time that was asked for, rounded up to a micro.

  bool operator==(const Keep&) const = default;
};
/// nullopt where money would overflow.
[[nodiscard]] std::optional<Keep> keep_of(Money storage_per_gib_hour, const model::Demand& demand);
/// At that rate.
[[nodiscard]] std::optional<Keep> keep_at(Money rate_per_hour, std::uint64_t keep_s);

/// What is locked for a lease of `duration_s` at that rate: accrued for the whole duration, rounded up to a micro, and
/// the reserve for keeping its files; all of it never more than `max_cost` where that is not 0. nullopt where money
/// would overflow, or the reserve alone is more than `max_cost`.
[[nodiscard]] std::optional<Money> lock_for(Money rate_per_hour, std::uint64_t duration_s, Money max_cost,
                                            Money keep_reserve = {});

/// Reliability in millionths, 0 ..= 1,000,000: (completed + 9) ÷ (completed + failed + 10), so that a newcomer starts
/// at 0.9 and every failure costs. The full reputation of DESIGN section 7 takes this function's place.
[[nodiscard]] std::int64_t reliability_millionths(const model::Provider& provider);

/// What offers are ordered by: the price of an hour that is really delivered, per_gpu_hour × 1000 ÷ reliability in
/// whole thousandths (both floored; a reliability below 0.001 counts as that), in micro-credits. So a provider's offers
/// change places only when its reliability changes by a thousandth.
[[nodiscard]] std::int64_t expected_cost(Money per_gpu_hour, std::int64_t reliability_millionths);

}  // namespace hanse::market
