#include "market/price.hpp"

#include <algorithm>

#include "base/int128.hpp"

namespace hanse::market {

namespace {

constexpr std::uint64_t kGib = 1ULL << 30;

/// The discount that holds at `amount`: the last one that starts there or before. 0 where none does.
std::uint32_t discount_at(const std::vector<model::Discount>& discounts, std::uint64_t amount) {
  std::uint32_t bps = 0;
  for (const auto& discount : discounts) {
    if (discount.from <= amount) bps = discount.discount_bps;
  }
  return bps;
}

std::optional<Money> to_money(Int128 micros) {
  if (micros < 0 || micros > kMaxMoney.micros) return std::nullopt;
  return Money{static_cast<std::int64_t>(micros)};
}

/// Of so many seconds, rounded up to a micro.
Int128 whole_price(Money rate_per_hour, std::uint64_t seconds) {
  return (static_cast<Int128>(rate_per_hour.micros) * static_cast<Int128>(seconds) + 3599) / 3600;
}

std::optional<Money> storage_per_hour(Money per_gib_hour, std::uint64_t disk_bytes) {
  if (disk_bytes == 0) return Money{};
  const std::uint64_t gib = (disk_bytes - 1) / kGib + 1;
  return to_money(static_cast<Int128>(per_gib_hour.micros) * static_cast<Int128>(gib));
}

}  // namespace

std::optional<Price> price_of(const model::PriceList& prices, const model::Demand& demand) {
  return price_of(prices.on_demand_per_gpu_hour, prices.term_discounts, prices.volume_discounts,
                  prices.storage_per_gib_hour, demand);
}

std::optional<Price> price_of(Money posted, const std::vector<model::Discount>& term_discounts,
                              const std::vector<model::Discount>& volume_discounts, Money storage_per_gib_hour,
                              const model::Demand& demand) {
  if (demand.gpu_count == 0 || !is_valid(posted) || !is_valid(storage_per_gib_hour)) return std::nullopt;
  Price price;
  if (demand.mode == model::Mode::reserved) price.term_discount_bps = discount_at(term_discounts, demand.duration_s);
  price.volume_discount_bps =
      discount_at(volume_discounts, static_cast<std::uint64_t>(demand.gpu_count) * std::max(demand.machines, 1U));
  if (price.term_discount_bps > kWholeBps || price.volume_discount_bps > kWholeBps) return std::nullopt;

  // 53 + 32 + 14 + 14 bits: never leaves 128. The division is skipped where there is nothing to take off.
  Int128 gpus = static_cast<Int128>(posted.micros) * demand.gpu_count;
  if (price.term_discount_bps != 0 || price.volume_discount_bps != 0) {
    gpus = gpus * (kWholeBps - price.term_discount_bps) * (kWholeBps - price.volume_discount_bps) /
           (kWholeBps * kWholeBps);
  }
  const auto gpu_money = to_money(gpus);
  const auto storage = storage_per_hour(storage_per_gib_hour, demand.disk_bytes);
  if (!gpu_money || !storage) return std::nullopt;
  const auto rate = add(*gpu_money, *storage);
  if (!rate) return std::nullopt;
  price.rate_per_hour = *rate;
  price.per_gpu_hour = Money{(rate->micros + demand.gpu_count - 1) / demand.gpu_count};
  return price;
}

std::optional<Keep> keep_of(Money storage_per_gib_hour, const model::Demand& demand) {
  if (demand.keep_s == 0) return Keep{};
  const auto rate = storage_per_hour(storage_per_gib_hour, demand.disk_bytes);
  return rate ? keep_at(*rate, demand.keep_s) : std::nullopt;
}

std::optional<Keep> keep_at(Money rate_per_hour, std::uint64_t keep_s) {
  const auto reserve = to_money(whole_price(rate_per_hour, keep_s));
  return reserve ? std::optional(Keep{keep_s == 0 ? Money{} : rate_per_hour, *reserve}) : std::nullopt;
}

std::optional<Money> lock_for(Money rate_per_hour, std::uint64_t duration_s, Money max_cost, Money keep_reserve) {
  if (!is_valid(rate_per_hour) || !is_valid(max_cost) || !is_valid(keep_reserve)) return std::nullopt;
  const Int128 whole = whole_price(rate_per_hour, duration_s) + keep_reserve.micros;
  if (max_cost.micros == 0 || whole <= max_cost.micros) return to_money(whole);
  return keep_reserve <= max_cost ? std::optional(max_cost) : std::nullopt;
}

std::int64_t expected_cost(Money per_gpu_hour, std::int64_t reliability_millionths) {
  // At most 9e15 × 1000: within 63 bits.
  return per_gpu_hour.micros * 1000 / std::max<std::int64_t>(reliability_millionths / 1000, 1);
}

std::int64_t reliability_millionths(const model::Provider& provider) {
  const Int128 good = static_cast<Int128>(provider.leases_completed) + 9;
  const Int128 all = good + static_cast<Int128>(provider.leases_failed) + 1;
  return static_cast<std::int64_t>(good * 1'000'000 / all);
}

}  // namespace hanse::market
