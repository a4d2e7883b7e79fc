#include "market/reserved.hpp"

#include <algorithm>

#include "market/price.hpp"

namespace hanse::market {

std::vector<model::TermRate> early_rates(const model::PriceList& prices, const model::Demand& demand, Money rate) {
  std::vector<model::TermRate> out;
  model::Demand shorter = demand;
  const auto add_step = [&](std::uint64_t from_s) {
    shorter.duration_s = from_s;
    const auto price = price_of(prices, shorter);
    // Whatever the list says, nobody pays less for leaving early.
    const Money step = price ? std::max(price->rate_per_hour, rate) : rate;
    if (out.empty() || step < out.back().rate_per_hour) out.push_back({from_s, step});
  };
  add_step(0);
  for (const auto& discount : prices.term_discounts) {
    if (discount.from <= demand.duration_s) add_step(discount.from);
  }
  if (out.size() == 1) out.clear();  // one rate for any time
  return out;
}

Money rate_after(const std::vector<model::TermRate>& early_rates, std::int64_t kept_s, Money rate) {
  Money out = rate;
  for (const auto& step : early_rates) {
    if (static_cast<std::int64_t>(step.from_s) <= kept_s) out = step.rate_per_hour;
  }
  return out;
}

Money final_rate(const model::Lease& lease, model::EndReason reason, Time ends_at) {
  const bool is_over = ends_at >= after_s(lease.started_at, static_cast<std::int64_t>(lease.duration_s));
  if (lease.early_rates.empty() || reason != model::EndReason::completed || is_over) return lease.rate_per_hour;
  return rate_after(lease.early_rates, (ends_at.ms - lease.started_at.ms) / 1000, lease.rate_per_hour);
}

Money final_cost(const model::Lease& lease, model::EndReason reason, Time ends_at, std::int64_t billed_s) {
  const auto cost = accrued(final_rate(lease, reason, ends_at), billed_s);
  return cost ? std::min(*cost, run_lock(lease)) : run_lock(lease);
}

std::vector<EarlyExit> early_exits(const std::vector<model::TermRate>& early_rates, std::uint64_t duration_s,
                                   Money rate) {
  std::vector<EarlyExit> out;
  const auto term = lock_for(rate, duration_s, Money{});
  if (early_rates.empty() || !term) return out;
  for (std::uint64_t quarter = 1; quarter <= 3; ++quarter) {
    const std::uint64_t after = duration_s * quarter / 4;
    const auto seconds = static_cast<std::int64_t>(after);
    const auto cost = accrued(rate_after(early_rates, seconds, rate), seconds);
    out.push_back({after, cost ? std::min(*cost, *term) : *term, accrued(rate, seconds).value_or(*term)});
  }
  return out;
}

}  // namespace hanse::market
